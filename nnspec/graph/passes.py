"""The passes over a graph: plain functions Graph -> Graph, in the order in which they run.

A pass gives back a graph that shares values with the one it was given; use the result only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from nnspec.graph.folding import fold_constants
from nnspec.graph.graph import Attribute, Graph, Node, Value
from nnspec.graph.rewrite import rewritten, with_nodes
from nnspec.graph.scaling import absorb_scales
from nnspec.graph.scan import Body, with_bodies, without_unread
from nnspec.graph.simplify import simplify
from nnspec.graph.sums import sums_into_products

RANDOM = (
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
"""Operators that give something else each time: two of them are never the same."""


def merge_equal(g: Graph) -> Graph:
    """Compute once what is computed twice: same operator, operands and attributes."""
    known: dict[Hashable, tuple[Value, ...]] = {}

    def visit(node: Node) -> Node | tuple[Value, ...]:
        if node.op_type in RANDOM:
            return node
        attributes = tuple((name, _hashable(value)) for name, value in sorted(node.attributes.items()))
        key = (node.op_type, node.inputs, attributes, tuple(value.type for value in node.outputs))
        if key in known:
            return known[key]
        known[key] = node.outputs
        return node

    return rewritten(g, visit)


def drop_dead(g: Graph) -> Graph:
    """Remove the nodes that no output needs."""
    needed = {*g.outputs.values(), *g.state.values()}
    kept = []
    for node in reversed(g.nodes):
        if any(value in needed for value in node.outputs):
            kept.append(without_unread(node, needed) if node.op_type == "Scan" else node)
            needed.update(x for x in node.inputs if x is not None)
    return with_nodes(g, kept[::-1], {})


PASSES: tuple[Callable[[Graph], Graph], ...] = (
    fold_constants,
    simplify,
    fold_constants,
    simplify,
    merge_equal,
    drop_dead,
    absorb_scales,
    sums_into_products,
)
"""Simplification runs twice: joining two operators may leave one that changes nothing."""


def optimized(g: Graph) -> Graph:
    """The graph after all passes. `g` itself must not be used any more."""
    for run in PASSES:
        g = run(g)
    return with_bodies(g, optimized)


def _hashable(value: Attribute) -> Hashable:
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    return value if isinstance(value, int | float | str | Body) else tuple(value)


__all__ = [
    "PASSES",
    "absorb_scales",
    "drop_dead",
    "fold_constants",
    "merge_equal",
    "optimized",
    "simplify",
    "sums_into_products",
]
