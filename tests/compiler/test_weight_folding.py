"""What depends on weights alone is computed when a model is compiled, unless a large weight would be stored twice."""

from __future__ import annotations

import numpy as np
import pytest

import nnspec


def operators(body: str, type: str = "float32[N, T, 8]") -> list[str]:
    lines = "\n".join(f"  {line}" for line in body.split("; "))
    spec = nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {type}\n{lines}\n}}\n")
    return [node.op_type for node in nnspec.compile(spec).onnx.graph.node]


@pytest.mark.parametrize(
    "body, wanted",
    [
        ("lstm(4)", {"Transpose": 2, "LSTM": 1, "Squeeze": 1}),
        ("gru(4, layers = 2)", {"Transpose": 2, "GRU": 2, "Squeeze": 2}),
        ("dense(3, bias = false)", {"MatMul": 1}),
    ],
)
def test_only_what_depends_on_inputs_is_left(body: str, wanted: dict[str, int]) -> None:
    found = operators(body)
    assert {kind: found.count(kind) for kind in set(found)} == wanted


def test_a_large_tied_weight_is_stored_once() -> None:
    text = "nnspec 1\nmodel m {{\n  input x: int64[N, T]\n  layer e = embedding({}, 16)\n  e -> dense({}, {})\n}}\n"
    sizes = []
    for count, tied in ((4000, "bias = false, weight = e.weight"), (4000, "bias = false"), (8, "weight = e.weight")):
        model = nnspec.compile(nnspec.loads(text.format(count, count, tied))).onnx
        sizes.append(model.ByteSize())
        assert ("Transpose" in [node.op_type for node in model.graph.node]) == (sizes == [sizes[0]])
    assert sizes[0] < 1.1 * 4000 * 16 * 4 < sizes[1]


def test_the_names_tell_what_they_are_made_of() -> None:
    spec = nnspec.loads("nnspec 1\nmodel m {\n  input x: float32[N, T, 8]\n  dense(3)\n}\n")
    tensors = {tensor.name: tensor for tensor in nnspec.compile(spec).onnx.graph.initializer}
    assert list(tensors["dense_1.weight/transpose"].dims) == [8, 3]
    x = np.ones((2, 5, 8), np.float32)
    assert nnspec.compile(spec).run({"x": x})["output"].shape == (2, 5, 3)
