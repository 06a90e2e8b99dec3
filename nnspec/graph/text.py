"""A graph as text, for people and for golden files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnspec.graph.graph import Attribute, Graph, Node, Value

WHOLE = 8
"""Constants of at most so many elements are printed whole."""


def text(graph: Graph) -> str:
    """One line for each input, parameter, node and output."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield f"graph {graph.name} (opset {graph.opset})"
    for value in graph.inputs:
        yield f"  input {value}"
    for value in graph.parameters.values():
        yield f"  parameter {value}"
    for node in graph.nodes:
        yield f"  {_node(node)}"
        if isinstance(body := node.attributes.get("body"), Graph):
            yield from (f"    {line}" for line in _lines(body))
    for name, value in graph.outputs.items():
        yield f"  output {name} = {_operand(value)}"
    for path, value in graph.state.items():
        yield f"  state {path} = {_operand(value)}"


def _node(node: Node) -> str:
    results = ", ".join(repr(value) for value in node.outputs)
    arguments = [_operand(value) for value in node.inputs] + [
        f"{k}={_attribute(v)}" for k, v in sorted(node.attributes.items()) if not isinstance(v, Graph)
    ]
    return f"{results} = {node.op_type}({', '.join(arguments)})"


def _operand(value: Value | None) -> str:
    if value is None:
        return "-"
    if value.constant is None:
        return value.name
    return str(value.constant.tolist()) if value.constant.size <= WHOLE else f"constant {value.type}"


def _attribute(value: Attribute) -> str:
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    return str(value if isinstance(value, int | float | str) else list(value))
