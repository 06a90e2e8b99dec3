"""Forms of the weight gradient where each channel has filters of its own: sums of products, no channels to add up.

As in `nnspec.autodiff.conv_weight`, whose geometries have as many groups as channels here.
"""

from __future__ import annotations

import numpy as np

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.conv_slices import concatenated, framed, readings
from nnspec.graph.convolution import Geometry
from nnspec.graph.graph import Array, Graph, Value, numpy_dtype


def by_sums(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """For each element of the kernel, dy times what it reads, summed over the places."""
    filters = geo.filters // geo.channels
    given = g.reshape(dy, (geo.rows, geo.channels, filters, geo.places))
    sums = {}
    for j, part in readings(g, framed(g, x, geo, geo.axes), geo, geo.axes):
        terms = g.op("Mul", given, g.reshape(part, (geo.rows, geo.channels, 1, geo.places)))
        sums[j] = g.reduce("ReduceSum", terms, [3], keepdims=True)
    dw = sum_over(g, concatenated(g, [sums[j] for j in sorted(sums)], 3), [0])
    return g.reshape(dw, (geo.filters, 1, *geo.kernel))


def by_diagonals(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """For each element of the kernel along all axes but the last, the product of every column of x with every column of
    dy. What an element along the last axis reads are the pairs of columns on one diagonal.

    Most pairs are on none that is asked for, and a product of matrices is still the faster way, unless rows are long.
    """
    filters, last = geo.filters // geo.channels, geo.axes - 1
    order, lines = (1, 0, *range(2, x.rank)), geo.rows * geo.places // geo.outer[-1]
    given = g.reshape(g.transpose(dy, order), (geo.channels, filters, lines, geo.outer[-1]))
    pairs = {}
    for j, part in readings(g, g.transpose(framed(g, x, geo, last), order), geo, last):
        columns = g.transpose(g.reshape(part, (geo.channels, 1, lines, geo.inner[-1])), (0, 1, 3, 2))
        pairs[j] = g.reshape(g.op("MatMul", columns, given), (geo.filters, 1, geo.inner[-1] * geo.outer[-1]))
    rows = concatenated(g, [pairs[j] for j in sorted(pairs)], 1)
    flat = g.reshape(rows, (geo.filters * len(pairs), geo.inner[-1] * geo.outer[-1]))
    dw = g.op("Gemm", flat, g.constant(_diagonals(geo).astype(numpy_dtype(x.dtype))))
    return g.reshape(dw, (geo.filters, 1, *geo.kernel))


def _diagonals(geo: Geometry) -> Array:
    """[inner * outer, kernel] of the last axis: 1 where an element of the kernel reads a column of x for one of dy."""
    column, place, element = np.ogrid[: geo.inner[-1], : geo.outer[-1], : geo.kernel[-1]]
    read: Array = column == place * geo.strides[-1] + element * geo.dilations[-1] - geo.begins[-1]
    return read.reshape(-1, geo.kernel[-1])
