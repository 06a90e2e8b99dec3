"""The gradient of max pooling in three forms: which element of each window is the first that equals its maximum.

All forms compare finite numbers: ONNX Runtime gives the lowest finite number for some windows of -inf alone, and
products with 0 are NaN for infinities.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from nnspec.autodiff.common import mask, zeros
from nnspec.autodiff.pooling_windows import Axis, fitted, fitted_back, upsampled
from nnspec.graph.graph import Array, Graph, Value, numpy_dtype
from nnspec.graph.pooling import pooled

NARROW = 24
"""Elements in the rows that a row of windows covers, up to which repeating them is faster as a product."""

HIGHEST = {"float16": 65504.0, "bfloat16": 3.3e38}


def by_tiles(g: Graph, x: Value, y: Value, dy: Value, axes: Sequence[Axis], products: bool) -> Value:
    """For windows that do not overlap. Every element is compared with the maximum of its window; of those that equal it
    the first is found by products with a matrix, or by ranks.
    """
    repeat = _repeated if products and width(axes) <= NARROW else upsampled
    tiled = fitted(g, _finite(g, x), axes, np.nan)
    equal = mask(g, g.op("Equal", tiled, repeat(g, _finite(g, y), axes)), x.dtype)
    winners = (_by_products if products else _by_ranks)(g, equal, axes)
    return fitted_back(g, g.op("Mul", winners, repeat(g, dy, axes)), axes)


def width(axes: Sequence[Axis]) -> int:
    """Elements in the rows that a row of windows covers."""
    return axes[-1].places * prod(axis.stride for axis in axes[-2:])


def _repeated(g: Graph, y: Value, axes: Sequence[Axis]) -> Value:
    """`upsampled` as a product: 8x8 images from 4x4 ones take 7 us instead of 10."""
    columns, rows = axes[-1], prod(axis.stride for axis in axes[-2:-1])
    matrix = np.tile(np.repeat(np.eye(columns.places), columns.stride, axis=1), rows)
    lines = g.reshape(y, (prod(y.static_shape[:-1]), columns.places))
    product = g.op("MatMul", lines, g.constant(matrix.astype(numpy_dtype(y.dtype))))
    return g.reshape(product, (*y.shape[:2], *(axis.places * axis.stride for axis in axes)))


def _by_products(g: Graph, equal: Value, axes: Sequence[Axis]) -> Value:
    """For one or two axes. The rows that a row of windows covers lie side by side in memory; a product of them with a
    matrix of 1 and -1 takes from each element those before it in its window, so that the first alone stays above 0.
    """
    columns, rows = axes[-1], prod(axis.stride for axis in axes[-2:-1])
    window = np.tile(np.arange(columns.places * columns.stride) // columns.stride, rows)
    together = window[:, None] == window
    first = together * (np.eye(window.size) - np.triu(np.ones((window.size, window.size)), 1))
    lines = g.reshape(equal, (prod(equal.static_shape) // window.size, window.size))
    product = g.op("MatMul", lines, g.constant(first.astype(numpy_dtype(equal.dtype))))
    return g.reshape(g.op("Relu", product), equal.shape)


def _by_ranks(g: Graph, equal: Value, axes: Sequence[Axis]) -> Value:
    """The elements get ranks, the first the highest; the one with the highest rank of its window is the winner."""
    ranks = g.op("Mul", equal, g.constant(_ranks(axes).astype(numpy_dtype(equal.dtype))))
    strides = [axis.stride for axis in axes]
    best = pooled(g, "MaxPool", ranks, strides, strides)
    return mask(g, g.op("Equal", ranks, upsampled(g, best, axes)), equal.dtype)


def _ranks(axes: Sequence[Axis]) -> Array:
    """Over all strides: the elements of a window in descending order from the first, 0 between windows."""
    window = np.zeros([axis.stride for axis in axes])
    kernel = [axis.kernel for axis in axes]
    inside = tuple(slice(0, axis.extent, axis.dilation) for axis in axes)
    window[inside] = np.arange(prod(kernel), 0, -1).reshape(kernel)
    return np.tile(window, [axis.places for axis in axes])


def by_axes(g: Graph, x: Value, y: Value, dy: Value, axes: Sequence[Axis]) -> Value:
    """For all windows: the maximum of a window is that of the maxima of its rows, and the first element that equals it
    is the first of the first row that has one. So dy goes to rows first, and then to elements.
    """
    values = [_finite(g, x)]
    axes = [axis for axis in axes if not axis.trivial]
    for axis in reversed(axes[1:]):
        values.append(_pooled(g, values[-1], axis))
    y = _finite(g, y)
    for axis, value in zip(axes, reversed(values), strict=True):
        dy = _to_first(g, value, y, dy, axis)
        y = value
    return dy


def _pooled(g: Graph, x: Value, axis: Axis) -> Value:
    """The maxima along one axis."""
    here = [at == axis.at for at in range(2, x.rank)]

    def stated(number: int, other: int) -> list[int]:
        return [number if at else other for at in here]

    pads = [*stated(axis.before, 0), *stated(axis.behind, 0)]
    strides, dilations = stated(axis.stride, 1), stated(axis.dilation, 1)
    return pooled(g, "MaxPool", x, stated(axis.kernel, 1), strides, pads, dilations)


def _to_first(g: Graph, x: Value, y: Value, dy: Value, axis: Axis) -> Value:
    """dy at the first element of each window that equals y, along one axis.

    Along the last axis as along the first of the transposed matrix: steps over single elements take longer than that.
    """
    outer, inner = prod(x.static_shape[: axis.at]), prod(x.static_shape[axis.at + 1 :])
    if inner > 1 or outer == 1:
        a, b, c = (g.reshape(v, (outer, v.static_shape[axis.at], inner)) for v in (x, y, dy))
        return g.reshape(_to_first_rows(g, a, b, c, axis), x.shape)
    turned = (g.transpose(g.reshape(v, (outer, v.static_shape[axis.at])), (1, 0)) for v in (x, y, dy))
    a, b, c = (g.reshape(v, (1, *v.shape)) for v in turned)
    dx = _to_first_rows(g, a, b, c, axis)
    return g.reshape(g.transpose(g.reshape(dx, (axis.size, outer)), (1, 0)), x.shape)


def _to_first_rows(g: Graph, x: Value, y: Value, dy: Value, axis: Axis) -> Value:
    """The same along the axis in the middle, [outer, size, inner].

    What is left of dy goes through the elements of the windows in order. The elements at one place of all windows are
    every stride-th row. The border is NaN, which nothing equals.
    """
    outer, _, inner = x.static_shape
    shifts = [divmod(i * axis.dilation, axis.stride) for i in range(axis.kernel)]
    strides = max(shifts[-1][0] + axis.places, -(-(axis.before + axis.size) // axis.stride))
    behind = strides * axis.stride - axis.before - axis.size
    bordered = g.op("Pad", x, g.constant([0, axis.before, 0, 0, behind, 0]), np.nan) if axis.before or behind else x
    phases = g.reshape(bordered, (outer, strides, axis.stride * inner))
    parts: dict[int, list[Value]] = {}
    left = dy
    for i, (shift, phase) in enumerate(shifts):
        part = left
        if i < axis.kernel - 1:
            element = g.slice(phases, 2, phase * inner, (phase + 1) * inner) if axis.stride > 1 else phases
            element = g.slice(element, 1, shift, shift + axis.places) if axis.places < strides else element
            part = g.op("Mul", mask(g, g.op("Equal", element, y), dy.dtype), left)
            left = g.op("Sub", left, part)
        around = g.constant([0, shift, 0, 0, strides - shift - axis.places, 0])
        parts.setdefault(phase, []).append(g.op("Pad", part, around) if axis.places < strides else part)
    sums = [_sum(g, parts[phase]) if phase in parts else None for phase in range(axis.stride)]
    nothing = zeros(g, next(s for s in sums if s is not None)) if None in sums else None
    joined = g.op("Concat", *(s or nothing for s in sums), axis=2) if axis.stride > 1 else sums[0]
    assert joined is not None
    whole = g.reshape(joined, (outer, strides * axis.stride, inner))
    return g.slice(whole, 1, axis.before, axis.before + axis.size) if axis.before or behind else whole


def _sum(g: Graph, parts: Sequence[Value]) -> Value:
    return parts[0] if len(parts) == 1 else g.op("Add" if len(parts) == 2 else "Sum", *parts)


def _finite(g: Graph, x: Value) -> Value:
    """x with the greatest finite numbers in the place of infinities."""
    highest = HIGHEST.get(x.dtype) or float(np.finfo(x.dtype).max)
    return g.op("Clip", x, -highest, highest)
