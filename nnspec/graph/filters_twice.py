"""Large values that follow from a parameter, such as filters of Winograd's form: computed twice, so that they need not
be kept from the forward pass to the backward one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.passes import drop_dead
from nnspec.graph.rewrite import with_nodes

LARGE = 2**22
"""Elements from which such a value is computed again. For a ResNet-18 that saves 70 of 785 MB with 32 rows, and costs
1 % of the time with 16; from half as many on, 115 MB and 1.5 %."""

VIEWS = ("Reshape", "Transpose")


def filters_twice(g: Graph, forward: Value) -> Graph:
    """The graph in which what `forward` does not depend on gets large values that follow from one parameter, such as
    filters that were evaluated at some points, by a second computation.

    The product has its constant transposed, since ONNX Runtime merges what is computed twice in the same way.
    """
    makers = {y: node for node in g.nodes for y in node.outputs}
    needed = _ancestors(makers, forward)
    again: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in g.nodes:
        if id(node) in needed or node.op_type in VIEWS:
            nodes.append(node)
            continue
        inputs = tuple(x and _second(g, x, makers, again, nodes) for x in node.inputs)
        nodes.append(node if inputs == node.inputs else replace(node, inputs=inputs))
    return drop_dead(with_nodes(g, nodes, {}))


def _ancestors(makers: Mapping[Value, Node], value: Value) -> set[int]:
    """The nodes that a value depends on."""
    found: set[int] = set()
    open_values = [value]
    while open_values:
        node = makers.get(open_values.pop())
        if node and id(node) not in found:
            found.add(id(node))
            open_values += [x for x in node.inputs if x is not None]
    return found


def _second(g: Graph, x: Value, makers: Mapping[Value, Node], again: dict[Value, Value], nodes: list[Node]) -> Value:
    """The second computation of a value, with all that leads to it; or the value itself."""
    node = makers.get(x)
    if x in again or node is None:
        return again.get(x, x)
    inputs, attributes = node.inputs, node.attributes
    if _is_large_product(g, node, makers):
        constant, other = node.inputs
        assert constant is not None and constant.constant is not None
        inputs = g.constant(np.ascontiguousarray(constant.constant.T)), other
        attributes = {**attributes, "transA": 1}
    elif node.op_type in VIEWS and inputs[0] is not None:
        inputs = _second(g, inputs[0], makers, again, nodes), *inputs[1:]
    if inputs == node.inputs:
        return x
    again[x] = Value(g.unique(f"{x.name}/again"), x.type)
    nodes.append(Node(node.op_type, inputs, (again[x],), attributes, node.origin))
    again[x].node = nodes[-1]
    return again[x]


def _is_large_product(g: Graph, node: Node, makers: Mapping[Value, Node]) -> bool:
    """Whether a node multiplies a constant, as it is, with a parameter, in whatever shape."""
    if node.op_type != "Gemm" or len(node.inputs) > 2 or node.attributes.get("transA"):
        return False
    constant, x = node.inputs
    if constant is None or constant.constant is None or np.prod(node.outputs[0].static_shape) < LARGE:
        return False
    while x and (view := makers.get(x)) and view.op_type == "Reshape":
        x = view.inputs[0]
    return x in g.parameters.values()
