"""What every graph must be, after every pass."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph, GraphError, Node, Value
from nnspec.graph.typing import Underdetermined, infer


def check_graph(g: Graph) -> None:
    """Raise GraphError unless every value is made once and before it is used, and has the type that its operator gives
    it.
    """
    known: set[Value] = {*g.inputs, *g.parameters.values()}
    for node in g.nodes:
        for x in node.inputs:
            _require_known(g, known, x, node.op_type)
        for y in node.outputs:
            if y in known:
                raise GraphError(f"{g.name}: {y} is made twice")
            known.add(y)
        _check_types(g, node)
        if isinstance(body := node.attributes.get("body"), Graph):
            check_graph(body)
    for name, value in (*g.outputs.items(), *g.state.items()):
        _require_known(g, known, value, f"the output {name!r}")


def _require_known(g: Graph, known: set[Value], value: Value | None, reader: str) -> None:
    if value is not None and value.constant is None and value not in known:
        raise GraphError(f"{g.name}: {reader} reads {value}, which nothing before it makes")


def _check_types(g: Graph, node: Node) -> None:
    """Where content decides or symbols cannot be proved equal, the stated type stands."""
    try:
        types = infer(node.op_type, node.inputs, node.attributes, len(node.outputs))
    except Underdetermined:
        return
    except Fault as fault:
        if fault.code == "E214":
            return
        raise GraphError(f"{g.name}: {node.op_type} at {node.origin}: {fault.message}") from fault
    except ValueError as error:
        raise GraphError(f"{g.name}: {node.op_type} at {node.origin}: {error}") from error
    stated = tuple(value.type for value in node.outputs)
    if types != stated:
        raise GraphError(f"{g.name}: {node.op_type} at {node.origin} gives {types}, not {stated}")
