"""Weights as int8 with a scale per channel, and what reads them without being a product of integers itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import uses, with_nodes
from nnspec.ir.types import TensorType

Array = np.ndarray[Any, Any]

FEW = 256
"""Elements of a weight from which on it is stored in int8; the scales of smaller ones take what is won."""
PRODUCT, STORED = 63, 127
"""The largest integer of a weight: of one that is multiplied with uint8, and of one that is read back as floats.
Processors without VNNI add two products of int8 and uint8 in int16, which 2 · 255 · 127 overflows, silently, and
2 · 255 · 63 does not.
"""
OUT_AXIS = {"Conv": 0, "ConvTranspose": 1, "LSTM": 1, "GRU": 1, "RNN": 1, "MatMul": -1, "Gather": 0}
"""The axis of a weight that has a scale per index: that of the results, as far as one axis tells them."""


class Int8(NamedTuple):
    """A tensor of int8 and the scale of each index along `axis`, counted from the front."""

    integers: Value
    scale: Value
    axis: int


class Weights:
    """The tensors of a graph that is written anew with int8 in the place of float32."""

    def __init__(self, g: Graph, arrays: Mapping[str, Array]) -> None:
        self.graph = with_nodes(g, [], {})
        self.arrays = dict(arrays)
        self.content = {value: arrays[path] for path, value in g.parameters.items() if path in arrays}
        """The content of the tensors that are known, by value."""
        self._stored: dict[tuple[Value, int, int], Int8] = {}
        self._floats: dict[tuple[Value, int], Value] = {}
        self._factors = {x for node in g.nodes for x in _factor(node)}
        self._readers = uses(g)

    def is_large(self, value: Value | None) -> bool:
        """Whether a value is a weight worth storing as int8: float32, a matrix at least, and large."""
        content = self.content.get(value) if value is not None else None
        return content is not None and content.dtype == np.float32 and content.ndim > 1 and content.size >= FEW

    def int8(self, value: Value, axis: int, limit: int, least: Array | float = 0.0) -> Int8:
        """The weight as int8 up to ±`limit`, one that several read once; `least` bounds the scales from below."""
        content = self.content[value]
        axis %= content.ndim
        limit = PRODUCT if value in self._factors else limit
        key = (value, axis, limit)
        if key not in self._stored:
            integers, scale = rounded(content, axis, limit, least)
            self._stored[key] = Int8(
                self.add(f"{value.name}/int8", integers), self.add(f"{value.name}/scale", scale), axis
            )
        return self._stored[key]

    def is_shared(self, value: Value) -> bool:
        """Whether several operators read a weight."""
        return self._readers.get(value, 1) > 1

    def floats(self, value: Value, axis: int) -> Value:
        """The weight read back as float32."""
        axis %= self.content[value].ndim
        if (value, axis) not in self._floats:
            found = self.int8(value, axis, STORED)
            self._floats[value, axis] = self.graph.op("DequantizeLinear", found.integers, found.scale, axis=axis)
        return self._floats[value, axis]

    def rows(self, value: Value, indices: Value) -> Value:
        """Rows of a table, read back as float32."""
        found = self.int8(value, 0, STORED)
        g = self.graph
        column = self.add(f"{found.scale.name}/column", self.arrays[found.scale.name].reshape(-1, 1))
        picked = g.cast(g.op("Gather", found.integers, indices, axis=0), "float32")
        return g.op("Mul", picked, g.op("Gather", column, indices, axis=0))

    def add(self, name: str, content: Array) -> Value:
        """A new tensor of the model."""
        path, count = name, 1
        while path in self.arrays:
            count += 1
            path = f"{name}_{count}"
        self.arrays[path] = content
        dtype: Any = str(content.dtype)
        return self.graph.parameter(path, TensorType(dtype, content.shape))

    def plain(self, node: Node) -> Node:
        """A node that reads its large weights as float32 again."""
        axis = OUT_AXIS.get(node.op_type, 0)
        read = [self.floats(x, axis) if x is not None and self.is_large(x) else x for x in node.inputs]
        return Node(node.op_type, tuple(read), node.outputs, node.attributes, node.origin)


def _factor(node: Node) -> Iterator[Value]:
    """The weight that a product reads, perhaps transposed."""
    places = {"Gemm": 1, "MatMul": 1, "Transpose": 0}
    value = node.inputs[places[node.op_type]] if node.op_type in places else None
    if value is not None:
        yield value


def rounded(content: Array, axis: int, limit: int, least: Array | float = 0.0) -> tuple[Array, Array]:
    """int8 in ±limit and float32 scales along an axis; a channel of zeros has the scale 1."""
    others = tuple(i for i in range(content.ndim) if i != axis)
    largest = np.max(np.abs(content.astype(np.float64)), axis=others)
    scale = np.maximum(largest / limit, least)
    scale = np.where(scale > np.finfo(np.float32).tiny, scale, 1.0).astype(np.float32)
    along = scale.reshape([-1 if i == axis else 1 for i in range(content.ndim)])
    return np.clip(np.rint(content / along), -limit, limit).astype(np.int8), scale
