"""The deployable model: what is in it, that it is verified, and that the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec.compiler import verification
from nnspec.compiler.deployed import Deployed
from nnspec.compiler.export import compile_model
from nnspec.compiler.golden import replay, write_golden
from nnspec.compiler.initial import initial_values
from nnspec.diagnostics.errors import DataError, Fault, RunError
from nnspec.graph import external_data, onnx_file
from nnspec.graph.graph import GraphError
from nnspec.library import registries

HERE = Path(__file__).parent


def weights(seed: int = 1) -> dict[str, Any]:
    return initial_values(classifier(), registries(), seed)


def test_names_and_dimensions_are_those_of_the_spec() -> None:
    model = compile_model(classifier()).onnx
    assert [item.name for item in model.graph.input] == ["x"]
    assert [item.name for item in model.graph.output] == ["probability"]
    assert [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim] == ["N", 5]
    assert [d.dim_param or d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim] == ["N", 3]
    assert model.opset_import[0].version == 21 and model.ir_version == 10
    assert {item.name for item in model.graph.initializer} >= {"dense_1.weight/scaled", "logits.weight", "logits.bias"}


def test_metadata_tells_where_it_is_from() -> None:
    spec = nnspec.load(HERE.parent / "acceptance" / "iris.nn")
    said = {
        item.key: item.value for item in compile_model(spec, classes={"species": ("a", "b", "c")}).onnx.metadata_props
    }
    source = spec.files[spec.path]
    assert said["nnspec.spec"] == source and said["nnspec.spec_sha256"] == hashlib.sha256(source.encode()).hexdigest()
    assert json.loads(said["nnspec.classes"]) == {"species": ["a", "b", "c"]}
    assert json.loads(said["nnspec.feeds"])["features"][0] == "sepal_length"
    assert said["nnspec.version"] == nnspec.__version__ and len(said["nnspec.weights_sha256"]) == 64


def test_the_weights_of_a_run_bring_their_lineage(tmp_path: Path) -> None:
    """As the run itself wrote it, byte by byte."""
    spec = nnspec.load(HERE.parent / "acceptance" / "iris.nn")
    trainer = nnspec.Trainer(spec)
    best = trainer.fit(epochs=2, run=tmp_path).best
    model = compile_model(spec, tmp_path)
    said = onnx_file.metadata(model.onnx)
    metrics, lineage = (json.loads(said[f"nnspec.{key}"]) for key in ("metrics", "lineage"))
    assert best and metrics["validation.loss"] == best["validation.loss"] and lineage["epoch"] == best["epoch"]
    assert lineage["seed"] == 7 and len(lineage["data"]["data/iris.csv"]) == 64
    assert lineage["versions"]["onnxruntime"] == onnxruntime.__version__
    assert onnx_file.to_bytes(model.onnx) == (tmp_path / "model.onnx").read_bytes()
    lone = onnx_file.metadata(compile_model(spec, tmp_path.joinpath("weights.safetensors").rename(tmp_path / "w")).onnx)
    assert json.loads(lone["nnspec.metrics"]) == metrics


def test_files_that_the_spec_uses_are_told_by_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = HERE.parent / "acceptance" / "digits_resnet.nn"
    model = compile_model(nnspec.load(source)).onnx
    said = onnx_file.metadata(model)
    assert list(json.loads(said["nnspec.files"])) == ["digits_resnet.nn", "blocks/resnet.nn"]
    assert json.loads(said["nnspec.settings"]) == {"width": 16, "depth": 2}
    monkeypatch.chdir(source.parent)
    assert onnx_file.to_bytes(compile_model(nnspec.load("digits_resnet.nn")).onnx) == onnx_file.to_bytes(model)


def test_nodes_inputs_and_outputs_say_where_they_stand() -> None:
    graph = compile_model(nnspec.load(HERE.parent / "acceptance" / "iris.nn")).onnx.graph
    assert graph.doc_string == f"iris(hidden = 16) of iris.nn, compiled by nnspec {nnspec.__version__}"
    assert "input features: float32[N, 4]; fed by sepal_length, sepal_width" in graph.input[0].doc_string
    assert graph.output[0].doc_string.endswith(": output probability = logits -> softmax")
    assert all(node.doc_string.startswith("iris.nn:") for node in graph.node)
    assert {item.name for item in graph.value_info} >= {node.output[0] for node in graph.node[:-1]}


def test_it_computes_what_plain_onnxruntime_computes(tmp_path: Path) -> None:
    model = compile_model(classifier(), weights())
    model.save(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    x = rows(9)["x"]
    (wanted,) = session.run(None, {"x": x})
    assert np.array_equal(model.run({"x": x})["probability"], wanted)
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-5)
    assert [item.name for item in tmp_path.iterdir()] == ["m.onnx"]


def test_the_file_itself_answers_with_names_of_classes(tmp_path: Path) -> None:
    """In plain onnxruntime, from words that the file looks up itself."""
    spec = nnspec.loads("""nnspec 1
