"""Every spec and every layer runs in onnxruntime-web, and its answers are those of ONNX Runtime."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession

import nnspec
from nnspec.cli.main import main
from nnspec.training.training_export import export_training
from tests.web.node import ROOT, node
from tests.web.tensors import Array, read_arrays, write_arrays

sys.path += [str(ROOT / folder) for folder in ("tests/specs", "tests/layers", "docs/examples")]
from library_cases import cases, lowered, model_of, onnxruntime
from test_specs_in_opsets import SMALL, SPECS
from train_without_nnspec import vectors

pytestmark = pytest.mark.web
TOLERANCE = 1e-4


def require_equal(what: str, found: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    """Text and whole numbers are the same, other numbers differ by a part of the largest."""
    for name, array in wanted.items():
        assert found[name].shape == array.shape, what
        if array.dtype.kind == "f" and array.size:
            gap = np.abs(found[name].astype(float) - array).max() / (np.abs(array.astype(float)).max() or 1)
            assert gap <= TOLERANCE, f"{what}: {name} differs by {gap}"
        else:
            assert found[name].ravel().tolist() == array.ravel().tolist(), what


def test_every_spec_gives_the_answers_that_were_recorded(tmp_path: Path) -> None:
    golden: dict[str, Mapping[str, Array]] = {}
    for name, path in SPECS.items():
        small = SMALL.get(name, {})
        set = [word for key, value in small.items() for word in ("--set", f"{key}={value}")]
        assert main(["compile", str(path), "-o", str(tmp_path / f"{name}.onnx"), *set]) == 0
        with np.load(tmp_path / f"{name}.golden.npz") as arrays:
            golden[name] = dict(arrays)
        inputs = [item.name for item in nnspec.load(path, set=small).inputs]
        write_arrays(tmp_path / f"{name}_in", {key: golden[name].pop(key) for key in inputs})
    assert node("run_all.mjs", tmp_path, *SPECS) == {}
    for name, wanted in golden.items():
        require_equal(name, read_arrays(tmp_path / f"{name}_out"), wanted)


def test_every_layer_operator_and_loss(tmp_path: Path) -> None:
    """The examples of the library, as in inference."""
    wanted = {}
    for i, case in enumerate(cases()):
        model, feeds = model_of(lowered(case, symbolic=True))
        (tmp_path / f"{i}.onnx").write_bytes(model.SerializeToString())
        write_arrays(tmp_path / f"{i}_in", feeds)
        answers = onnxruntime(model, feeds)
        wanted[str(i)] = str(case), dict(zip([item.name for item in model.graph.output], answers, strict=True))
    assert node("run_all.mjs", tmp_path, *wanted) == {}
    for i, (case, answers) in wanted.items():
        require_equal(case, read_arrays(tmp_path / f"{i}_out"), answers)


TRAINED = [name for name, path in SPECS.items() if "\ntrain {" in path.read_text("utf-8")]


def test_the_loss_of_every_spec_that_trains(tmp_path: Path) -> None:
    """The first step of each; how losses go on is in test_loop."""
    losses = {}
    for name in TRAINED:
        trainer = nnspec.Trainer(nnspec.load(SPECS[name], set=SMALL.get(name, {})))
        said = export_training(trainer, tmp_path)
        size = int(next(iter(said["files"]["step"])))
        file = (tmp_path / f"step_{size}.onnx").rename(tmp_path / f"{name}.onnx")
        state = vectors(tmp_path / "state.safetensors")
        scalars = {key: np.array(of["value"], of["dtype"]) for key, of in said["step"]["scalars"].items()}
        batch = trainer.rows("train").batch(np.arange(size))
        feeds = batch | {key: state[key] for key in said["step"]["state"]} | scalars
        write_arrays(tmp_path / f"{name}_in", feeds)
        (losses[name],) = InferenceSession(file, providers=["CPUExecutionProvider"]).run(["loss"], feeds)
    assert node("run_all.mjs", tmp_path, *TRAINED) == {}
    for name, loss in losses.items():
        np.testing.assert_allclose(read_arrays(tmp_path / f"{name}_out")["loss"], loss, rtol=TOLERANCE, err_msg=name)
