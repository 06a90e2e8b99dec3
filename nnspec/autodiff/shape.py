"""Gradients of operators that move elements: their inverses, with sums where elements were repeated."""

from __future__ import annotations

import numpy as np

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.common import axis, integer, integers, only, operand, optional, zeros
from nnspec.autodiff.linear_map import transposed_map
from nnspec.autodiff.registry import Grads, gradient, non_differentiable
from nnspec.graph.graph import Array, Graph, Node, Value
from nnspec.graph.typing.shape import slice_bounds
from nnspec.ir.types import axis_of

non_differentiable("ConstantOfShape", "Range", "Shape", "Size")


@gradient("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy in the shape of x.    ONNX: Reshape-21, Flatten-21, Squeeze-21, Unsqueeze-21"""
    return only(node, g.reshape(dy, operand(node, 0).shape))


@gradient("Transpose")
def transpose(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy with the inverse order of axes.    ONNX: Transpose-21"""
    order = node.attributes.get("perm")
    axes = range(dy.rank)[::-1] if order is None else np.argsort(np.asarray(order)).tolist()
    return (g.transpose(dy, list(axes)),)


@gradient("Expand", broadcasts=True)
def expand(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy; the engine sums over the repeated axes.    ONNX: Expand-13"""
    return only(node, dy)


@gradient("Tile")
def tile(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = the sum of the copies in dy.    ONNX: Tile-13"""
    x = operand(node, 0)
    for at, count in enumerate(integers(operand(node, 1))):
        if count != 1:
            copies = g.reshape(dy, (*dy.shape[:at], count, x.shape[at], *dy.shape[at + 1 :]))
            dy = sum_over(g, copies, [at])
    return only(node, dy)


@gradient("Concat")
def concat(g: Graph, node: Node, dy: Value) -> Grads:
    """dx_i = the part of dy that x_i became.    ONNX: Concat-13"""
    at = axis(node, 0)
    sizes = [operand(node, i).static_shape[at] for i in range(len(node.inputs))]
    return g.split(dy, sizes, at)


@gradient("Split")
def split(g: Graph, node: Node, dy: Value | tuple[Value | None, ...]) -> Grads:
    """dx = the parts of dy side by side, zeros for those that the loss does not depend on.    ONNX: Split-18"""
    given = dy if isinstance(dy, tuple) else (dy,)
    parts = [part or zeros(g, y) for part, y in zip(given, node.outputs, strict=True)]
    return only(node, g.op("Concat", *parts, axis=axis(node, 0)))


@gradient("Slice")
def slice_(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy where it was taken from, zeros elsewhere.    ONNX: Slice-13"""
    x = operand(node, 0)
    starts, ends = integers(operand(node, 1)), integers(operand(node, 2))
    axes, steps = optional(node, 3), optional(node, 4)
    around = {}
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        at = axis_of(x.type, integers(axes)[i]) if axes else i
        taken = range(*slice_bounds(x.static_shape[at], start, end, integers(steps)[i] if steps else 1))
        dy, first = _spread(g, dy, at, taken)
        around[at] = (first, x.static_shape[at] - first - dy.static_shape[at])
    return only(node, _pad(g, dy, around))


def _spread(g: Graph, dy: Value, at: int, taken: range) -> tuple[Value, int]:
    """`dy` in ascending order with zeros between its elements, and the place of the first one."""
    if not taken:
        return dy, 0
    if taken.step < 0:
        dy, taken = g.slice(dy, at, -1, -(2**62), -1), taken[::-1]
    if taken.step > 1 and len(taken) > 1:
        single = g.reshape(dy, (*dy.shape[: at + 1], 1, *dy.shape[at + 1 :]))
        spread = _pad(g, single, {at + 1: (0, taken.step - 1)})
        flat = g.reshape(spread, (*dy.shape[:at], len(taken) * taken.step, *dy.shape[at + 1 :]))
        dy = g.slice(flat, at, 0, (len(taken) - 1) * taken.step + 1)
    return dy, taken.start


def _pad(g: Graph, x: Value, around: dict[int, tuple[int, int]]) -> Value:
    """Zeros before and after, along some axes."""
    pads = np.zeros((2, x.rank), np.int64)
    for at, sizes in around.items():
        pads[:, at] = sizes
    return g.op("Pad", x, g.constant(pads.reshape(-1))) if pads.any() else x


@gradient("Pad")
def pad(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy without the border; what reflect, edge and wrap copied into the border is added where it came from. The
    value of a constant border gets the sum of the border.    ONNX: Pad-21
    """
    x, axes = operand(node, 0), optional(node, 3)
    along = [axis_of(x.type, a) for a in integers(axes)] if axes else list(range(x.rank))
    pads = np.reshape(integers(operand(node, 1)), (2, len(along))).T.tolist()
    mode = node.attributes.get("mode", "constant")
    dx = dy
    for at, (begin, end) in zip(along, pads, strict=True):
        size = x.static_shape[at]
        if mode == "constant":
            dx = _uncover(g, dx, at, begin, end)
        elif begin or end:
            dx = transposed_map(g, dx, at, _border_matrix(str(mode), size, begin, end))
    if mode != "constant" or optional(node, 2) is None:
        return only(node, dx)
    return only(node, dx, None, g.op("Sub", _total(g, dy), _total(g, dx)))


def _uncover(g: Graph, dy: Value, at: int, begin: int, end: int) -> Value:
    """The axis without its border; where the border was negative, zeros for what it cut off."""
    inner = g.slice(dy, at, max(begin, 0), dy.static_shape[at] - max(end, 0)) if begin > 0 or end > 0 else dy
    return _pad(g, inner, {at: (max(-begin, 0), max(-end, 0))})


def _border_matrix(mode: str, size: int, begin: int, end: int) -> Array:
    """The matrix of a padded axis: row i has its 1 at the element that i is a copy of."""
    source = np.arange(-begin, size + end)
    if mode == "edge":
        source = np.clip(source, 0, size - 1)
    elif mode == "wrap":
        source = source % size
    else:
        period = max(2 * (size - 1), 1)
        source = (size - 1) - np.abs(source % period - (size - 1))
    return np.eye(size)[source]


def _total(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceSum", x, list(range(x.rank)))


@gradient("Trilu")
def trilu(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = the same triangle of dy.    ONNX: Trilu-14"""
    return only(node, g.op("Trilu", dy, *node.inputs[1:], upper=integer(node, "upper", 1)))
