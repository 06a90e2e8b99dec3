"""Gradients of pools over windows.

Both pools work axis by axis: the greatest element of a window is the greatest of its rows' greatest ones, and its mean
is a mean of means. So do their gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from nnspec.autodiff.common import mask, operand
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Array, Graph, Node, Value, numpy_dtype


class Axis(NamedTuple):
    """The windows of a pool along one axis."""

    at: int
    size: int
    places: int
    kernel: int
    stride: int
    dilation: int
    before: int
    behind: int

    def hits(self, element: int) -> Array:
        """[places, size]: 1 where element i of a window lies, no 1 where it lies in the border."""
        at = np.arange(self.places) * self.stride + element * self.dilation - self.before
        hits: Array = (at[:, None] == np.arange(self.size)).astype(np.float64)
        return hits


def axes_of(node: Node) -> list[Axis]:
    """The axes that a pool works along."""
    x, y = operand(node, 0).static_shape, node.outputs[0].static_shape
    kernel = _integers(node, "kernel_shape", [])
    rank = len(kernel)
    strides, dilations = _integers(node, "strides", [1] * rank), _integers(node, "dilations", [1] * rank)
    pads = _integers(node, "pads", [0] * (2 * rank))
    rows = zip(range(2, len(x)), x[2:], y[2:], kernel, strides, dilations, pads[:rank], pads[rank:], strict=True)
    return [Axis(*row) for row in rows]


def _integers(node: Node, name: str, default: list[int]) -> list[int]:
    found = node.attributes.get(name)
    return default if found is None else np.asarray(found).tolist()


@gradient("AveragePool")
def average_pool(g: Graph, node: Node, dy: Value) -> Grads:
    """y = M x along each axis in turn, with 1 / count in the places of a window's elements  =>  dx = M' dy along each
    axis.    ONNX: AveragePool-19
    """
    with_pads = bool(node.attributes.get("count_include_pad", 0))
    dx = dy
    for axis in axes_of(node):
        hits = np.sum([axis.hits(i) for i in range(axis.kernel)], axis=0)
        counts = axis.kernel if with_pads else hits.sum(1, keepdims=True)
        dx = along(g, dx, axis.at, hits / counts)
    return (dx,)


@gradient("MaxPool")
def max_pool(g: Graph, node: Node, dy: Value) -> Grads:
    """dy goes to the first of the greatest elements of each window (PyTorch's rule).    ONNX: MaxPool-12"""
    axes = axes_of(node)
    values = [operand(node, 0)]
    for axis in reversed(axes[1:]):
        values.append(_pooled(g, values[-1], axis))
    y, dx = node.outputs[0], dy
    for axis, x in zip(axes, reversed(values), strict=True):
        dx = _to_first(g, x, y, dx, axis)
        y = x
    return (dx,)


def _pooled(g: Graph, x: Value, axis: Axis) -> Value:
    """The greatest elements along one axis."""
    rank = x.rank - 2
    here = [int(at == axis.at) for at in range(2, x.rank)]

    def stated(number: int, other: int) -> list[int]:
        return [number if at else other for at in here]

    return g.op(
        "MaxPool",
        x,
        kernel_shape=stated(axis.kernel, 1),
        strides=stated(axis.stride, 1),
        dilations=stated(axis.dilation, 1),
        pads=[*stated(axis.before, 0), *stated(axis.behind, 0)][: 2 * rank],
    )


def _to_first(g: Graph, x: Value, y: Value, dy: Value, axis: Axis) -> Value:
    """dy at the first element of each window that equals y. Border elements are NaN, which nothing equals."""
    before, behind = axis.before, (axis.places - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1
    behind = max(behind - before - axis.size, 0)
    if before or behind:
        pads = np.zeros((2, x.rank), np.int64)
        pads[:, axis.at] = before, behind
        x = g.op("Pad", x, g.constant(pads.reshape(-1)), g.constant(np.nan, x.dtype))
    parts, rest = [], dy
    for i in range(axis.kernel):
        start = i * axis.dilation
        if i == axis.kernel - 1:
            parts.append(rest)
            continue
        element = g.slice(x, axis.at, start, start + (axis.places - 1) * axis.stride + 1, axis.stride)
        part = g.op("Mul", mask(g, g.op("Equal", element, y), dy.dtype), rest)
        rest = g.op("Sub", rest, part)
        parts.append(part)
    joined = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=axis.at)
    return along(g, joined, axis.at, np.concatenate([axis.hits(i) for i in range(axis.kernel)]))


def along(g: Graph, dy: Value, at: int, matrix: Array) -> Value:
    """y = M x along an axis, with M of shape [out, in]  =>  dx = M' dy along the same axis."""
    outer, inner = dy.static_shape[:at], dy.static_shape[at + 1 :]
    shape: Sequence[int] = (*outer, matrix.shape[1], *inner)
    wide = matrix.astype(numpy_dtype(dy.dtype))
    if prod(inner) == 1:
        flat = g.reshape(dy, (prod(outer), matrix.shape[0]))
        return g.reshape(g.op("Gemm", flat, g.constant(wide)), shape)
    flat = g.reshape(dy, (prod(outer), matrix.shape[0], prod(inner)))
    return g.reshape(g.op("MatMul", g.constant(wide.T), flat), shape)
