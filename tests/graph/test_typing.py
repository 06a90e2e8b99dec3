"""Every typing rule against ONNX's own inference."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
from graph_builds import forward
from onnx import shape_inference
from operator_cases import CASES, Case, names

from nnspec.graph import onnx_file
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, GraphError
from nnspec.graph.typing import operators
from nnspec.ir.dims import parse
from nnspec.ir.types import TensorType

OPSETS = (17, 21, 26)


@pytest.mark.parametrize("row", CASES, ids=names())
def test_types_are_those_of_onnx(row: Case) -> None:
    for opset in OPSETS:
        if opset >= row.since:
            g, _ = forward(row, "float32", opset)
            onnx_file.check(onnx_file.to_model(g))
            assert_equal_to_onnx(g, complete=True)


def test_every_rule_has_a_case() -> None:
    tried = {row.op_type for row in CASES}
    missing = set(operators()) - tried
    assert not missing, f"add rows to tests/graph/operator_cases.py: {sorted(missing)}"
    unknown = tried - set(operators())
    assert not unknown, f"write @typed rules in nnspec/graph/typing/: {sorted(unknown)}"


SYMBOLIC: list[tuple[str, list[str], dict[str, Any], str]] = [
    ("Add", ["N, 3", "3"], {}, "N, 3"),
    ("Mul", ["N, 1, 4", "5, 1"], {}, "N, 5, 4"),
    ("MatMul", ["N, T, 4", "4, 8"], {}, "N, T, 8"),
    ("MatMul", ["N, 2, T, 4", "N, 2, 4, T"], {}, "N, 2, T, T"),
    ("Gemm", ["N, 4", "4, 8", "8"], {}, "N, 8"),
    ("Softmax", ["N, 3"], {}, "N, 3"),
    ("Transpose", ["N, T, 4"], {"perm": [1, 0, 2]}, "T, N, 4"),
    ("Concat", ["N, 3", "N, 2"], {"axis": 1}, "N, 5"),
    ("Concat", ["N, 3", "N, 3"], {"axis": 0}, "2*N, 3"),
    ("Flatten", ["N, 3, 4"], {}, "N, 12"),
    ("ReduceMean", ["N, T, 4"], {"keepdims": 0}, ""),
    ("ArgMax", ["N, 4"], {"axis": 1, "keepdims": 0}, "N"),
]


@pytest.mark.parametrize(("op_type", "shapes", "attributes", "wanted"), SYMBOLIC)
def test_symbols_stay(op_type: str, shapes: list[str], attributes: dict[str, Any], wanted: str) -> None:
    g = Graph("symbolic")
    operands = [g.input(f"x{i}", _type(shape)) for i, shape in enumerate(shapes)]
    y = g.op(op_type, *operands, **attributes)
    assert y.shape == _type(wanted).shape
    g.output("y", y)
    onnx_file.check(onnx_file.to_model(g))
    assert_equal_to_onnx(g, complete=False)


def test_symbols_with_constants() -> None:
    g = Graph("symbolic")
    x = g.input("x", _type("N, T, 6"))
    heads = g.reshape(x, (*x.shape[:2], 2, 3))
    results = {
        "heads": (heads, "N, T, 2, 3"),
        "rows": (g.op("Reshape", x, g.constant([-1, 6])), "N*T, 6"),
        "last": (g.op("Gather", x, g.constant(-1), axis=1), "N, 6"),
        "all but one": (g.op("Slice", x, g.constant([1]), g.constant([2**31 - 1]), g.constant([1])), "N, T-1, 6"),
        "padded": (g.op("Pad", x, g.constant([0, 1, 0, 0, 1, 0])), "N, T+2, 6"),
        "tiled": (g.op("Tile", x, g.constant([1, 2, 1])), "N, 2*T, 6"),
        "unsqueezed": (g.op("Unsqueeze", x, g.constant([-1])), "N, T, 6, 1"),
        "reversed": (g.slice(x, 1, -1, -(2**62), -1), "N, T, 6"),
        "shape": (g.op("Shape", x), "3"),
    }
    for name, (value, shape) in results.items():
        assert value.shape == _type(shape).shape, name
        g.output(name, value)
    onnx_file.check(onnx_file.to_model(g))
    assert_equal_to_onnx(g, complete=False)


@pytest.mark.parametrize(
    ("op_type", "shapes", "part"),
    [
        ("Add", ["N, 3", "N, 4"], "do not fit"),
        ("Add", ["N, 3", "T, 3"], "do not provably fit"),
        ("MatMul", ["N, 3", "4, 2"], "inner dimensions 3 and 4 differ"),
        ("Convolute", ["N, 3"], "Convolute has no typing rule"),
        ("Transpose", ["N, 3"], "no order of the axes"),
        ("Concat", ["N, 3", "T, 3"], "outside"),
        ("Softmax", [], "operand 0 is missing"),
        ("Not", ["N"], "needs bool"),
    ],
)  # fmt: skip
def test_what_does_not_fit(op_type: str, shapes: list[str], part: str) -> None:
    g = Graph("wrong")
    operands = [g.input(f"x{i}", _type(shape)) for i, shape in enumerate(shapes)]
    attributes = {"perm": [0, 0], "axis": 1} if op_type in ("Transpose", "Concat") else {}
    with g.at("encoder.dense_1"), pytest.raises(GraphError, match=part) as caught:
        g.op(op_type, *operands, **attributes)
    assert "encoder.dense_1" in str(caught.value)
    assert op_type in str(caught.value)


def test_operands_of_two_dtypes() -> None:
    g = Graph("wrong")
    with pytest.raises(GraphError, match="different dtypes"):
        g.op("Add", g.input("a", tensor_type("float32", ())), g.input("b", tensor_type("int64", ())))


def assert_equal_to_onnx(g: Graph, complete: bool) -> None:
    """Compare with what ONNX infers when it is told nothing but the inputs; symbols may be unknown to it."""
    model = onnx_file.to_model(g)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for output in inferred.graph.output:
        value = g.outputs[output.name]
        tensor = output.type.tensor_type
        name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        assert {"float": "float32", "double": "float64"}.get(name, name) == value.dtype
        assert (tensor.HasField("shape") and len(tensor.shape.dim) == value.rank) or not complete
        for ours, theirs in zip(value.shape, tensor.shape.dim, strict=False):
            known = theirs.dim_value if theirs.HasField("dim_value") else theirs.dim_param
            assert str(ours) == str(known) or (not complete and (known == "" or str(known).startswith("unk")))


def _type(shape: str) -> TensorType:
    return tensor_type("float32", tuple(parse(part) for part in shape.split(", ") if part))
