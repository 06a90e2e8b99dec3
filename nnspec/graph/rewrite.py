"""How a pass walks a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace

from nnspec.graph.graph import Graph, Node, Value

Visit = Callable[[Node], Node | tuple[Value, ...]]
"""What becomes of a node: itself, another node with the same results, or the values that stand for its results."""


def rewritten(g: Graph, visit: Visit) -> Graph:
    """Visit every node in order, with its inputs already replaced."""
    nodes: list[Node] = []
    replaced: dict[Value, Value] = {}
    for node in g.nodes:
        result = visit(_with_inputs(node, replaced))
        if isinstance(result, Node):
            nodes.append(result)
            for value in result.outputs:
                value.node = result
        else:
            replaced.update(zip(node.outputs, result, strict=True))
    return with_nodes(g, nodes, replaced)


def with_nodes(g: Graph, nodes: Sequence[Node], replaced: Mapping[Value, Value]) -> Graph:
    """A graph with other nodes. It shares values and names with `g`, which must not be used any more."""
    result = copy(g)
    result.nodes = list(nodes)
    result.outputs = {name: replaced.get(value, value) for name, value in g.outputs.items()}
    result.state = {path: replaced.get(value, value) for path, value in g.state.items()}
    return result


def uses(g: Graph) -> dict[Value, int]:
    """How often each value is read; an output counts as a reader."""
    counts: dict[Value, int] = {}
    reads = [x for node in g.nodes for x in node.inputs if x is not None]
    for value in (*reads, *g.outputs.values(), *g.state.values()):
        counts[value] = counts.get(value, 0) + 1
    return counts


def _with_inputs(node: Node, replaced: Mapping[Value, Value]) -> Node:
    if not any(x in replaced for x in node.inputs if x is not None):
        return node
    return replace(node, inputs=tuple(None if x is None else replaced.get(x, x) for x in node.inputs))
