"""Scans of few steps, written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import with_nodes
from nnspec.graph.scan import Body


def unrolled(g: Graph, most: int) -> Graph:
    """The graph with every Scan of at most so many steps written out."""
    nodes, g.nodes = g.nodes, []
    replaced: dict[Value, Value] = {}
    for node in nodes:
        node = replace(node, inputs=tuple(x and replaced.get(x, x) for x in node.inputs))
        for y in node.outputs:
            y.node = node
        steps = _steps(node)
        if steps is None or steps > most:
            g.nodes.append(node)
            continue
        with g.at(node.origin):
            results = _written_out(g, node, steps)
        replaced.update(zip(node.outputs, results, strict=True))
    return with_nodes(g, g.nodes, replaced)


def _steps(node: Node) -> int | None:
    body = node.attributes.get("body")
    if not isinstance(body, Body):
        return None
    sequence = node.inputs[body.states]
    assert sequence is not None
    steps = sequence.shape[0]
    return steps if isinstance(steps, int) else None


def _written_out(g: Graph, node: Node, steps: int) -> list[Value]:
    body: Body = node.attributes["body"]
    operands = [x for x in node.inputs if x is not None]
    states, sequences = operands[: body.states], operands[body.states : body.states + body.sequences]
    fixed = operands[body.states + body.sequences :]
    backwards = "scan_input_directions" in node.attributes
    slices = [_slices(g, x, steps) for x in sequences]
    kept: list[list[Value]] = [[] for _ in list(body.outputs)[body.states :]]
    for t in reversed(range(steps)) if backwards else range(steps):
        results = _inlined(g, body, [*states, *(parts[t] for parts in slices), *fixed])
        states = results[: body.states]
        for parts, value in zip(kept, results[body.states :], strict=True):
            parts.append(value)
    return [*states, *(_stacked(g, parts[::-1] if backwards else parts) for parts in kept)]


def _slices(g: Graph, x: Value, steps: int) -> list[Value]:
    inner = x.static_shape[1:]
    flat = g.reshape(x, (steps * inner[0], *inner[1:]))
    return list(g.split(flat, [inner[0]] * steps, 0))


def _stacked(g: Graph, parts: Sequence[Value]) -> Value:
    inner = parts[0].static_shape
    joined = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=0)
    return g.reshape(joined, (len(parts), *inner))


def _inlined(g: Graph, body: Body, operands: Sequence[Value]) -> list[Value]:
    here: dict[Value, Value] = dict(zip(body.inputs, operands, strict=True))

    def outside(x: Value | None) -> Value | None:
        if x is None:
            return None
        if x.constant is not None:
            return g.constant(x.constant, x.dtype)
        return here[x]

    for node in body.nodes:
        made = g.op(node.op_type, *map(outside, node.inputs), outputs=len(node.outputs), **node.attributes)
        here.update(zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=True))
    return [here[x] for x in body.outputs.values()]
