"""Memory for time: what blocks made in the forward pass is not kept, and computed again where the backward pass needs
it.

The second copy must not run before its time, when the executor would keep it as it kept the first. So what it reads
comes through a Reshape whose target is known only when the backward pass has come that far. Chen et al., 2016.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod

from nnspec.graph.dtypes import is_float
from nnspec.graph.graph import Graph, Node, Value


def recompute_blocks(g: Graph, forward: int) -> None:
    """Let the nodes behind the first `forward` read copies of what `g.spared` and the groups of `g.recomputed` made.

    What a group gives to the rest of the forward pass is kept, and what it reads.
    """
    early = list(g.nodes[:forward])
    for value in g.spared:
        _Again(g, forward, _with_views(early, value), kept=set()).run()
    for origins in g.recomputed.values():
        group = [node for node in early if node.origin in origins]
        outside = {x for node in early if node.origin not in origins for x in node.inputs if x is not None}
        _Again(g, forward, group, kept=outside | {*g.outputs.values(), *g.state.values()}).run()


def _with_views(nodes: Sequence[Node], value: Value) -> list[Node]:
    """The node that makes the value, and those that give it another shape or a factor."""
    made, found = {value}, list[Node]()
    for node in nodes:
        if value in node.outputs or (node.inputs and node.inputs[0] in made and _is_view(node)):
            found.append(node)
            made.update(node.outputs)
    return found


def _is_view(node: Node) -> bool:
    scaled = node.op_type == "Mul" and node.inputs[1] is not None and node.inputs[1].constant is not None
    return scaled or node.op_type == "Reshape"


class _Again:
    """Copies of the nodes of a group, for the backward pass."""

    def __init__(self, g: Graph, forward: int, group: Sequence[Node], kept: set[Value]) -> None:
        self._g, self._forward, self._group = g, forward, group
        self._made = {value for node in group for value in node.outputs} - kept
        self._copies: dict[Value, Value] = {}
        self._delayed: dict[Value, Value] = {}

    def run(self) -> None:
        later = self._g.nodes[self._forward :]
        wanted = {x for node in later for x in node.inputs if x is not None and x in self._made}
        if not wanted:
            return
        first = next(i for i, node in enumerate(later) if any(x in wanted for x in node.inputs))
        event = _event(later[:first], self._g.nodes[: self._forward])
        before, self._g.nodes = self._g.nodes[: self._forward + first], []
        for node in self._needed(wanted):
            self._copy(node, event)
        copies, self._g.nodes = self._g.nodes, before
        self._g.nodes = [*before, *copies, *(self._reading_copies(node) for node in later[first:])]

    def _needed(self, wanted: Iterable[Value]) -> list[Node]:
        """The nodes of the group that `wanted` takes, in order."""
        needed, found = set(wanted), []
        for node in reversed(self._group):
            if any(value in needed for value in node.outputs):
                found.append(node)
                needed.update(x for x in node.inputs if x is not None and x in self._made)
        return found[::-1]

    def _copy(self, node: Node, event: Value) -> None:
        origin = f"{node.origin}/again" if node.origin else "again"
        with self._g.at(origin):
            inputs = tuple(None if x is None else self._source(x, event) for x in node.inputs)
        outputs = tuple(Value(self._g.unique(f"{value.name}/again"), value.type) for value in node.outputs)
        made = replace(node, inputs=inputs, outputs=outputs, origin=origin)
        for value, copy in zip(node.outputs, outputs, strict=True):
            copy.node = made
            if value in self._made:
                self._copies[value] = copy
        self._g.nodes.append(made)

    def _source(self, x: Value, event: Value) -> Value:
        """The copy of what the group makes; what it reads, but later. Parameters and constants are there anyway."""
        if x in self._copies:
            return self._copies[x]
        if x.constant is not None or self._g.parameters.get(x.name) is x:
            return x
        if x not in self._delayed:
            self._delayed[x] = after(self._g, x, event)
        return self._delayed[x]

    def _reading_copies(self, node: Node) -> Node:
        if not any(x in self._copies for x in node.inputs if x is not None):
            return node
        changed = replace(node, inputs=tuple(None if x is None else self._copies.get(x, x) for x in node.inputs))
        for value in changed.outputs:
            value.node = changed
        return changed


def after(g: Graph, x: Value, event: Value) -> Value:
    """`x`, to be had only when `event` is there: a Reshape to the shape that it has, plus 0 times a number of `event`.

    No element is copied. `allowzero` tells the passes that it is no Reshape that changes nothing.
    """
    flat = g.reshape(event, (prod(event.static_shape),))
    nothing = g.op("Mul", g.cast(g.op("Gather", flat, g.constant(0, "int64"), axis=0), "int64"), 0)
    shape = g.op("Add", g.constant(list(x.static_shape), "int64"), nothing)
    return g.op("Reshape", x, shape, type=x.type, allowzero=1)


def _event(later: Sequence[Node], early: Sequence[Node]) -> Value:
    """The floating-point value that was made last: what comes behind it, comes late enough."""
    for node in (*reversed(later), *reversed(early)):
        for value in node.outputs:
            if is_float(value.dtype):
                return value
    raise AssertionError("a graph with gradients makes floating-point values")
