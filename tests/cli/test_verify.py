"""What compile records beside a model, verify asks again, and show gives back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.cli.conftest import Command

SPEC = "specs/iris.nn"
BLOCKS = Path(__file__).parent.parent / "acceptance"


@pytest.fixture
def model(nnspec: Command) -> str:
    """A compiled iris of a short run."""
    assert nnspec("train", SPEC, "--out", "run", "--epochs", "3", "--quiet").code == 0
    assert nnspec("compile", SPEC, "--weights", "run", "-o", "iris.onnx").code == 0
    return "iris.onnx"


def test_the_recording_is_of_real_rows_and_plain_numpy(model: str, folder: Path) -> None:
    golden = np.load(folder / "iris.golden.npz")
    assert set(golden) == {"features", "probability"} and golden["features"].shape == (16, 4)
    assert golden["features"].min() > 0 and golden["features"].max() < 8
    session = onnxruntime.InferenceSession(folder / model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"features": golden["features"]})
    np.testing.assert_allclose(found, golden["probability"], rtol=1e-5)


def test_the_model_answers_as_recorded(nnspec: Command, model: str) -> None:
    done = nnspec("verify", model, "iris.golden.npz")
    assert done.code == 0 and done.out.endswith("iris.onnx answers as iris.golden.npz records\n")


@pytest.mark.parametrize("change, code", [(1e-6, 0), (0.01, 1), (np.nan, 1)])
def test_a_changed_weight_is_seen(nnspec: Command, model: str, folder: Path, change: float, code: int) -> None:
    loaded = onnx.load(folder / model)
    tensor = next(tensor for tensor in loaded.graph.initializer if tensor.name == "logits.bias")
    content = onnx.numpy_helper.to_array(tensor) + np.array([change, 0, 0], np.float32)
    tensor.CopyFrom(onnx.numpy_helper.from_array(content, tensor.name))
    onnx.save(loaded, folder / model)
    done = nnspec("verify", model, "iris.golden.npz")
    assert done.code == code
    assert code == 0 or "error[E720]: probability: iris.onnx answers something else" in done.err
    assert code == 0 or nnspec("verify", model, "iris.golden.npz", "--tolerance", "0.1").code == int(
        bool(np.isnan(change))
    )


def test_recordings_that_are_none(nnspec: Command, model: str, folder: Path) -> None:
    np.savez(folder / "other.npz", x=np.ones(3))
    (folder / "text.npz").write_text("no archive")
    for path, said in {"other.npz": "E720.*records x, the model has", "text.npz": "E608", "none.npz": "E601"}.items():
        done = nnspec("verify", model, path)
        assert done.code == 1 and said.split(".*")[0] in done.err, done.err
    assert nnspec("verify", SPEC, "iris.golden.npz").code == 1


def test_without_data_the_rows_are_random_and_the_same(nnspec: Command, folder: Path) -> None:
    shutil.rmtree(folder / "specs" / "data")
    for name in ("a", "b"):
        assert nnspec("compile", SPEC, "-o", f"{name}.onnx").code == 0
    assert (folder / "a.golden.npz").read_bytes() == (folder / "b.golden.npz").read_bytes()
    assert nnspec("compile", SPEC, "-o", "c.onnx", "--no-golden").code == 0
    assert not (folder / "c.golden.npz").exists()


def test_show_gives_back_the_spec_the_table_and_the_lineage(nnspec: Command, model: str, folder: Path) -> None:
    assert nnspec("show", model, "--format", "spec").out == (folder / SPEC).read_text()
    shown = nnspec("show", model).out
    assert (
        nnspec("show", SPEC).out.splitlines()[1:] == shown.splitlines()[1 : len(nnspec("show", SPEC).out.splitlines())]
    )
    record = json.loads((folder / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    for line in (
        "input   features: float32[N, 4]",
        "opset   ai.onnx 21, file format 10",
        f"validation.loss      {record['validation.loss']:.6g}",
        "classes              species: setosa, versicolor, virginica",
    ):
        assert line in shown
    assert "data/iris.csv, SHA-256 9cc1c345" in shown
    assert json.loads(nnspec("show", model, "--format", "json").out)["name"] == "iris"


def test_show_knows_settings_and_used_files(nnspec: Command, folder: Path) -> None:
    shutil.copytree(BLOCKS, folder / "acceptance")
    nnspec("compile", "acceptance/digits_resnet.nn", "--set", "width=8", "-o", "m.onnx")
    shutil.rmtree(folder / "acceptance")
    shown = nnspec("show", "m.onnx")
    assert shown.code == 0 and shown.out.startswith("digits_resnet(width = 8, depth = 2)")


def test_show_knows_files_of_others(nnspec: Command, folder: Path) -> None:
    x = onnx.helper.make_tensor_value_info("x", 1, ["N", 2])
    y = onnx.helper.make_tensor_value_info("y", 1, ["N", 2])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    plain = onnx.helper.make_model(graph)
    onnx.save(plain, folder / "m.onnx")
    assert nnspec("show", "m.onnx").out.startswith("input   x: float32[N, 2]\noutput  y: float32[N, 2]\n")
    assert "error[E705]" in nnspec("show", "m.onnx", "--format", "json").err
    files = {"../out.nn": "nnspec 1\n"}
    onnx.helper.set_model_props(plain, {"nnspec.spec": "nnspec 1", "nnspec.files": json.dumps(files)})
    onnx.save(plain, folder / "m.onnx")
    assert "error[E705]: the file says that its spec lies at '../out.nn'" in nnspec("show", "m.onnx").err
    assert not (folder / "out.nn").exists()
    (folder / "n.onnx").write_text("no model")
    assert "error[E731]" in nnspec("show", "n.onnx").err and "error[E707]" in nnspec("show", "none.onnx").err


@pytest.mark.parametrize("tolerance", ["nan", "inf", "-1", "much"])
def test_a_tolerance_that_says_nothing_is_refused(nnspec: Command, tolerance: str) -> None:
    done = nnspec("verify", "model.onnx", "model.golden.npz", "--tolerance", tolerance)
    assert done.code == 2 and f"{tolerance!r} is no tolerance" in done.err


@pytest.mark.parametrize("target", ["iris.onnx", SPEC])
def test_a_recording_is_not_written_over_a_model_or_a_spec(nnspec: Command, folder: Path, target: str) -> None:
    before = (folder / SPEC).read_bytes()
    done = nnspec("compile", SPEC, "-o", "iris.onnx", "--golden", target)
    assert done.code == 1 and f"error[E706]: {target} does not end with .npz" in done.err
    assert (folder / SPEC).read_bytes() == before and not (folder / "iris.onnx").exists()
