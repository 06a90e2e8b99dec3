"""Operators that an older opset lacks, spelled out in those that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import with_nodes
from nnspec.ir.dims import Dim
from nnspec.ir.types import axis_of

Spelling = Callable[[Graph, Node], Value | None]
"""Appends to a graph what gives the result of a node; None where the node can stay as it is."""


def spelled_out(g: Graph) -> Graph:
    """A graph whose operators exist in its opset, as far as `SPELLINGS` knows. `g` stays as it is."""
    spellings = {op_type: spell for op_type, (since, spell) in SPELLINGS.items() if g.opset < since}
    if not any(node.op_type in spellings for node in g.nodes):
        return g
    result, replaced = with_nodes(g, [], {}), dict[Value, Value]()
    for old in g.nodes:
        node = Node(old.op_type, _read(old, replaced), old.outputs, old.attributes, old.origin)
        with result.at(node.origin):
            value = spellings[node.op_type](result, node) if node.op_type in spellings else None
        if value is None:
            result.nodes.append(node)
        else:
            replaced[node.outputs[0]] = value
    return with_nodes(result, result.nodes, replaced)


def _read(node: Node, replaced: Mapping[Value, Value]) -> tuple[Value | None, ...]:
    return tuple(None if x is None else replaced.get(x, x) for x in node.inputs)


def _gelu(g: Graph, node: Node) -> Value:
    """x (1 + erf(x / √2)) / 2, in the order of operators that ONNX Runtime makes one of; or the form with tanh."""
    (x,) = node.inputs
    assert x is not None
    if node.attributes.get("approximate", "none") == "tanh":
        cube = g.op("Mul", g.op("Mul", g.op("Mul", x, x), x), 0.044715)
        inner = g.op("Tanh", g.op("Mul", g.op("Add", x, cube), sqrt(2 / pi)))
    else:
        inner = g.op("Erf", g.op("Div", x, sqrt(2)))
    return g.op("Mul", g.op("Mul", x, g.op("Add", inner, 1)), 0.5)


def _mish(g: Graph, node: Node) -> Value:
    """x tanh(softplus(x))."""
    (x,) = node.inputs
    assert x is not None
    return g.op("Mul", x, g.op("Tanh", g.op("Softplus", x)))


def _resize(g: Graph, node: Node) -> Value | None:
    """Resize-13 has no axes: where sizes are given for some, those of the others are read at run time."""
    x, sizes = node.inputs[0], node.inputs[3] if len(node.inputs) > 3 else None
    assert x is not None
    if "axes" not in node.attributes or sizes is None or all(isinstance(dim, int) for dim in x.shape):
        return None
    if sizes.constant is None:
        return None
    attributes = dict(node.attributes)
    wanted: list[Dim] = list(x.shape)
    for axis, size in zip(attributes.pop("axes"), sizes.constant, strict=True):
        wanted[axis_of(x.type, int(axis))] = int(size)
    return g.op("Resize", x, None, None, g.shape_tensor(wanted), type=node.outputs[0].type, **attributes)


SPELLINGS: Mapping[str, tuple[int, Spelling]] = {"Gelu": (20, _gelu), "Mish": (18, _mish), "Resize": (18, _resize)}
"""Operator -> the first opset that has it in the form that graphs are built in, and what stands for it before."""
