"""Gradients of pools over windows, and which form of them to take.

Milliseconds per million elements of the input on one thread, forward pass included (onnxruntime 1.31, torch 2.13, one
Xeon core; the best of several runs; other work beside it, so that differences below 10 % mean nothing):

| max pool          | torch | with its indices  | tiles, products | tiles, ranks | by axes |
|-------------------|-------|-------------------|-----------------|--------------|---------|
| 64x16x8x8 2/2     |   3.7 |               3.0 |            0.90 |         1.50 |     1.4 |
| 64x6x28x28 2/2    |   4.1 |                   |            1.28 |         1.30 |     1.5 |
| 32x64x16x16 2/2   |   4.3 |               3.6 |            0.98 |         1.21 |     1.5 |
| 32x32x32x32 2/2   |   4.5 |               3.6 |            1.23 |         1.33 |     1.6 |
| 8x16x128x128 2/2  |   4.2 |               6.3 |            3.9  |         1.90 |     2.6 |
| 32x16x12x12 3/3   |   2.4 |                   |            1.71 |         2.08 |     1.3 |
| 8x16x66x66 3/3    |   2.8 |               2.5 |                 |         1.69 |     1.2 |
| 16x64x32x32 3/2   |   5.8 |               5.8 |                 |              |     3.5 |
| 2x64x112x112 3/2  |   5.8 |               8.2 |                 |              |     3.4 |
| 16x64x14x14 3/1   |    18 |                18 |                 |              |     4.5 |

| average pool      | torch | repeated | pooled | one matrix | by axes | ConvTranspose |
|-------------------|-------|----------|--------|------------|---------|---------------|
| 64x16x8x8 2/2     |  2.7  |     0.31 |        |       0.31 |    1.7  |           1.8 |
| 32x64x32x32 2/2   |  2.5  |     0.33 |        |       2.18 |    0.67 |          0.46 |
| 16x64x14x14 3/1   |   12  |          |   0.54 |       1.82 |    1.1  |           2.2 |
| 16x64x32x32 3/2   |  3.2  |          |        |       2.11 |    0.56 |           1.0 |
| 16x128x7x7 3/2    |  3.7  |          |        |       0.40 |    2.1  |           3.2 |
"""

from __future__ import annotations

from math import prod

import numpy as np

from nnspec.autodiff.common import operand
from nnspec.autodiff.linear_map import transposed_map
from nnspec.autodiff.pooling_max import by_axes, by_tiles, width
from nnspec.autodiff.pooling_windows import Axis, axes_of, fitted_back, upsampled
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Array, Graph, Node, Value, numpy_dtype
from nnspec.graph.pooling import pooled

WIDEST_PRODUCT = 64
"""Elements in the rows that a row of windows covers, up to which products are best: their cost grows with it."""
LARGEST_MATRIX = 6_000
"""Numbers in the matrix from all windows of an image to all its elements, up to which one product is best."""


@gradient("MaxPool")
def max_pool(g: Graph, node: Node, dy: Value) -> Grads:
    """dy goes to the first of the greatest elements of each window, in the order of rows, as in PyTorch; windows that
    overlap add up. None of the forms needs the operator's second result, the indices, with which ONNX Runtime takes 7
    to 10 times as long.    ONNX: MaxPool-12
    """
    x, y, axes = operand(node, 0), node.outputs[0], axes_of(node)
    if any(axis.extent > axis.stride or axis.stride > 2 for axis in axes):
        return (by_axes(g, x, y, dy, axes),)
    products = len(axes) < 3 and width(axes) <= WIDEST_PRODUCT and all(axis.tiles for axis in axes)
    return (by_tiles(g, x, y, dy, axes, products),)


@gradient("AveragePool")
def average_pool(g: Graph, node: Node, dy: Value) -> Grads:
    """y = M x along each axis in turn, with 1 / count at each element of a window  =>  dx = M' dy along each axis.

    ONNX: AveragePool-19
    """
    x, axes = operand(node, 0), axes_of(node)
    counts = [axis.counts(bool(node.attributes.get("count_include_pad", 0))) for axis in axes]
    if all(axis.tiles for axis in axes):
        return (fitted_back(g, upsampled(g, _scaled(g, dy, 1 / _outer(counts)), axes), axes),)
    if all(axis.stride == 1 and axis.dilation == 1 for axis in axes):
        return (_pooled(g, dy, counts, axes),)
    maps = [axis.hits() / count[:, None] for axis, count in zip(axes, counts, strict=True)]
    if prod(matrix.size for matrix in maps) <= LARGEST_MATRIX:
        whole: Array = np.ones((1, 1))
        for matrix in maps:
            whole = np.kron(whole, matrix)
        return (g.reshape(transposed_map(g, g.reshape(dy, (*dy.shape[:2], whole.shape[0])), 2, whole), x.shape),)
    for axis, matrix in zip(axes, maps, strict=True):
        dy = dy if axis.trivial else transposed_map(g, dy, axis.at, matrix)
    return (dy,)


def _pooled(g: Graph, dy: Value, counts: list[Array], axes: list[Axis]) -> Value:
    """Windows one apart: each element is in the windows of a window of y, and their sum is a pool again."""
    kernel = [axis.kernel for axis in axes]
    pads = [size - 1 - axis.before for size, axis in zip(kernel, axes, strict=True)]
    pads += [size - 1 - axis.behind for size, axis in zip(kernel, axes, strict=True)]
    scaled = _scaled(g, dy, prod(kernel) / _outer(counts))
    return pooled(g, "AveragePool", scaled, kernel, [1] * len(axes), pads, count_include_pad=1)


def _outer(counts: list[Array]) -> Array:
    """The number of elements of each window."""
    sizes = counts[0]
    for count in counts[1:]:
        sizes = np.multiply.outer(sizes, count)
    return sizes


def _scaled(g: Graph, dy: Value, factors: Array) -> Value:
    """dy times a factor for each window; one number where all are the same."""
    if factors.min() < factors.max():
        return g.op("Mul", dy, g.constant(factors.astype(numpy_dtype(dy.dtype))))
    return g.op("Mul", dy, float(factors.flat[0])) if factors.flat[0] != 1 else dy
