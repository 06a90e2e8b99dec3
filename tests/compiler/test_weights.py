"""Weights are held against the spec before anything is done with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec.compiler.export import compile_model
from nnspec.compiler.fit import require_fit
from nnspec.compiler.initial import initial_values
from nnspec.compiler.weights import read_weights
from nnspec.diagnostics.errors import Fault, RunError
from nnspec.library import registries
from nnspec.training.trainer import Trainer

HALF = "nnspec 1\nmodel half {\n  input x: float16[N, 2]\n  output y = dense(2, bias = false)\n}\n"


def weights() -> dict[str, Any]:
    return initial_values(classifier(), registries(), 1)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.array([np.nan, 0, np.inf]), "logits.bias (2 of 3 not finite as float32)"),
        (np.array([0, 1e300, 0]), "logits.bias (1 of 3 not finite as float32)"),
        (np.array(["a", "b", "c"]), "logits.bias <U1 instead of float32"),
        (np.array([None] * 3), "logits.bias object instead of float32"),
        (np.array([1j] * 3), "logits.bias complex128 instead of float32"),
        ([[1], [2, 3]], "logits.bias ragged instead of [3]"),
        (np.zeros(4), "logits.bias [4] instead of [3]"),
    ],
    ids=str,
)
def test_values_that_are_no_parameters_are_refused(bad: Any, said: str) -> None:
    with pytest.raises(RunError) as caught:
        compile_model(classifier(), {**weights(), "logits.bias": bad})
    (found,) = caught.value.diagnostics
    assert found.code == "E702" and said in found.message
    with pytest.raises(RunError, match="E702"):
        Trainer(classifier()).load_parameters({"logits.bias": bad}, strict=False)


def test_numbers_are_held_against_the_dtype_of_the_parameter() -> None:
    spec = nnspec.loads(HALF)
    require_fit(spec, {"y.weight": np.full((2, 2), 6e4)})
    with pytest.raises(Fault, match=r"4 of 4 not finite as float16"):
        require_fit(spec, {"y.weight": np.full((2, 2), 7e4)})


def test_a_trainer_is_a_source_of_weights() -> None:
    spec = nnspec.loads(
        "nnspec 1\nmodel m {\n  input x: float32[N, 5]\n  logits = dense(3)\n  output p = logits -> softmax\n}\n"
        "train {\n  target y: label[N]\n  loss = cross_entropy(logits, y)\n"
        "  optimizer = sgd(lr = 0.1)\n  epochs = 1\n}\n"
    )
    trainer = Trainer(spec)
    batch = rows(30)
    trainer.step({"x": batch["x"], "y": np.array(["a", "b", "c"])[batch["y"]]})
    model = nnspec.compile(spec, trainer)
    assert np.array_equal(model.run({"x": batch["x"]})["p"], trainer.predict({"x": batch["x"]})["p"])
    assert any(item.value == '{"y": ["a", "b", "c"]}' for item in model.onnx.metadata_props)
    with pytest.raises(RunError, match=r"E702.*or a Trainer, got int"):
        nnspec.compile(spec, 3)


def test_a_run_gives_its_classes_to_a_trainer(tmp_path: Path) -> None:
    batch = rows(30)
    labels = np.array(["a", "b", "c"])[batch["y"]]
    first = Trainer(classifier())
    first.step({"x": batch["x"], "y": labels})
    first.save(tmp_path / "run")
    second = Trainer(classifier())
    second.load_parameters(tmp_path / "run")
    assert second.classes == {"y": ("a", "b", "c")}
    with pytest.raises(nnspec.DataError, match="E606"):
        second.evaluate({"x": batch["x"], "y": np.char.add(labels, "!")})
    other = Trainer(classifier())
    other.step(batch)
    with pytest.raises(RunError, match=r"E606.*y has the classes 0, 1, 2, the weights were trained for 'a', 'b', 'c'"):
        other.load_parameters(tmp_path / "run")


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "run.json").write_text("{}")
    with pytest.raises(Fault, match=r"there is no run or weight file .*irs") as caught:
        read_weights(tmp_path / "irs")
    assert caught.value.code == "E707" and caught.value.help == f"did you mean {tmp_path / 'iris'}?"
    with pytest.raises(Fault, match=r"is no run directory: it has no run\.json"):
        read_weights(tmp_path)