model m {
  input colour: string[N]
  code = lookup(["red", "green"]) -> one_hot(3)
  output answer = code -> argmax -> lookup(["stop", "go", "unknown"], invert = true)
}
""")
    compile_model(spec).save(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"colour": np.array(["green", "red", "blue"], dtype=object)})
    assert answer.tolist() == ["go", "stop", "unknown"]


def test_inputs_that_do_not_fit_are_data_errors() -> None:
    model = compile_model(classifier())
    for inputs in ({}, {"y": [1]}, {"x": np.zeros((2, 4))}, {"x": [["a"] * 5]}):
        with pytest.raises(DataError):
            model.run(inputs)


@pytest.mark.parametrize("opset", [17, 21, 23])
def test_opsets(opset: int) -> None:
    assert compile_model(classifier(), opset=opset).onnx.opset_import[0].version == opset


@pytest.mark.parametrize("opset", [0, 12, 16, 27])
def test_opsets_outside_the_range_are_refused(opset: int) -> None:
    with pytest.raises(RunError, match=f"E710.*no model file of opset {opset}\n.*one of 17 to 26"):
        compile_model(classifier(), opset=opset)


def test_a_layer_that_needs_a_later_opset_is_named() -> None:
    spec = nnspec.loads('nnspec 1\nmodel m {\n  input x: string[N]\n  output y = lookup(["a"])\n}\n')
    with pytest.raises(RunError, match=r"E710.*in opset 18: Equal at lookup_1 needs opset 19 for strings"):
        compile_model(spec, opset=18)
    compile_model(spec, opset=19)


def test_a_defect_of_the_compiler_is_an_error_with_a_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise GraphError("Add at logits: wrong")

    monkeypatch.setattr("nnspec.compiler.export.forward_graph", fail)
    with pytest.raises(RunError, match=r"E703.*small\.nn: Add at logits: wrong\n.*please report it"):
        compile_model(classifier())


def test_paths_that_are_no_place_for_a_model(tmp_path: Path) -> None:
    source = tmp_path / "m.nn"
    source.write_text("nnspec 1\nmodel m {\n  input x: float32[N, 2]\n  output y = dense(2)\n}\n")
    link = tmp_path / "link.onnx"
    link.symlink_to(source)
    (tmp_path / "folder.onnx").mkdir()
    model = compile_model(nnspec.load(source))
    for path, said in {
        source: "is a file of the spec",
        link: "is a file of the spec",
        tmp_path: "is a folder",
        tmp_path / "folder.onnx": "is a folder",
        tmp_path / "m.txt": r"does not end with \.onnx",
        tmp_path / "none" / "m.onnx": "there is no folder",
    }.items():
        with pytest.raises(RunError, match=f"E706.*{said}"):
            model.save(path)
    assert source.read_text().startswith("nnspec 1")


@pytest.mark.parametrize("options", [{}, {"precision": "float16"}, {"quantize": "int8-dynamic"}])
def test_weights_beyond_a_message_are_beside_it(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds from 1.5 GB on, since a message ends at 2 GiB: with a smaller limit, all that is done to a model."""
    spec = nnspec.loads("nnspec 1\nmodel m {\n  input x: float32[N, 30]\n  dense(40) -> relu -> dense(50)\n}\n")
    rows = {"x": np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)}
    wanted = compile_model(spec, **options)
    monkeypatch.setattr(external_data, "ABOVE", 1000)
    model, path = compile_model(spec, **options), tmp_path / "m.onnx"
    assert len(model.beside) == 2 and model.onnx.ByteSize() < 6000
    np.testing.assert_array_equal(model.run(rows)["output"], wanted.run(rows)["output"])
    model.save(path)
    assert (tmp_path / "m.onnx.data").stat().st_size >= sum(array.nbytes for array in model.beside.values())
    deployed = Deployed.load(path)
    np.testing.assert_array_equal(deployed.run(rows)["output"], wanted.run(rows)["output"])
    write_golden(deployed, rows, tmp_path / "golden.npz")
    assert all(answer.gap == 0 for answer in replay(Deployed.load(path), tmp_path / "golden.npz"))
    own = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])  # without nnspec
    np.testing.assert_array_equal(own.run(None, rows)[0], wanted.run(rows)["output"])
    onnx.checker.check_model(str(path), full_check=True)


