"""What the elements of a convolution's kernel read of its images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.graph.convolution import Geometry
from nnspec.graph.graph import Graph, Value


def framed(g: Graph, x: Value, geo: Geometry, axes: int) -> Value:
    """Images [N, C, *] with zeros around the first `axes` axes, as far as they are read. They may go on behind."""
    pads = [0] * (2 * x.rank)
    pads[2 : 2 + axes] = geo.begins[:axes]
    pads[x.rank + 2 : x.rank + 2 + axes] = [max(end, 0) for end in geo.surplus[:axes]]
    return g.op("Pad", x, g.constant(pads, "int64")) if any(pads) else x


def reading(g: Graph, x: Value, geo: Geometry, at: int, element: int) -> Value:
    """What an element of the kernel reads along an axis. The last axes of x are those of the images."""
    axis, start = x.rank - geo.axes + at, element * geo.dilations[at]
    stop = start + (geo.outer[at] - 1) * geo.strides[at] + 1
    return cut(g, x, axis, start, stop, geo.strides[at])


def cut(g: Graph, x: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """A slice, unless it is all."""
    whole = start == 0 and step == 1 and stop == x.static_shape[axis]
    return x if whole else g.slice(x, axis, start, stop, step)


def readings(
    g: Graph, x: Value, geo: Geometry, axes: int, element: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Value]]:
    """Every element of the kernel along the first `axes` axes, with what it reads.

    The last axis is cut first: then the others are long contiguous pieces.
    """
    if axes == 0:
        yield element, x
        return
    for j in range(geo.kernel[axes - 1]):
        yield from readings(g, reading(g, x, geo, axes - 1, j), geo, axes - 1, (j, *element))


def concatenated(g: Graph, parts: Sequence[Value], axis: int) -> Value:
    return g.op("Concat", *parts, axis=axis) if len(parts) > 1 else parts[0]
