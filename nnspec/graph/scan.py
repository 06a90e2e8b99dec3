"""Scan: a body that runs once for each step of a sequence.

A body is a graph of its own that reads nothing but its inputs: the states, one step of each sequence, and the values
that stay the same in all steps. The latter are operands of the node like any other, so that every pass sees what a node
reads; ONNX knows them as captured names, and the writer of files makes these of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from nnspec.graph.graph import Graph, Node, Value

Reverse = Callable[[Graph, Node, Sequence[Value | None]], Sequence[Value | None]]
"""`reverse(graph, node, dys)`: the gradients of all operands of the Scan, as in a gradient rule."""
Step = Callable[["Body", Sequence[Value], Sequence[Value], Sequence[Value]], tuple[Sequence[Value], Sequence[Value]]]
"""`step(body, states, slices, captured)`: the new states, and what is kept of this step."""


class Body(Graph):
    """One step. Inputs: `states` states, a slice of each sequence, captured values. Outputs: states, then slices."""

    def __init__(self, states: int, sequences: int, reverse: Reverse | None = None, opset: int = 21) -> None:
        super().__init__("step", opset=opset)
        self.states, self.sequences = states, sequences
        self.reverse = reverse
        """How the Scan is differentiated, stated by whoever wrote the step."""

    def __repr__(self) -> str:
        return f"a step of {len(self.nodes)} operators"


def scan(
    g: Graph,
    step: Step,
    states: Sequence[Value],
    sequences: Sequence[Value],
    captured: Sequence[Value] = (),
    *,
    backwards: bool = False,
    reverse: Reverse | None = None,
) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The last states, and for everything that a step keeps the sequence of it, in the order of the sequences.

    Sequences have their steps on axis 0; `backwards` begins with the last one.
    """
    body = Body(len(states), len(sequences), reverse, g.opset)
    own = [body.input(f"state_{i}", value.type) for i, value in enumerate(states)]
    slices = [body.input(f"slice_{i}", x.type.with_shape(*x.shape[1:])) for i, x in enumerate(sequences)]
    fixed = [body.input(f"captured_{i}", value.type) for i, value in enumerate(captured)]
    after, kept = step(body, own, slices, fixed)
    for i, value in enumerate((*after, *kept)):
        body.output(f"result_{i}", value)
    attributes: dict[str, Any] = {"body": body, "num_scan_inputs": len(sequences)}
    if backwards:
        attributes["scan_input_directions"] = [1] * len(sequences)
    if backwards and kept:
        attributes["scan_output_directions"] = [1] * len(kept)
    made: Any = g.op("Scan", *states, *sequences, *captured, outputs=len(body.outputs), **attributes)
    results = made if isinstance(made, tuple) else (made,)
    return results[: len(states)], results[len(states) :]


def with_bodies(g: Graph, change: Callable[[Graph], Graph]) -> Graph:
    """The graph with every body changed; `change` keeps inputs and the order of outputs."""
    for node in g.nodes:
        if isinstance(body := node.attributes.get("body"), Body):
            node.attributes = {**node.attributes, "body": change(body)}
    return g


def without_unread(node: Node, needed: set[Value]) -> Node:
    """A Scan without the kept sequences that nobody reads."""
    body = node.attributes["body"]
    names = list(body.outputs)
    wanted = [i for i, y in enumerate(node.outputs) if i < body.states or y in needed]
    if len(wanted) == len(names):
        return node
    smaller = copy(body)
    smaller.outputs = {names[i]: body.outputs[names[i]] for i in wanted}
    attributes = {**node.attributes, "body": smaller}
    if directions := attributes.pop("scan_output_directions", [])[: len(wanted) - body.states]:
        attributes["scan_output_directions"] = directions
    result = replace(node, outputs=tuple(node.outputs[i] for i in wanted), attributes=attributes)
    for value in result.outputs:
        value.node = result
    return result
