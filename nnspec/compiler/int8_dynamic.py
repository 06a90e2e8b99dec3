"""int8 with scales of activations that are measured in each run: for recurrent networks and transformers, without data.

Products with weights are products of integers; tables, filters and recurrent weights are stored as int8 and read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.int8_weights import PRODUCT, Int8, Weights
from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.passes import drop_dead
from nnspec.graph.rewrite import with_nodes

Array = np.ndarray[Any, Any]


def quantized_dynamically(g: Graph, arrays: Mapping[str, Array]) -> tuple[Graph, dict[str, Array]]:
    """The graph with weights in int8, and its tensors. `g` must not be used any more."""
    return Dynamic(g, arrays).run(g)


class Dynamic:
    """Writes a graph anew."""

    def __init__(self, g: Graph, arrays: Mapping[str, Array]) -> None:
        self.weights = Weights(g, arrays)
        self.graph = self.weights.graph
        self.replaced: dict[Value, Value] = {}
        self._transposed: dict[Value, Int8] = {}
        self._measured: dict[Value, tuple[Value, Value, Value]] = {}

    def run(self, old: Graph) -> tuple[Graph, dict[str, Array]]:
        for before in old.nodes:
            read = tuple(None if x is None else self.replaced.get(x, x) for x in before.inputs)
            node = Node(before.op_type, read, before.outputs, before.attributes, before.origin)
            with self.graph.at(node.origin):
                self.write(node)
        return drop_dead(with_nodes(self.graph, self.graph.nodes, self.replaced)), self.weights.arrays

    def write(self, node: Node) -> None:
        """Append what computes the results of a node."""
        value = self.instead(node)
        if value is not None:
            self.replaced[node.outputs[0]] = value
            return
        if node.op_type == "Transpose" and self.weights.is_large(node.inputs[0]) and self.tied(node):
            return
        new = self.weights.plain(node)
        for result in new.outputs:
            result.node = new
        self.graph.nodes.append(new)

    def instead(self, node: Node) -> Value | None:
        """The result of a node in integers; None for one that stays as it is."""
        weights, (x, weight) = self.weights, (*node.inputs, None, None)[:2]
        if x is None or weight is None:
            return None
        if node.op_type == "Gather" and weights.is_large(x) and node.attributes.get("axis", 0) == 0:
            return weights.rows(x, weight)
        if node.op_type == "MatMul" and x.dtype == "float32" and weight in self._transposed:
            return self._product(x, self._transposed[weight])
        if node.op_type == "MatMul" and weights.is_large(weight) and weight.rank == 2:
            return self._product(x, weights.int8(weight, 1, PRODUCT))
        if node.op_type == "Gemm" and weights.is_large(weight) and plain_gemm(node):
            return self._gemm(node, x, weight)
        return None

    def _gemm(self, node: Node, x: Value, weight: Value) -> Value:
        if node.attributes.get("transB", 0) and self.weights.is_shared(weight):
            found = self.weights.int8(weight, 0, PRODUCT)
            turned = Int8(self.graph.op("Transpose", found.integers, perm=[1, 0]), found.scale, 1)
            return self._plus(self._product(x, turned), node)
        if node.attributes.get("transB", 0):
            content = np.ascontiguousarray(self.weights.content[weight].T)
            weight = self.weights.add(f"{weight.name}/transpose", content)
            self.weights.content[weight] = content
        return self._plus(self._product(x, self.weights.int8(weight, 1, PRODUCT)), node)

    def _plus(self, y: Value, node: Node) -> Value:
        """A product plus what its Gemm adds."""
        bias = (*node.inputs, None)[2]
        return y if bias is None else self.graph.op("Add", y, bias)

    def _product(self, x: Value, weight: Int8) -> Value:
        """x W: the scale of x is that of the whole tensor. Written as ONNX Runtime finds it, and makes one operator."""
        g = self.graph
        if x not in self._measured:
            self._measured[x] = g.op("DynamicQuantizeLinear", x, outputs=3)
        integers, scale, zero = self._measured[x]
        total = g.cast(g.op("MatMulInteger", integers, weight.integers, zero), "float32")
        return g.op("Mul", total, g.op("Mul", scale, weight.scale))

    def tied(self, node: Node) -> bool:
        """Whether a node turns a table that is read as a matrix too: the embedding whose transpose gives the logits is
        stored once."""
        table = node.inputs[0]
        if table is None or node.attributes.get("perm", [1, 0]) != [1, 0] or table.rank != 2:
            return False
        found = self.weights.int8(table, 0, PRODUCT)
        turned = self.graph.op("Transpose", found.integers, perm=[1, 0])
        self._transposed[node.outputs[0]] = Int8(turned, found.scale, 1)
        return True


def plain_gemm(node: Node) -> bool:
    """Whether a Gemm is x W + b."""
    attributes = node.attributes
    return bool(attributes.get("alpha", 1) == 1 and attributes.get("beta", 1) == 1 and not attributes.get("transA", 0))
