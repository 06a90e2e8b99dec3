"""Channels first: what becomes of Transposes around operators to which the order of images and channels is the same.

Some forms of a convolution hold the channels on axis 0, and exchange them with the images before and behind. Between
two of them, the operators that stand there can work in that order as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from nnspec.graph.graph import Graph, Node, Value

ELEMENTWISE = (
    *("Abs", "Add", "Cast", "Clip", "Div", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish", "LeakyRelu", "Max", "Min"),
    *("Mul", "Neg", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tanh"),
)


def channels_first(g: Graph, x: Value) -> Value:
    """[N, C, *] as [C, N, *], and the other way round."""
    return g.op("Transpose", x, perm=_exchange(x.rank))


def keep_channels_first(g: Graph) -> None:
    """Let elementwise operators and normalizations by the batch work on channels first, where that is the order of what
    they read.

    No value changes: a Transpose still makes it, which is left out in the end where nobody reads it.
    """
    nodes, g.nodes = g.nodes, []
    first: dict[Value, Value] = {}
    same: dict[Value, Value] = {}
    for given in nodes:
        node = replace(given, inputs=tuple(None if x is None else same.get(x, x) for x in given.inputs))
        x, y = node.inputs[0] if node.inputs else None, node.outputs[0]
        if x and _exchanges(node) and x in first and y not in g.outputs.values():
            same[y] = first[x]
        elif _is_free(node, first):
            with g.at(node.origin):
                first[y] = _moved(g, node, first)
            _append(g, Node("Transpose", (first[y],), (y,), {"perm": _exchange(y.rank)}, node.origin))
        else:
            if x and _exchanges(node):
                first[y] = x
            _append(g, node)


def _exchange(rank: int) -> list[int]:
    return [1, 0, *range(2, rank)]


def _exchanges(node: Node) -> bool:
    return node.op_type == "Transpose" and list(node.attributes.get("perm", ())) == _exchange(node.outputs[0].rank)


def _is_free(node: Node, first: Mapping[Value, Value]) -> bool:
    """Whether a node may work on the tensors that `first` gives in the place of those that it reads."""
    if node.op_type == "BatchNormalization":
        return node.inputs[0] in first
    tensors = [x for x in node.inputs if x is not None and x.rank]
    alike = {x.shape for x in tensors} == {node.outputs[0].shape}
    return node.op_type in ELEMENTWISE and alike and all(x in first for x in tensors)


def _moved(g: Graph, node: Node, first: Mapping[Value, Value]) -> Value:
    """The first result of a node with channels first. A normalization takes all images as one row."""
    inputs = tuple(first.get(x, x) if x else None for x in node.inputs)
    if node.op_type != "BatchNormalization":
        moved: Value = g.op(node.op_type, *inputs, **node.attributes)
        return moved
    x = inputs[0]
    assert x is not None
    row = g.reshape(x, (1, x.static_shape[0], prod(x.static_shape[1:])))
    y = Value(g.unique(f"{node.outputs[0].name}/row"), row.type)
    _append(g, replace(node, inputs=(row, *inputs[1:]), outputs=(y, *node.outputs[1:])))
    return g.reshape(y, x.shape)


def _append(g: Graph, node: Node) -> None:
    g.nodes.append(node)
    for y in node.outputs:
        y.node = node
