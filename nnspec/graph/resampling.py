"""Resampling along one axis as a product with a matrix [out, in], in PyTorch's conventions.

ONNX Runtime's Resize takes 160 ms for a million cubic results, 1.0 for linear ones; two products take 0.5 ms for either
where 32x32 images become twice as large, and their gradient is products too. (One thread; PyTorch takes 5.5 and 1.2 ms,
and 30 and 2.6 for the gradients.) The products grow with the size: linear ones of 64x64 take 0.9 ms, of 128x128 1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nnspec.graph.graph import Array, Graph, Value, numpy_dtype
from nnspec.ir.dims import Dim, product
from nnspec.ir.types import TensorType

LARGEST_LINEAR = 64
"""Elements along an axis up to which products are faster than Resize in linear mode."""


def mapped(g: Graph, x: Value, matrices: Sequence[tuple[int, Array]]) -> Value:
    """y = M x along each of these axes."""
    for at, matrix in matrices:
        outer, inner = x.shape[:at], x.shape[at + 1 :]
        wide = matrix.astype(numpy_dtype(x.dtype))
        if not inner:
            x = g.op("MatMul", x, g.constant(wide.T))
        else:
            flat = g.reshape(x, (*outer, matrix.shape[1], product(inner)))
            x = g.reshape(g.op("MatMul", g.constant(wide), flat), (*outer, matrix.shape[0], *inner))
    return x


def nearest(size: int, results: int, scale: float | None, exact: bool) -> Array:
    """The element that each result is a copy of; in float32, in which PyTorch computes it."""
    step = np.float32(size) / np.float32(results) if scale is None else np.float32(1 / scale)
    places = np.floor((np.arange(results, dtype=np.float32) + np.float32(0.5 if exact else 0)) * step)
    found: Array = np.minimum(places.astype(np.int64), size - 1)
    return found


def nearest_at_run_time(g: Graph, size: Dim, results: Dim, exact: bool) -> Value:
    """The same of sizes that are known at run time only: int64 [results]. By the same float32 arithmetic."""
    count, many = g.size_tensor(size), g.size_tensor(results)
    step = g.op("Div", g.cast(count, "float32"), g.cast(many, "float32"))
    numbers = g.op("Range", 0, g.reshape(many, ()), 1, type=TensorType("int64", (results,)))
    middles = g.cast(numbers, "float32")
    if exact:
        middles = g.op("Add", middles, 0.5)
    found = g.cast(g.op("Floor", g.op("Mul", middles, step)), "int64")
    return g.op("Min", found, g.op("Sub", count, 1))


def linear(size: int, results: int, scale: float, align_corners: bool) -> Array:
    """Each result between its two neighbours."""
    place = np.maximum(_places(size, results, scale, align_corners), 0)
    first = np.minimum(np.floor(place).astype(int), size - 1)
    share = np.minimum(place - first, 1)
    return _gathered(size, [(first, 1 - share), (first + 1, share)])


def cubic(size: int, results: int, scale: float, align_corners: bool) -> Array:
    """Keys' kernel with a = -0.75 over four neighbours; those beyond the edge are the element at it."""
    place = _places(size, results, scale, align_corners)
    first = np.floor(place).astype(int)
    offset = place - first
    return _gathered(size, [(first + i, _keys(offset - i, -0.75)) for i in (-1, 0, 1, 2)])


def antialiased(mode: str, size: int, results: int, scale: float) -> Array:
    """Where an image shrinks, the kernel is as much wider (Pillow's way); what lies beyond the edge is left out."""
    kernel: Callable[[Array], Array] = _triangle if mode == "linear" else _pillow
    width = max(1 / scale, 1.0)
    centre = (np.arange(results)[:, None] + 0.5) / scale
    support = (1 if mode == "linear" else 2) * width
    low = np.maximum((centre - support + 0.5).astype(int), 0)
    high = np.minimum((centre + support + 0.5).astype(int), size)
    element = np.arange(size)
    weights = np.where((element >= low) & (element < high), kernel((element - centre + 0.5) / width), 0)
    found: Array = weights / weights.sum(1, keepdims=True)
    return found


def area(size: int, results: int) -> Array:
    """The mean of the elements of which a part lies in a result (PyTorch's adaptive average pooling)."""
    number, element = np.arange(results)[:, None], np.arange(size)
    inside = (element >= number * size // results) & (element < -(-(number + 1) * size // results))
    found: Array = inside / inside.sum(1, keepdims=True)
    return found


def _places(size: int, results: int, scale: float, align_corners: bool) -> Array:
    """Where each result lies between the elements."""
    if align_corners:
        return np.arange(results) * ((size - 1) / (results - 1) if results > 1 else 0.0)
    return (np.arange(results) + 0.5) / scale - 0.5


def _gathered(size: int, taps: Sequence[tuple[Array, Array]]) -> Array:
    """[out, in] from an element and a weight for each result."""
    matrix = np.zeros((len(taps[0][0]), size))
    for element, weight in taps:
        np.add.at(matrix, (np.arange(len(matrix)), np.clip(element, 0, size - 1)), weight)
    return matrix


def _keys(x: Array, a: float) -> Array:
    """Cubic convolution. Keys, 1981."""
    x = np.abs(x)
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    found: Array = np.where(x <= 1, near, np.where(x < 2, far, 0))
    return found


def _pillow(x: Array) -> Array:
    return _keys(x, -0.5)


def _triangle(x: Array) -> Array:
    found: Array = np.maximum(1 - np.abs(x), 0)
    return found
