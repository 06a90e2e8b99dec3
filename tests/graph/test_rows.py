"""Sequences as matrices of rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from nnspec.graph import onnx_file
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, Value
from nnspec.graph.passes import optimized
from nnspec.graph.rows import in_rows
from nnspec.ir.dims import parse
from nnspec.ir.types import TensorType
from nnspec.layers.affine import affine

ANY, KNOWN = "N T 4", "N 3 4"


def type_of(text: str) -> TensorType:
    return tensor_type("float32", tuple(int(d) if d.isdigit() else parse(d) for d in text.split()))


class Build:
    """A graph with weights, whose content is known."""

    def __init__(self, shape: str) -> None:
        self.g = Graph("rows", deployed=True)
        self.x = self.g.input("x", type_of(shape))
        self.arrays: dict[str, Any] = {}

    def weight(self, *shape: int) -> Value:
        path = f"w{len(self.arrays)}"
        self.arrays[path] = np.random.default_rng(len(self.arrays)).normal(size=shape).astype(np.float32)
        return self.g.parameter(path, tensor_type("float32", shape))

    def dense(self, x: Value, units: int, bias: bool = True) -> Value:
        size = x.shape[-1]
        assert isinstance(size, int)
        return affine(self.g, x, self.weight(units, size), self.weight(units) if bias else None)

    def norm(self, x: Value) -> Value:
        size = x.shape[-1]
        assert isinstance(size, int)
        return self.g.op("LayerNormalization", x, self.weight(size), self.weight(size), axis=2)

    def layer(self, x: Value) -> Value:
        """What stands between two attentions."""
        y = self.dense(self.g.op("Gelu", self.dense(self.norm(x), 8)), 4)
        return self.norm(self.g.op("Add", x, y))


def gated(b: Build) -> Value:
    """The halves of a product, and the root of a mean square."""
    first, second = b.g.split(b.dense(b.x, 8, bias=False), (4, 4), -1)
    y = b.g.op("Mul", first, b.g.op("Sigmoid", second))
    square = b.g.reduce("ReduceMean", b.g.op("Mul", y, y), [-1], keepdims=True)
    y = b.g.op("Div", y, b.g.op("Sqrt", b.g.op("Add", square, 1e-3)))
    return b.dense(b.dense(y, 6), 4)


def across(b: Build) -> Value:
    """A sum along the sequence, which needs the whole tensor, and what is added to it again."""
    y = b.dense(b.g.op("Relu", b.dense(b.x, 5)), 4)
    total = b.g.reduce("ReduceSum", y, [1], keepdims=True)
    return b.dense(b.g.op("Add", y, b.g.op("Softmax", total, axis=1)), 3)


FORMS = {
    "layer": lambda b: b.dense(b.layer(b.x), 4),
    "two layers": lambda b: b.layer(b.layer(b.x)),
    "gated": gated,
    "across": across,
    "read twice": lambda b: b.g.op("Mul", y := b.dense(b.dense(b.x, 4), 4), b.dense(y, 4)),
    "heads": lambda b: b.g.transpose(b.g.reshape(b.dense(b.layer(b.x), 6), (*b.x.shape[:2], 2, 3)), (0, 2, 1, 3)),
}


@pytest.mark.parametrize("shape", [ANY, KNOWN])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_numbers(form: str, shape: str) -> None:
    models = []
    for run in (lambda g: g, in_rows):
        build = Build(shape)
        build.g.output("y", FORMS[form](build))
        models.append(onnx_file.to_model(run(optimized(build.g)), build.arrays))
        onnx_file.check(models[-1])
    for rows in (0, 1, 5):
        x = np.random.default_rng(7).normal(size=(rows, 3, 4)).astype(np.float32)
        (wanted,), (found,) = (ReferenceEvaluator(model).run(None, {"x": x}) for model in models)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)
    assert onnx_file.results(models[0]) == onnx_file.results(models[1])


def kinds(form: str, shape: str) -> Counter[str]:
    build = Build(shape)
    build.g.output("y", FORMS[form](build))
    return Counter(node.op_type for node in in_rows(optimized(build.g)).nodes)


def test_biases_join_the_products_and_nothing_is_reshaped_between() -> None:
    found = kinds("two layers", KNOWN)
    assert found == {"Reshape": 2, "LayerNormalization": 4, "Gemm": 4, "Gelu": 2, "Add": 2}
    found = kinds("two layers", ANY)
    assert found == {"Reshape": 2, "LayerNormalization": 4, "Gemm": 4, "Gelu": 2, "Add": 2, "Shape": 1}


def test_a_product_or_two_of_any_length_stay() -> None:
    build = Build(ANY)
    build.g.output("y", build.dense(build.g.op("Relu", build.dense(build.x, 5)), 4))
    found = [node.op_type for node in in_rows(optimized(build.g)).nodes]
    assert found.count("MatMul") == 2 and "Reshape" not in found
