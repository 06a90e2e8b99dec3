"""Integer targets of class losses: numbers that are no class are found where they are fed, and mean no other class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.training.trainer import Trainer

SPEC = """nnspec 1
model m {
  input x: float32[N, 2]
  output z = dense(3)
}
data {
  train = npz("rows.npz")
  x = "x"
  y = "y"
}
train {
  target y: int64[N]
  loss = cross_entropy(z, y%s)
  optimizer = sgd(lr = 0.1)
  epochs = 1
}
"""
X = np.ones((4, 2), np.float32)


@pytest.mark.parametrize("number", [-1, -3, 3, 255])
def test_a_number_that_is_no_class_is_an_error_unless_it_is_ignored(tmp_path: Path, number: int) -> None:
    """-1 would be the last class, as Python counts, were it left to the graph."""
    y = np.array([0, 1, number, 2])
    np.savez(tmp_path / "rows.npz", x=X, y=y)
    (tmp_path / "m.nn").write_text(SPEC % "")
    trainer = Trainer(nnspec.load(tmp_path / "m.nn"), seed=1)
    wanted = rf"E606.*index 2.* holds {number}, and the loss expects classes 0 to 2(?s:.*)ignore = {number}"
    with pytest.raises(nnspec.DataError, match=wanted):
        trainer.fit()
    trainer.step({"x": X, "y": np.array([0, 1, 2, 2])})
    with pytest.raises(nnspec.DataError, match=wanted):
        trainer.step({"x": X, "y": y})
    (tmp_path / "i.nn").write_text(SPEC % f", ignore = {number}")
    ignoring = Trainer(nnspec.load(tmp_path / "i.nn"), seed=1)
    ignoring.load_parameters(trainer.parameters)
    kept = np.array([0, 1, 3])
    assert ignoring.step({"x": X, "y": y})["loss"] == pytest.approx(
        trainer.step({"x": X[kept], "y": y[kept]})["loss"], rel=1e-6
    )
