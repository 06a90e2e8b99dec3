"""NaN and infinity: the step, the rows and the first bad value are named, or the update is left out and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec.diagnostics.errors import DataError, RunError
from nnspec.training.trainer import Trainer

LINE = """nnspec 1
model line {
  input x: float32[N, 2]
  h = dense(4) -> exp
  g = h -> log
  output y = g -> dense(1)
}
data {
  train = csv("rows.csv")
  shuffle = false
  x = ["a", "b"]
  t = ["t"]
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = adam(lr = 0.01)
  epochs = 2
  batch_size = 4
  %s
}
"""


def line(more: str = "") -> Trainer:
    return Trainer(nnspec.loads(LINE % more))


def batch(row: Any = 1.0, count: int = 8) -> dict[str, Any]:
    """Rows of which number 5 is `row`."""
    x = np.ones((count, 2), np.float32)
    x[5] = row
    return {"x": x, "t": np.ones((count, 1), np.float32)}


@pytest.mark.parametrize(
    "row, cause",
    [([400, 400], "the Exp of h.exp_1 is the first that is inf"), (np.nan, "x is the first that is nan")],
)
def test_the_step_the_row_and_the_first_bad_value_are_named(row: Any, cause: str) -> None:
    trainer = line()
    trainer.load_parameters({"h.weight": np.ones((4, 2))}, strict=False)
    trainer.step(batch())
    trainer.step(batch())
    before = trainer.parameters
    with pytest.raises(RunError, match=rf"E704.*the loss is .* in step 3, in the batch given, rows index 5: {cause}"):
        trainer.step(batch(row))
    assert all(np.array_equal(trainer.parameters[path], array) for path, array in before.items())
    with pytest.raises((RunError, DataError), match=r"E704.*in step \d, epoch 1, rows index 5|E605.*x, index 5 is nan"):
        trainer.fit(batch(row))


def test_a_row_of_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    lines = ["a,b,t"] + ["1,1,1"] * 6 + ["3e38,3e38,1"] + ["1,1,1"] * 5
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    trainer = Trainer(nnspec.loads(LINE % ""), folder=tmp_path)
    with pytest.raises(RunError, match=r"E704.*in step 2, epoch 1, rows rows.csv, line 8: the \w+ of"):
        trainer.fit(run=tmp_path / "run")
    assert Trainer.resume(tmp_path / "run", folder=tmp_path)._engine.state.counters.step == 1
    history = Trainer.resume(tmp_path / "run", folder=tmp_path).fit(run=tmp_path / "run", on_nan="skip")
    assert [record["skipped"] for record in history] == [1, 2] and history.epochs[0]["rows"] == 8


def test_a_gradient_that_is_not_finite_is_found_though_the_loss_is() -> None:
    """√√x has the slope ∞ at 0; that of √x is the greatest number, where the gradients' squares alone overflow."""
    text = LINE.replace("h = dense(4) -> exp", "h = dense(4)").replace("-> log", "-> sqrt")
    trainer = Trainer(nnspec.loads(text % ""))
    trainer.load_parameters({"h.weight": np.zeros((4, 2)), "h.bias": np.zeros(4)}, strict=False)
    assert trainer.gradients(batch())["h.weight"].max() > 1e36
    trainer = Trainer(nnspec.loads((text % "").replace("-> sqrt", "-> sqrt -> sqrt")))
    trainer.load_parameters({"h.weight": np.zeros((4, 2)), "h.bias": np.zeros(4)}, strict=False)
    with pytest.raises(RunError, match=r"E704.*the gradient of h.weight is (nan|inf|-inf) in step 1.*is the first"):
        trainer.step(batch())


def test_a_parameter_that_is_not_finite_is_named() -> None:
    trainer = line()
    trainer._engine.state.parameters["h.bias"][1] = np.nan  # what was loaded is checked
    with pytest.raises(RunError, match=r"E704.*: h.bias is the first that is nan"):
        trainer.step(batch())


def test_parameters_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    spec = nnspec.loads((LINE % "").replace("adam(lr = 0.01)", "sgd(lr = 3e38)").replace(" -> exp", " -> identity"))
    trainer = Trainer(nnspec.loads(spec.files[spec.path].replace("-> log", "-> identity")))
    trainer.load_parameters({"h.weight": np.full((4, 2), 1e6)}, strict=False)
    with pytest.raises(RunError, match=r"E704.*after step 1 the parameter .* is not finite"):
        trainer.fit(batch(), run=tmp_path, checkpoint_every=1)
    assert all(np.isfinite(array).all() for array in Trainer.resume(tmp_path).parameters.values())


def bad_every_epoch() -> dict[str, Any]:
    found = rows(48)
    found["x"][7] = 3e38
    return found


def fragile(more: str, rate: float = 0.0) -> Trainer:
    """A model for which 3e38 is too much."""
    trainer = Trainer(classifier(more=more, rate=rate))
    trainer.load_parameters(
        {"standardize_1.deviation": np.full(5, 1e-2), "standardize_1.mean": np.zeros(5)}, strict=False
    )
    return trainer


@pytest.mark.parametrize("more", ["", "accumulate = 2", "average = ema(0.5)"])
def test_a_skipped_update_leaves_no_trace_in_the_optimizer(more: str) -> None:
    """Three batches an epoch, one of them bad: the finite rest of the epoch is measured, and nothing becomes NaN."""
    trainer = fragile(more)
    with pytest.raises(RunError, match="E704"):
        fragile(more).fit(bad_every_epoch())
    history = trainer.fit(bad_every_epoch(), on_nan="skip")
    counters = trainer._engine.state.counters
    assert [record["skipped"] for record in history] == [1, 2, 3] and counters.updates == counters.step - 3
    assert all(record["rows"] == 32 for record in history)
    assert all(np.isfinite(slot.flat).all() for slot in trainer._engine.state.slots.values())


def test_an_epoch_of_nothing_but_bad_batches_ends_the_run() -> None:
    trainer = line()
    trainer._engine.state.parameters["h.bias"][1] = np.nan  # what was loaded is checked
    with pytest.raises(RunError, match=r"E704.*no batch of epoch 1"):
        trainer.fit(batch(), on_nan="skip")


def test_a_skipping_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """Stopped within a group of batches of which one was bad."""
    found = []
    for stops in ((), (1, 2, 3, 5, 7)):
        run = tmp_path / str(len(stops))
        trainer = fragile("accumulate = 2", 0.3)
        for steps in stops:
            trainer.fit(bad_every_epoch(), steps=steps, run=run, on_nan="skip")
            trainer = Trainer.resume(run)
        trainer.fit(bad_every_epoch(), steps=9, run=run, on_nan="skip")
        found.append({**trainer._engine.state.parameters, "m": trainer._engine.state.slots["m"].flat})
        assert trainer._engine.state.counters.skipped > 2
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
