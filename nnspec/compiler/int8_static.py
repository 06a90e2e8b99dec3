"""int8 with scales of activations that were measured on rows of data: for convolutional networks.

Every tensor between two operators that compute in integers is rounded to uint8 and read back; runtimes find the pattern
and compute the whole in integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnspec.compiler.extremes import Range, measured
from nnspec.compiler.int8_dynamic import Dynamic, plain_gemm
from nnspec.compiler.int8_weights import PRODUCT
from nnspec.graph.graph import Graph, Node, Value

Array = np.ndarray[Any, Any]

CARRIERS = ("Add", "MaxPool", "AveragePool", "GlobalAveragePool")
"""Operators without weights that runtimes compute in integers."""


def quantized_statically(
    g: Graph, arrays: Mapping[str, Array], rows: Mapping[str, Array]
) -> tuple[Graph, dict[str, Array]]:
    """The graph with weights and activations in 8 bits, and its tensors; `rows` are inputs of the model to measure
    activations on. `g` must not be used any more."""
    known = {value for path, value in g.parameters.items() if path in arrays}
    wanted = {x for node in g.nodes for x in _activations(node, known)}
    return _Static(g, arrays, measured(g, arrays, rows, wanted)).run(g)


def _activations(node: Node, known: set[Value]) -> Iterator[Value]:
    """The operands of a node that are rounded."""
    first, second = (*node.inputs, None)[:2]
    if node.op_type in ("Conv", "MatMul") or (node.op_type == "Gemm" and plain_gemm(node)):
        found = [first] if second in known else []
    else:
        found = list(node.inputs) if node.op_type in CARRIERS else []
    if all(x is not None and x.dtype == "float32" and x.constant is None and x not in known for x in found):
        yield from (x for x in found if x is not None)


class _Static(Dynamic):
    """Writes a graph anew."""

    def __init__(self, g: Graph, arrays: Mapping[str, Array], ranges: Mapping[Value, Range]) -> None:
        super().__init__(g, arrays)
        self._ranges = dict(ranges)
        self._known = set(self.weights.content)
        self._rounded: dict[Value, Value] = {}

    def write(self, node: Node) -> None:
        activations = list(_activations(node, self._known))
        if activations and node.op_type in CARRIERS:
            self._append(node, tuple(self._round(x) for x in activations))
        elif activations and self.weights.is_large(node.inputs[1]):
            self._append(node, self._operands(node))
        else:
            super().write(node)
        for result in node.outputs:
            if result in self._ranges and result in self.replaced:
                self._ranges[self.replaced[result]] = self._ranges[result]

    def instead(self, node: Node) -> Value | None:
        """Tables alone: products read rounded activations."""
        return super().instead(node) if node.op_type == "Gather" else None

    def tied(self, node: Node) -> bool:
        return False

    def _append(self, node: Node, read: tuple[Value | None, ...]) -> None:
        new = Node(node.op_type, read, node.outputs, node.attributes, node.origin)
        for result in new.outputs:
            result.node = new
        self.graph.nodes.append(new)

    def _operands(self, node: Node) -> tuple[Value | None, ...]:
        """The operands of a layer, rounded: activation, weight, and a bias in steps of both scales."""
        x, weight, bias = (*node.inputs, None, None)[:3]
        assert x is not None and weight is not None
        g, step = self.graph, self._ranges[x].scale
        axis = 0 if node.op_type == "Conv" or node.attributes.get("transB", 0) else 1
        offset = self.weights.content.get(bias) if bias is not None else None
        fits = offset is not None and offset.shape == (weight.static_shape[axis],)
        least = np.abs(offset.astype(np.float64)) / (step * 2**30) if fits and offset is not None else 0.0
        found = self.weights.int8(weight, axis, PRODUCT, least)
        read = [self._round(x), g.op("DequantizeLinear", found.integers, found.scale, axis=axis)]
        if fits and offset is not None and bias is not None:
            scale = (self.weights.arrays[found.scale.name] * np.float32(step)).astype(np.float32)
            integers = self.weights.add(f"{bias.name}/int32", np.rint(offset / scale).astype(np.int32))
            steps = self.weights.add(f"{bias.name}/scale", scale)
            read.append(g.op("DequantizeLinear", integers, steps, axis=0))
        elif bias is not None:
            read.append(bias)
        return tuple(read)

    def _round(self, x: Value) -> Value:
        """A value as the uint8 that it is rounded to says it."""
        if x not in self._rounded:
            found, g = self._ranges[x], self.graph
            scale, zero = g.constant(found.scale, "float32"), g.constant(found.zero, "uint8")
            self._rounded[x] = g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero), scale, zero)
        return self._rounded[x]
