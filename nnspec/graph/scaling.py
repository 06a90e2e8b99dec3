"""Factors that a matrix product takes with it: its `alpha` costs nothing, and a Mul a pass over a tensor."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import uses, with_nodes

MOVES = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze")
"""What changes no element: a factor may as well come before or behind it."""
SMALL = 2**16
"""A constant of so many elements is scaled when the graph is made."""


def absorb_scales(g: Graph) -> Graph:
    """Put x c, c a number, into the `alpha` of the Gemm that makes x or of those that read it, reshapes between."""
    return _Absorption(g).run()


class _Absorption:
    def __init__(self, g: Graph) -> None:
        self._g = g
        self._counts = uses(g)
        self._readers: dict[Value, list[Node]] = {}
        for node in g.nodes:
            for x in {x for x in node.inputs if x is not None}:
                self._readers.setdefault(x, []).append(node)
        self._given = {*g.outputs.values(), *g.state.values()}
        self._factors: dict[Node, float] = {}
        """What the alpha of a Gemm, or the constant of a MatMul, is multiplied with."""
        self._scaled: dict[Node, float] = {}
        """The same for a Gemm that makes x, whose offset is multiplied as well."""
        self._replaced: dict[Value, Value] = {}

    def run(self) -> Graph:
        for node in self._g.nodes:
            x, factor = _scale(node)
            if x is None or x.type != node.outputs[0].type:
                continue
            maker = self._maker(x)
            products = None if maker else self._products(node.outputs[0])
            if maker:
                self._scaled[maker] = self._scaled.get(maker, 1.0) * factor
            elif products:
                for product_ in products:
                    self._factors[product_] = self._factors.get(product_, 1.0) * factor
            else:
                continue
            self._replaced[node.outputs[0]] = x
        return self._rewritten() if self._replaced else self._g

    def _maker(self, x: Value) -> Node | None:
        """The Gemm that makes x for nobody else, with no offset or a small one."""
        while self._counts.get(x) == 1 and x.node is not None and x.node.op_type in MOVES:
            before = x.node.inputs[0]
            assert before is not None
            x = before
        node = x.node
        if node is None or node.op_type != "Gemm" or self._counts.get(x) != 1:
            return None
        offset = node.inputs[2] if len(node.inputs) > 2 else None
        plain = offset is None or (offset.rank <= 1 and node.attributes.get("beta", 1.0) == 1.0)
        return node if plain else None

    def _products(self, y: Value) -> list[Node] | None:
        """The products that read y, all of which can take a factor; None where something else reads it."""
        if y in self._given:
            return None
        found: list[Node] = []
        for node in self._readers.get(y, ()):
            if node.op_type in MOVES and node.inputs[0] is y:
                behind = self._products(node.outputs[0])
                if behind is None:
                    return None
                found += behind
            elif _takes_factor(node, y):
                found.append(node)
            else:
                return None
        return found

    def _rewritten(self) -> Graph:
        nodes: list[Node] = []
        for node in self._g.nodes:
            if node.outputs[0] in self._replaced:
                continue
            inputs = tuple(None if x is None else self._source(x) for x in node.inputs)
            changed = replace(node, inputs=inputs) if inputs != node.inputs else node
            if node in self._scaled:
                changed = self._with_offset(nodes, changed, self._scaled[node])
            factor = self._factors.get(node, 1.0) * self._scaled.get(node, 1.0)
            changed = self._with_factor(changed, factor) if factor != 1 else changed
            for value in changed.outputs:
                value.node = changed
            nodes.append(changed)
        return with_nodes(self._g, nodes, self._replaced)

    def _source(self, x: Value) -> Value:
        while x in self._replaced:
            x = self._replaced[x]
        return x

    def _with_offset(self, nodes: list[Node], node: Node, factor: float) -> Node:
        """The Gemm with its offset multiplied by a small Mul before it."""
        offset = node.inputs[2] if len(node.inputs) > 2 else None
        if offset is None:
            return node
        scaled = Value(self._g.unique(f"{offset.name}/scaled"), offset.type)
        made = Node("Mul", (offset, self._g.constant(factor, offset.dtype)), (scaled,), {}, node.origin)
        scaled.node = made
        nodes.append(made)
        return replace(node, inputs=(*node.inputs[:2], scaled))

    def _with_factor(self, node: Node, factor: float) -> Node:
        if node.op_type == "Gemm":
            return replace(node, attributes={**node.attributes, "alpha": node.attributes.get("alpha", 1.0) * factor})
        left, right = node.inputs
        assert left is not None and right is not None
        known = left if left.constant is not None else right
        assert known.constant is not None
        scaled = self._g.constant((known.constant * factor).astype(known.constant.dtype))
        return replace(node, inputs=(scaled, right) if known is left else (left, scaled))


def _scale(node: Node) -> tuple[Value | None, float]:
    """x and c of a Mul of x with a floating-point number."""
    if node.op_type == "Mul":
        a, b = node.inputs
        for x, c in ((a, b), (b, a)):
            if x is not None and x.constant is None and c is not None and _is_factor(c):
                assert c.constant is not None
                return x, float(c.constant.item())
    return None, 1.0


def _is_factor(c: Value) -> bool:
    return c.constant is not None and c.constant.size == 1 and c.constant.dtype in (np.float32, np.float64)


def _takes_factor(node: Node, y: Value) -> bool:
    """Whether y is one factor of a product, and nothing else in it."""
    if node.op_type == "Gemm":
        return sum(x is y for x in node.inputs) == 1 and y in node.inputs[:2]
    if node.op_type == "MatMul":
        others = [x for x in node.inputs if x is not y]
        return len(others) == 1 and others[0] is not None and _is_small(others[0])
    return False


def _is_small(value: Value) -> bool:
    return value.constant is not None and prod(value.constant.shape) <= SMALL
