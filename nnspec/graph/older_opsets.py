"""Operators in older opsets: graphs are built in the newest form, and written in that of their opset."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.graph.errors import GraphError, OpsetError
from nnspec.graph.graph import Attribute, Graph, Node, Value
from nnspec.ir.types import axis_of

Form = tuple[str, tuple[Value | None, ...], dict[str, Attribute]]

REDUCTIONS_18 = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare", "ReduceProd")
"""Reductions whose axes became an input in opset 18; those of ReduceSum did in 13."""


def adapted(node: Node, graph: Graph) -> Form:
    """Operator, inputs and attributes of a node as the graph's opset wants them."""
    if node.op_type == "Split":
        return _split(node, graph.opset)
    if graph.opset < 18 and node.op_type in REDUCTIONS_18:
        return _axes_as_attribute(node)
    if graph.opset < 18 and node.op_type == "Pad" and _operand(node, 3):
        return _pad_all_axes(node, graph)
    if graph.opset < 18 and node.op_type == "Resize" and "axes" in node.attributes:
        return _resize_all_axes(node, graph)
    if graph.opset < 19 and node.op_type == "Equal" and _given(node, 0).dtype == "string":
        raise OpsetError(f"Equal at {node.origin} needs opset 19 for strings")
    return node.op_type, node.inputs, node.attributes


def _split(node: Node, opset: int) -> Form:
    """Parts of equal size are counted by `num_outputs` from 18 on, by the outputs before."""
    attributes = {name: value for name, value in node.attributes.items() if name != "num_outputs"}
    if opset >= 18 and not _operand(node, 1):
        attributes["num_outputs"] = len(node.outputs)
    return node.op_type, node.inputs, attributes


def _axes_as_attribute(node: Node) -> Form:
    attributes = dict(node.attributes)
    if _operand(node, 1):
        attributes["axes"] = [int(axis) for axis in _content(node, 1)]
    return node.op_type, node.inputs[:1], attributes


def _pad_all_axes(node: Node, graph: Graph) -> Form:
    """Pad-13 has no axes: state pads of zero for the other ones."""
    x = _given(node, 0)
    axes = [axis_of(x.type, int(axis)) for axis in _content(node, 3)]
    pads = np.zeros((2, x.rank), np.int64)
    pads[:, axes] = np.reshape(_content(node, 1), (2, len(axes)))
    return node.op_type, (x, graph.constant(pads.reshape(-1)), *node.inputs[2:3]), node.attributes


def _resize_all_axes(node: Node, graph: Graph) -> Form:
    """Resize-13 has no axes: state the scale of 1, or the size, of the other ones."""
    x, attributes = _given(node, 0), dict(node.attributes)
    axes = [axis_of(x.type, int(axis)) for axis in attributes.pop("axes")]
    by_scale = _operand(node, 2) is not None
    numbers = np.ones(x.rank, np.float32) if by_scale else np.array(x.static_shape, np.int64)
    numbers[axes] = _content(node, 2 if by_scale else 3)
    return node.op_type, (*node.inputs[:2], *(() if by_scale else (None,)), graph.constant(numbers)), attributes


def _operand(node: Node, index: int) -> Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _given(node: Node, index: int) -> Value:
    value = _operand(node, index)
    if value is None:
        raise GraphError(f"{node.op_type} at {node.origin}: input {index} is missing")
    return value


def _content(node: Node, index: int) -> Any:
    constant = _given(node, index).constant
    if constant is None:
        raise OpsetError(f"{node.op_type} at {node.origin} needs opset 18: its input {index} is no constant")
    return constant