@pytest.mark.parametrize(
    ("place", "said"),
    [({"location": "../m.onnx.data"}, "leads out of the folder"), ({"offset": "8"}, "bytes 8 to 4808 of a file"),
     ({"length": "9"}, "takes 9 of another"), ({"location": "none"}, "No such file"),
     ({"offset": "-4096"}, "offset is '-4096'"), ({"offset": "x"}, "offset is 'x'")],
)  # fmt: skip
def test_tensors_from_elsewhere_are_refused(
    place: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_data, "ABOVE", 1000)
    spec = nnspec.loads("nnspec 1\nmodel m {\n  input x: float32[N, 30]\n  dense(40, bias = false)\n}\n")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "m.onnx"
    compile_model(spec).save(path)
    (tmp_path / "m.onnx.data").write_bytes((tmp_path / "in" / "m.onnx.data").read_bytes())
    model = onnx.load(path, load_external_data=False)
    (tensor,) = external_data.referring(model)
    external_data.refer(tensor, **{entry.key: entry.value for entry in tensor.external_data} | place)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(Fault, match=said) as caught:
        Deployed.load(path)
    assert caught.value.code == "E731"


def test_outputs_can_be_chosen() -> None:
    spec = nnspec.loads(
        "nnspec 1\nmodel m {\n  input x: float32[N, 2]\n  output a = dense(1)\n  output b = a -> tanh\n}\n"
    )
    assert [item.name for item in compile_model(spec).onnx.graph.output] == ["a", "b"]
    for chosen in ("b", ["b"]):
        assert list(compile_model(spec, outputs=chosen).run({"x": np.ones((2, 2))})) == ["b"]
    with pytest.raises(RunError, match=r"E709.*no output 'c'\n.*its outputs are a, b"):
        compile_model(spec, outputs=["c"])


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RunError, match=r"E702.*missing: dense_1.weight"):
        compile_model(classifier(), {path: array for path, array in weights().items() if path != "dense_1.weight"})


@pytest.mark.parametrize("change", ["weight", "operator", "shape"])
def test_a_model_that_differs_is_never_given_out(change: str) -> None:
    """Whatever goes wrong between spec and file, the verification sees it."""
    spec, outputs = classifier(), {"probability": "probability"}
    model = onnx.ModelProto()
    model.CopyFrom(compile_model(spec, weights()).onnx)
    verification.verify(model, spec, registries(), outputs, weights())
    if change == "weight":
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "logits.bias")
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([0.001, 0, 0], np.float32), tensor.name))
    elif change == "operator":
        next(node for node in model.graph.node if node.op_type == "Tanh").op_type = "Sigmoid"
    else:
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(Fault, match=r"output probability|is no valid ONNX model") as caught:
        verification.verify(model, spec, registries(), outputs, weights())
    assert caught.value.code == "E703"


PROGRAM = """
import hashlib, sys
sys.path.insert(0, {here!r})
from small_specs import classifier
from nnspec.compiler.export import compile_model
from nnspec.graph.onnx_file import to_bytes
print(hashlib.sha256(to_bytes(compile_model(classifier()).onnx)).hexdigest())
"""


def test_the_same_spec_gives_the_same_bytes_in_every_process() -> None:
    def digest(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        program = [sys.executable, "-c", PROGRAM.format(here=str(HERE))]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout

    own = hashlib.sha256(onnx_file.to_bytes(compile_model(classifier()).onnx)).hexdigest()
    assert {digest("0"), digest("1"), own + "\n"} == {own + "\n"}


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RunError, match=r"E707.*No space left on device"):
        compile_model(classifier()).save(path)
    assert path.read_bytes() == b"old" and [item.name for item in tmp_path.iterdir()] == ["m.onnx"]
