"""Forms of the weight gradient of a convolution: dw[m, c, j] = the sum over rows and places i of dy[m, i] x[c, i s +
j d - p].

All forms take x [N, C, *inner] and dy [N, M, *outer], and give [M, C / groups, *kernel]. Which one is used is decided
in `nnspec.graph.convolution`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

from nnspec.graph.convolution import Geometry, weight_form
from nnspec.graph.graph import Graph, Value

Form = Callable[[Graph, Value, Value, Geometry], Value]


def weight_gradient(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """By the form that is fastest for this geometry."""
    return FORMS[weight_form(geo, x.static_shape[0], x.static_shape[1], dy.static_shape[1])](g, x, dy, geo)


def by_products(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """Kernels of one element: dw = dy x' per row and group, summed over the rows."""
    for at, (count, stride, begin) in enumerate(zip(geo.outer, geo.strides, geo.begins, strict=True), 2):
        x = _framed(g, x, at, begin, (count - 1) * stride + 1)
        x = g.slice(x, at, 0, x.static_shape[at], stride) if stride > 1 else x
    rows, places = x.static_shape[0], prod(geo.outer)
    each = [g.reshape(v, (rows, geo.groups, v.static_shape[1] // geo.groups, places)) for v in (dy, x)]
    dw = g.reduce("ReduceSum", g.op("MatMul", each[0], g.transpose(each[1], (0, 1, 3, 2))), [0])
    return g.reshape(dw, _shape(x, dy, geo))


def by_swapping(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """A convolution of x by dy, in which rows and channels change places, and so do stride and dilation."""
    rows, channels = x.static_shape[:2]
    for at, (count, stride, begin, extent) in enumerate(
        zip(geo.outer, geo.strides, geo.begins, geo.extents, strict=True), 2
    ):
        x = _framed(g, x, at, begin, (count - 1) * stride + extent)
    spatial, behind = x.static_shape[2:], range(2, x.rank)
    if geo.groups > 1:
        parts = g.reshape(x, (rows, geo.groups, channels // geo.groups, *spatial))
        parts = g.transpose(parts, (2, 1, 0, *(axis + 1 for axis in behind)))
        images = g.reshape(parts, (channels // geo.groups, geo.groups * rows, *spatial))
    else:
        images = g.transpose(x, (1, 0, *behind))
    filters = g.transpose(dy, (1, 0, *behind))
    dw = g.op(
        "Conv",
        images,
        filters,
        kernel_shape=list(geo.outer),
        strides=list(geo.dilations),
        dilations=list(geo.strides),
        group=geo.groups,
    )
    return g.transpose(dw, (1, 0, *behind))


def by_shifts(g: Graph, x: Value, dy: Value, geo: Geometry) -> Value:
    """A product for each element of the kernel, of rows that are long and contiguous.

    All images of a channel stand one behind the other in a row with a common pitch along each axis, those of dy with
    zeros behind: what an element of the kernel reads is then the row from another start on. With strides, every phase
    of the images has a row of its own.
    """
    reads, pitches, length = _flattened(g, x, dy, geo)
    last = sum((pitch - count) * step for pitch, count, step in zip(pitches, geo.outer, _steps(pitches), strict=True))
    filters = _row(g, _pitched(g, dy, pitches), geo.groups)
    filters = g.slice(filters, filters.rank - 1, 0, length - last)
    parts = []
    for phase, offset in reads:
        part = g.slice(phase, phase.rank - 1, offset, offset + length - last)
        parts.append(_contracted(g, filters, part))
    return _stacked(g, parts, _shape(x, dy, geo))


def _flattened(g: Graph, x: Value, dy: Value, geo: Geometry) -> tuple[list[tuple[Value, int]], tuple[int, ...], int]:
    """For each element of the kernel the row that it reads and where it begins; the pitches; the length of the rows."""
    jumps = [[j * d for j in range(k)] for k, d in zip(geo.kernel, geo.dilations, strict=True)]
    pitches = tuple(
        count + jump[-1] // stride for count, jump, stride in zip(geo.outer, jumps, geo.strides, strict=True)
    )
    for at, (pitch, stride, begin) in enumerate(zip(pitches, geo.strides, geo.begins, strict=True), 2):
        x = _framed(g, x, at, begin, pitch * stride)
    phases: dict[tuple[int, ...], Value] = {}
    reads = []
    for jump in product(*jumps):
        phase = tuple(n % stride for n, stride in zip(jump, geo.strides, strict=True))
        if phase not in phases:
            phases[phase] = _row(g, _phase(g, x, phase, geo), geo.groups)
        starts = (n // stride * step for n, stride, step in zip(jump, geo.strides, _steps(pitches), strict=True))
        reads.append((phases[phase], sum(starts)))
    return reads, pitches, x.static_shape[0] * prod(pitches)


def _phase(g: Graph, x: Value, phase: tuple[int, ...], geo: Geometry) -> Value:
    """Every stride-th element from `phase` on, along each axis."""
    for at, (first, stride) in enumerate(zip(phase, geo.strides, strict=True), 2):
        x = g.slice(x, at, first, x.static_shape[at], stride) if stride > 1 else x
    return x


def _row(g: Graph, x: Value, groups: int) -> Value:
    """[N, C, *] as [C, N *], or [groups, C / groups, N *]."""
    channels = x.static_shape[1]
    order = (1, 0, *range(2, x.rank))
    shape = (channels,) if groups == 1 else (groups, channels // groups)
    return g.reshape(g.transpose(x, order), (*shape, prod(x.static_shape) // channels))


def _contracted(g: Graph, dy: Value, x: Value) -> Value:
    """dy x': [M, C / groups]."""
    if dy.rank == 2:
        return g.op("Gemm", dy, x, transB=1)
    groups, filters, _ = dy.static_shape
    if x.static_shape[1] == 1:
        summed = g.reduce("ReduceSum", g.op("Mul", dy, x), [2])
        return g.reshape(summed, (groups * filters, 1))
    dw = g.op("MatMul", dy, g.transpose(x, (0, 2, 1)))
    return g.reshape(dw, (groups * filters, x.static_shape[1]))


def _stacked(g: Graph, parts: list[Value], shape: tuple[int, ...]) -> Value:
    """[M, C / groups] for each element of the kernel, as one weight."""
    if len(parts) == 1:
        return g.reshape(parts[0], shape)
    rows = g.reshape(g.op("Concat", *parts, axis=0), (len(parts), prod(shape[:2])))
    return g.reshape(g.transpose(rows, (1, 0)), shape)


def _pitched(g: Graph, dy: Value, pitches: tuple[int, ...]) -> Value:
    """dy with zeros behind, up to the pitch of each axis."""
    behind = [pitch - size for pitch, size in zip(pitches, dy.static_shape[2:], strict=True)]
    return g.op("Pad", dy, g.constant([0] * (dy.rank + 2) + behind, "int64")) if any(behind) else dy


def _framed(g: Graph, x: Value, at: int, begin: int, size: int) -> Value:
    """An axis with zeros in front, and as many behind as make it `size`; what is too much is cut off."""
    kept = min(x.static_shape[at], size - begin)
    if kept < x.static_shape[at]:
        x = g.slice(x, at, 0, kept)
    behind = size - begin - kept
    if not begin and not behind:
        return x
    pads = [0] * (2 * x.rank)
    pads[at], pads[at + x.rank] = begin, behind
    return g.op("Pad", x, g.constant(pads, "int64"))


def _steps(pitches: tuple[int, ...]) -> list[int]:
    """How far apart neighbours along each axis are in a row."""
    return [prod(pitches[at + 1 :]) for at in range(len(pitches))]


def _shape(x: Value, dy: Value, geo: Geometry) -> tuple[int, ...]:
    return dy.static_shape[1], x.static_shape[1] // geo.groups, *geo.kernel


FORMS: dict[str, Form] = {"products": by_products, "swapped": by_swapping, "shifts": by_shifts}
