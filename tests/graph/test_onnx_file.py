"""Writing models: names, versions, older forms, bytes, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_builds import forward, on_reference, session
from operator_cases import CASES, Case, names

from nnspec.graph import external_data, onnx_file
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, GraphError
from nnspec.ir.dims import symbol

OLD = tuple(row for row in CASES if row.since == 17)


def small(opset: int = 21) -> Graph:
    g = Graph("small", opset=opset)
    x = g.input("x", tensor_type("float32", (symbol("N"), 3)))
    w = g.parameter("dense.weight", tensor_type("float32", (3, 2)))
    with g.at("dense"):
        y = g.op("MatMul", x, w)
    g.output("logits", g.op("Add", y, 1))
    return g


WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.mark.parametrize("opset", sorted(onnx_file.IR_VERSIONS))
def test_versions(opset: int) -> None:
    model = onnx_file.to_model(small(opset))
    onnx_file.check(model)
    assert model.ir_version == onnx.helper.find_min_ir_version_for(list(model.opset_import))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    session = onnxruntime.InferenceSession(onnx_file.to_bytes(model), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["N", 2]


@pytest.mark.parametrize("opset", [16, 27])
def test_opsets_that_are_not_written(opset: int) -> None:
    with pytest.raises(GraphError, match="outside 17 to 26"):
        onnx_file.to_model(small(opset))


@pytest.mark.parametrize("row", OLD, ids=names(OLD))
def test_opset_17_computes_the_same(row: Case) -> None:
    old, feeds = forward(row, "float32", 17)
    new, _ = forward(row, "float32", 21)
    onnx_file.check(onnx_file.to_model(old))
    for a, b in zip(on_reference(old, feeds), on_reference(new, feeds), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("row", CASES, ids=names())
def test_the_runtime_has_every_operator_and_agrees_with_the_reference(row: Case) -> None:
    for opset in (17, 21):
        g, feeds = forward(row, "float32", max(opset, row.since))
        for found, wanted in zip(session(g).run(None, feeds), on_reference(g, feeds), strict=True):
            assert found.dtype == wanted.dtype
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_parameters_with_arrays_become_initializers() -> None:
    free, bound = onnx_file.to_model(small()), onnx_file.to_model(small(), {"dense.weight": WEIGHT})
    assert [value.name for value in free.graph.input] == ["x", "dense.weight"]
    assert [value.name for value in bound.graph.input] == ["x"]
    assert "dense.weight" in [tensor.name for tensor in bound.graph.initializer]


def test_an_array_of_another_type_is_refused() -> None:
    for array in (WEIGHT.T, WEIGHT.astype(np.float64)):
        with pytest.raises(GraphError, match=r"the array for dense\.weight"):
            onnx_file.to_model(small(), {"dense.weight": array})


def test_every_value_has_a_type_and_a_readable_name() -> None:
    model = onnx_file.to_model(small())
    assert [node.name for node in model.graph.node] == ["dense/MatMul", "add"]
    assert [value.name for value in model.graph.value_info] == ["dense/MatMul"]
    assert model.graph.value_info[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_outputs_have_the_declared_names() -> None:
    g = Graph("names")
    x = g.input("x", tensor_type("float32", (2,)))
    inner = g.op("Exp", x)
    g.output("exp", g.op("Neg", inner))
    g.output("again", g.outputs["exp"])
    g.output("same", x)
    g.output("three", g.constant(3.0, "float32"))
    model = onnx_file.to_model(g)
    onnx_file.check(model)
    assert [value.name for value in model.graph.output] == ["exp", "again", "same", "three"]
    assert [node.op_type for node in model.graph.node] == ["Identity", "Identity", "Exp", "Neg", "Identity"]
    found = on_reference(g, {"x": np.array([0, 1], np.float32)})
    np.testing.assert_allclose(found[0], [-1, -np.e], rtol=1e-6)
    np.testing.assert_array_equal(found[2], [0, 1])


def test_an_output_with_the_name_of_an_input_is_refused() -> None:
    g = small()
    g.output("x", g.outputs["logits"])
    with pytest.raises(GraphError, match="name of an input or parameter"):
        onnx_file.to_model(g)


def test_operators_and_attributes_that_the_opset_lacks() -> None:
    g = Graph("new", opset=17)
    with g.at("layer_3"):
        x = g.input("x", tensor_type("uint32", (2,)))
        g.output("y", g.op("BitwiseXor", x, x))
    with pytest.raises(GraphError, match="BitwiseXor at layer_3 needs opset 18"):
        onnx_file.to_model(g)
    g = Graph("wrong")
    g.output("y", g.op("Exp", g.input("x", tensor_type("float32", (2,))), speed=3))
    with pytest.raises(GraphError, match="no attribute 'speed'"):
        onnx_file.to_model(g)


def test_the_same_graph_gives_the_same_bytes() -> None:
    metadata = {"b": "2", "a": "1"}
    first, second = (
        onnx_file.to_bytes(onnx_file.to_model(small(), {"dense.weight": WEIGHT}, entries, "doc"))
        for entries in (metadata, dict(reversed(metadata.items())))
    )
    assert first == second
    assert [entry.key for entry in onnx.load_from_string(first).metadata_props] == ["a", "b"]


def test_all_dtypes_are_written() -> None:
    g = Graph("dtypes")
    for dtype in ("float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "uint32", "bool"):
        g.output(dtype, g.cast(g.constant([1, 0]), dtype))
        g.output(f"constant {dtype}", g.constant([1, 0], dtype))
    g.output("text", g.constant(["a", "b"], "string"))
    onnx_file.check(onnx_file.to_model(g))


def test_check_objects() -> None:
    model = onnx_file.to_model(small())
    model.graph.node[0].op_type = "Nothing"
    with pytest.raises(GraphError, match="small is no valid ONNX model"):
        onnx_file.check(model)


def test_saved_files_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    model = onnx_file.to_model(small(), {"dense.weight": WEIGHT})
    onnx_file.save(model, path)
    before = path.read_bytes()
    assert onnx_file.to_bytes(onnx.load(path)) == before == onnx_file.to_bytes(model)

    def broken(model: onnx.ModelProto) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(onnx_file, "to_bytes", broken)
    with pytest.raises(OSError, match="disk full"):
        onnx_file.save(onnx_file.to_model(small()), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_large_models_keep_their_tensors_in_a_file_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external_data, "ABOVE", 1000)
    g = Graph("large")
    x = g.input("x", tensor_type("float32", (2, 300)))
    g.output("y", g.op("MatMul", x, g.parameter("w", tensor_type("float32", (300, 40)))))
    weight = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
    path = tmp_path / "model.onnx"
    beside: dict[str, np.ndarray] = {}
    model = onnx_file.to_model(g, {"w": weight}, beside=beside)
    onnx_file.check(model)
    onnx_file.save(model, path, beside)
    assert path.stat().st_size < 1000
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(onnx.load(path).graph.initializer[0]), weight)
    mapped = external_data.read(onnx.load(path, load_external_data=False), tmp_path)
    np.testing.assert_array_equal(mapped["w"], weight)
    feed = np.ones((2, 300), np.float32)
    (found,) = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": feed})
    np.testing.assert_allclose(found, feed @ weight, rtol=1e-5, atol=1e-4)


def test_text() -> None:
    assert onnx_file.text(small()) == (
        "graph small (opset 21)\n"
        "  input x: float32[N, 3]\n"
        "  parameter dense.weight: float32[3, 2]\n"
        "  dense/MatMul: float32[N, 2] = MatMul(x, dense.weight)\n"
        "  add: float32[N, 2] = Add(dense/MatMul, 1.0)\n"
        "  output logits = add\n"
    )
