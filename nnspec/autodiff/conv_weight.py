"""Forms of the weight gradient of a convolution: dw[m, c, j] = the sum over rows and places i of dy[m, i] x[c, i s +
j d - p].

All forms take x [N, C, *inner] and dy [N, M, *outer], and give [M, C / groups, *kernel]. Which one is used is decided
in `nnspec.graph.convolution_forms`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.conv_depthwise import by_diagonals, by_sums
from nnspec.autodiff.conv_slices import concatenated, cut, framed, reading, readings
from nnspec.graph.convolution import Geometry
from nnspec.graph.convolution_forms import WeightForm, image_by_image, joined_axes, weight_form
from nnspec.graph.graph import Graph, Value

Form = Callable[[Graph, Value, Value, Geometry], Value]


def weight_gradient(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """By the form that is fastest for this geometry."""
    return FORMS[weight_form(geo)](g, x, dy, geo)


def as_a_whole(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """One place: dy and what is read are matrices."""
    x = framed(g, x, geo, geo.axes)
    for at, (extent, dilation) in enumerate(zip(geo.extents, geo.dilations, strict=True), 2):
        x = cut(g, x, at, 0, extent, dilation)
    read = g.reshape(x, (geo.rows, geo.channels * geo.elements))
    return g.reshape(g.op("Gemm", g.reshape(dy, (geo.rows, geo.filters)), read, transA=1), _shape(geo))


def by_slices(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """A product for each element of the kernel, of dy and what the element reads.

    Of few channels, the elements along the last axes have one product: what each of them reads is more channels.
    Kernels of one element are the case without any slice.
    """
    joined, own = joined_axes(geo), image_by_image(geo)
    parts = _grouped(g, framed(g, x, geo, geo.axes), geo, own)
    for at in reversed(range(geo.axes - joined, geo.axes)):
        read = [reading(g, parts, geo, at, j) for j in range(geo.kernel[at])]
        parts = concatenated(g, read, 2 if own else 1)
    rows = _flat(g, _grouped(g, dy, geo, own), own)
    products = {
        j: _product(g, rows, _flat(g, part, own), geo, own) for j, part in readings(g, parts, geo, geo.axes - joined)
    }
    dw = concatenated(g, [products[j] for j in sorted(products)], 0)
    shape = (len(products), geo.filters, geo.elements // len(products), geo.channels // geo.groups)
    return g.reshape(g.transpose(g.reshape(dw, shape), (1, 3, 0, 2)), _shape(geo))


def by_swapping(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """A convolution of x by dy, in which rows and channels change places, and so do stride and dilation."""
    behind = range(2, x.rank)
    images, filters = framed(g, x, geo, geo.axes), g.transpose(dy, (1, 0, *behind))
    sizes, channels = images.static_shape[2:], geo.channels // geo.groups
    parts = g.reshape(images, (geo.rows, geo.groups, channels, *sizes))
    parts = g.transpose(parts, (2, 1, 0, *(axis + 1 for axis in behind)))
    dw = g.op(
        "Conv",
        g.reshape(parts, (channels, geo.groups * geo.rows, *sizes)),
        filters,
        kernel_shape=list(geo.outer),
        strides=list(geo.dilations),
        dilations=list(geo.strides),
        group=geo.groups,
    )
    for at, size in enumerate(geo.kernel, 2):
        dw = cut(g, dw, at, 0, size)
    return g.transpose(dw, (1, 0, *behind))


def _grouped(g: Graph, x: Value, geo: Geometry, own: bool) -> Value:
    """[N, channels, *] as [N, groups, channels / groups, *] where each image has a product of its own; else as [groups,
    channels / groups, N, *], all images of a channel in one row.
    """
    rows, channels, *sizes = x.static_shape
    groups = geo.groups
    if own:
        return g.reshape(x, (rows, groups, channels // groups, *sizes))
    rowed = g.transpose(x, (1, 0, *range(2, x.rank)))
    return g.reshape(rowed, (groups, channels // groups, rows, *sizes))


def _flat(g: Graph, x: Value, own: bool) -> Value:
    """Matrices [channels, places], without an axis of groups if there is one."""
    images, groups, channels = x.static_shape[:3] if own else (1, *x.static_shape[:2])
    batch = [size for size, needed in ((images, own), (groups, groups > 1)) if needed]
    return g.reshape(x, (*batch, channels, prod(x.static_shape) // (images * groups * channels)))


def _product(g: Graph, dy: Value, x: Value, geo: Geometry, own: bool) -> Value:
    """dy x' as a matrix [filters, channels]."""
    if dy.rank == 2:
        return g.op("Gemm", dy, x, transB=1)
    dw = g.op("MatMul", dy, g.transpose(x, (*range(x.rank - 2), x.rank - 1, x.rank - 2)))
    return g.reshape(sum_over(g, dw, [0]) if own else dw, (geo.filters, x.static_shape[-2]))


def _shape(geo: Geometry) -> tuple[int, ...]:
    return geo.filters, geo.channels // geo.groups, *geo.kernel


FORMS: dict[WeightForm, Form] = {
    "whole": as_a_whole,
    "slices": by_slices,
    "swapped": by_swapping,
    "sums": by_sums,
    "diagonals": by_diagonals,
}
