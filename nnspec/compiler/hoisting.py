"""What a graph computes from scalars alone, apart: it is the same for every tile of a buffer."""

from __future__ import annotations

from dataclasses import replace

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import with_nodes


def scalars_apart(g: Graph) -> tuple[Graph, Graph]:
    """A graph from the scalar inputs of `g` to the scalars that the rest of `g` needs, and that rest, with these as
    further inputs of the same names. `g` must not be used any more."""
    once, each = _divided(g)
    made = {value for node in once for value in node.outputs}
    needed = [x for node in each for x in node.inputs if x in made and x is not None]
    border = {value: Value(value.name, value.type) for value in dict.fromkeys(needed)}
    first = Graph(f"{g.name}_scalars")
    first.inputs = [value for value in g.inputs if value.rank == 0]
    first.nodes = once
    for value in border:
        first.output(value.name, value)
    rest = with_nodes(g, [_reading(node, border) for node in each], {})
    rest.inputs = [*g.inputs, *border.values()]
    return first, rest


def _divided(g: Graph) -> tuple[list[Node], list[Node]]:
    """The nodes that depend on scalars alone, and the others."""
    depends = {value for value in g.inputs if value.rank > 0}
    once, each = list[Node](), list[Node]()
    for node in g.nodes:
        if depends.isdisjoint(x for x in node.inputs if x is not None):
            once.append(node)
        else:
            depends.update(node.outputs)
            each.append(node)
    return once, each


def _reading(node: Node, border: dict[Value, Value]) -> Node:
    return replace(node, inputs=tuple(None if x is None else border.get(x, x) for x in node.inputs))
