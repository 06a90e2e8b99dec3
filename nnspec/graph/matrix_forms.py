"""Convolutions as single products of matrices: kernels of one element, and filters of one channel on small images."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from nnspec.graph.convolution import Geometry
from nnspec.graph.graph import Array, Graph, Value, numpy_dtype
from nnspec.graph.layout import channels_first


def pointwise(g: Graph, x: Value, weight: Value) -> Value:
    """x [N, C, *] by weight [M, C, 1, …]: one product for all images."""
    rows, channels, *sizes = x.static_shape
    filters = weight.static_shape[0]
    images = g.reshape(channels_first(g, x), (channels, rows * prod(sizes)))
    y = g.op("Gemm", g.reshape(weight, (filters, channels)), images)
    return channels_first(g, g.reshape(y, (filters, rows, *sizes)))


def depthwise(g: Graph, x: Value, weight: Value, geo: Geometry) -> Value:
    """x [N, C, *] by weight [C, 1, *kernel], each channel by its own filter: a product per channel, with the matrix
    that leads from all elements of an image to all results.
    """
    rows, channels = x.static_shape[:2]
    inner, outer = prod(geo.inner), prod(geo.outer)
    places = g.constant(_places(geo).astype(numpy_dtype(x.dtype)))
    maps = g.op("Gemm", g.reshape(weight, (channels, prod(geo.kernel))), places)
    images = g.reshape(channels_first(g, x), (channels, rows, inner))
    y = g.op("MatMul", images, g.reshape(maps, (channels, inner, outer)))
    return channels_first(g, g.reshape(y, (channels, rows, *geo.outer)))


def _places(geo: Geometry) -> Array:
    """[elements of the kernel, elements of an image * results]: 1 where an element of the kernel leads from one to the
    other.
    """
    axes = zip(geo.kernel, geo.strides, geo.dilations, geo.begins, geo.inner, geo.outer, strict=True)
    reads = [np.arange(k)[:, None] * d + np.arange(out) * s - begin for k, s, d, begin, _, out in axes]
    hits = [read[..., None] == np.arange(size) for read, size in zip(reads, geo.inner, strict=True)]
    found = np.zeros((*geo.kernel, *geo.inner, *geo.outer), bool)
    for at in product(*map(range, geo.kernel)):
        one = np.ones((1, 1), bool)
        for axis, element in enumerate(at):
            one = np.kron(one, hits[axis][element].T)
        found[at] = one.reshape(*geo.inner, *geo.outer)
    return found.reshape(prod(geo.kernel), -1)
