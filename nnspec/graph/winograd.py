"""Convolution by Winograd's minimal filtering, in Gemm, MatMul and Transpose.

Along an axis, a tile of m results of a filter of k elements takes m + k - 1 products instead of m k, once data and
filter are evaluated at so many points (Winograd, 1980; Lavin and Gray, arXiv:1509.09308). With stride 2, the elements
of the filter that meet even places and those that meet odd places are two filters.

A constant matrix per axis does the evaluation, the tiling, the padding and ragged ends at once, and its adjoint leads
back, so no element is moved on its own. The rules for products of matrices derive the gradients, which read the
evaluated data and filters again, and evaluate dy once for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import prod
from typing import NamedTuple

import numpy as np

from nnspec.graph.graph import Array, Graph, Value, numpy_dtype

POINTS = (0, 1, -1, 2, -2)
"""Where polynomials are evaluated, beside infinity. The error in float32, of the largest result: 4e-7 for 3 points, as
for the direct sum, and 1e-5 for all."""

JOINT = 100
"""Elements of an image up to which one matrix transforms all its axes. Milliseconds with gradients, one after the other
and jointly, for 16 images: 8 x 8 of 256 channels 8.2 and 8.0, 4 x 4 of 512 channels 14.2 and 13.6."""


class Axis(NamedTuple):
    """What becomes of an axis that is cut into tiles, each of which is evaluated at some points."""

    data: Array
    """[points, tiles, size]: the values of the data."""
    filter: Array
    """[points, kernel]: the values of the filter."""
    result: Array
    """[points, tiles, results]: what a product adds to each result."""


def winograd(
    g: Graph, x: Value, weight: Value, tiles: Sequence[int], strides: Sequence[int], pads: Sequence[int]
) -> Value:
    """The convolution of x [N, C, *sizes] by weight [M, C, *kernel], with tiles of so many results along each axis.

    `pads` are as those of Conv: all before, then all behind. Strides are 1 or 2, and a tile with its filter takes at
    most len(POINTS) + 1 points.
    """
    rows, channels, *sizes = x.static_shape
    filters, _, *kernel = weight.static_shape
    windows = zip(sizes, kernel, tiles, strides, pads[: len(sizes)], pads[len(sizes) :], strict=True)
    axes = [_axis(*window) for window in windows]
    outer = [axis.result.shape[2] for axis in axes]
    if prod(sizes) <= JOINT:
        axes = [reduce(_joined, axes)]
    scales = _constant(g, reduce(np.kron, (axis.filter for axis in axes)), x)
    bank = g.op("Gemm", scales, g.reshape(weight, (filters * channels, prod(kernel))), transB=1)
    products = _products(g, _evaluated(g, x, axes), bank, axes, (rows, channels, filters))
    return g.reshape(_interpolated(g, products, axes), (rows, filters, *outer))


def _evaluated(g: Graph, x: Value, axes: Sequence[Axis]) -> Value:
    """[N, C, *sizes] as [points and tiles of the first axis, …, of the last axis * N C]."""
    for axis in reversed(axes):
        points, tiles, size = axis.data.shape
        matrix = _constant(g, axis.data.reshape(points * tiles, size), x)
        x = g.op("Gemm", matrix, g.reshape(x, (prod(x.static_shape) // size, size)), transB=1)
    return x


def _interpolated(g: Graph, products: Value, axes: Sequence[Axis]) -> Value:
    """The other way: [points and tiles of the first axis, …] as [N M *, results of the last axis]."""
    for axis in axes:
        points, tiles, results = axis.result.shape
        matrix = _constant(g, axis.result.reshape(points * tiles, results), products)
        rows = prod(products.static_shape) // (points * tiles)
        products = g.op("Gemm", g.reshape(products, (points * tiles, rows)), matrix, transA=1)
    return products


def _products(g: Graph, data: Value, bank: Value, axes: Sequence[Axis], sizes: tuple[int, int, int]) -> Value:
    """The product of data and filters, summed over the channels, at each point.

    Points have to stand before tiles in the data, or else the filters are repeated for each tile, and their gradients
    summed. The latter moves less where filters are few: 14.4 ms instead of 15.5 for a layer of 64 channels on 32 x 32
    with gradients, 7.8 instead of 8.2 for 128 on 16 x 16, but 9.8 instead of 8.2 for 256 on 8 x 8.
    """
    rows, channels, filters = sizes
    points, tiles = [len(axis.filter) for axis in axes], [axis.data.shape[1] for axis in axes]
    split = [n for pair in zip(points, tiles, strict=True) for n in pair]
    rows *= tiles[-1]
    if rows * (channels + filters) >= channels * filters:
        single = [n for count in points for n in (count, 1)][:-1]
        bank = g.reshape(bank, (*single, filters, channels))
        return g.op("MatMul", g.reshape(data, (*split[:-1], rows, channels)), _swapped(g, bank))
    bank = g.reshape(bank, (prod(points), filters, channels))
    ahead = [*range(0, len(split), 2), *range(1, len(split), 2)]
    data = g.transpose(g.reshape(data, (*split[:-1], rows * channels)), ahead)
    data = g.reshape(data, (prod(points), prod(tiles[:-1]) * rows, channels))
    products = g.op("MatMul", data, _swapped(g, bank))
    products = g.reshape(products, (*points, *tiles[:-1], rows * filters))
    return g.transpose(products, np.argsort(ahead).tolist())


def _swapped(g: Graph, x: Value) -> Value:
    return g.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])


def _constant(g: Graph, matrix: Array, like: Value) -> Value:
    return g.constant(matrix.astype(numpy_dtype(like.dtype)))


def _axis(size: int, kernel: int, tile: int, stride: int, begin: int, end: int) -> Axis:
    """The matrices for an axis of `size` elements between `begin` and `end` zeros."""
    results = (size + begin + end - kernel) // stride + 1
    starts = np.arange(-(-results // tile))[:, None] * tile
    parts = []
    for phase in range(stride):
        data, filter, result = _correlation(tile, len(range(phase, kernel, stride)))
        reads = _places((starts + np.arange(data.shape[1])) * stride + phase - begin, size)
        own = np.zeros((len(filter), kernel))
        own[:, phase::stride] = filter
        writes = _places(starts + np.arange(tile), results)
        parts.append(Axis(np.einsum("pd,tds->pts", data, reads), own, np.einsum("pr,tro->pto", result, writes)))
    return Axis(*(np.concatenate(matrices) for matrices in zip(*parts, strict=True)))


def _places(indices: Array, size: int) -> Array:
    """A row of `size` with a 1 at each index; one of zeros for an index outside."""
    rows: Array = (indices[..., None] == np.arange(size)).astype(float)
    return rows


def _joined(a: Axis, b: Axis) -> Axis:
    """Two axes as one."""

    def both(p: Array, q: Array) -> Array:
        joint: Array = np.einsum("pts,qur->pqtusr", p, q)
        return joint.reshape([prod(joint.shape[at : at + 2]) for at in (0, 2, 4)])

    return Axis(both(a.data, b.data), np.kron(a.filter, b.filter), both(a.result, b.result))


def _correlation(tile: int, kernel: int) -> tuple[Array, Array, Array]:
    """Matrices D [points, points], F [points, kernel] and R [points, tile], so that y = R' ((F w) * (D x)) is y[i] =
    sum_j w[j] x[i + j].

    It is the transpose of Toom's and Cook's product of polynomials, which evaluates both at finite points and at
    infinity, where a polynomial has its highest coefficient, and interpolates after Lagrange.
    """
    finite = [Fraction(point) for point in POINTS[: tile + kernel - 2]]
    scales = [prod((a - b for b in finite if b != a), start=Fraction(1)) for a in finite]
    data = [[*_with_roots([b for b in finite if b != a]), Fraction(0)] for a in finite] + [_with_roots(finite)]
    filter = [[a**n / scale for n in range(kernel)] for a, scale in zip(finite, scales, strict=True)]
    result = [[a**n for n in range(tile)] for a in finite]
    return _numbers(data), _numbers([*filter, _highest(kernel)]), _numbers([*result, _highest(tile)])


def _with_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the product of all (x - root), that of 1 first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - b for a, b in zip([Fraction(0), *found], [*(root * n for n in found), Fraction(0)], strict=True)]
    return found


def _highest(count: int) -> list[Fraction]:
    return [Fraction(n == count - 1) for n in range(count)]


def _numbers(rows: Sequence[Sequence[Fraction]]) -> Array:
    return np.array([[float(number) for number in row] for row in rows])
