"""The geometry of a convolution, whichever way it goes."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from nnspec.graph.values import Node


class Geometry(NamedTuple):
    """How a convolution makes images [rows, filters, *outer] of images [rows, channels, *inner].

    Along each axis, element i of the result reads the elements i * stride + j * dilation - begin, for j below the
    kernel. A transposed convolution is the same the other way round: it makes the inner images of the outer ones. The
    weight is [filters, channels / groups, *kernel] in both.
    """

    rows: int
    channels: int
    filters: int
    groups: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    """The padding behind; below 0 for elements at the end that nothing reads."""
    inner: tuple[int, ...]
    outer: tuple[int, ...]

    @property
    def axes(self) -> int:
        return len(self.kernel)

    @property
    def elements(self) -> int:
        """Of the kernel."""
        return prod(self.kernel)

    @property
    def places(self) -> int:
        """At which the kernel is applied."""
        return prod(self.outer)

    @property
    def extents(self) -> tuple[int, ...]:
        """From the first element that a place reads to the last one."""
        return tuple((size - 1) * dilation + 1 for size, dilation in zip(self.kernel, self.dilations, strict=True))

    @property
    def read(self) -> tuple[int, ...]:
        """How far the padded images are read."""
        sizes = zip(self.outer, self.strides, self.extents, strict=True)
        return tuple((count - 1) * stride + extent for count, stride, extent in sizes)

    @property
    def surplus(self) -> tuple[int, ...]:
        """The padding behind that is read; below 0 for elements at the end that nothing reads. `ends` may be larger,
        where the next window does not fit.
        """
        sizes = zip(self.read, self.begins, self.inner, strict=True)
        return tuple(read - begin - size for read, begin, size in sizes)

    @property
    def used(self) -> tuple[tuple[int, int], ...]:
        """From which element of the kernel to which one, the end not included, each axis reads more than the padding
        that can be left out with the others.
        """
        found = []
        for at, (begin, end, dilation) in enumerate(zip(self.begins, self.ends, self.dilations, strict=True)):
            start, stop = self._read(at)
            before, behind = min(start, begin // dilation), min(self.kernel[at] - stop, max(end, 0) // dilation)
            found.append((before, self.kernel[at] - behind))
        return tuple(found)

    def _read(self, at: int) -> tuple[int, int]:
        """From which element of the kernel to which one an axis reads anything of the images."""
        stride, begin = self.strides[at], self.begins[at]
        starts = [element * self.dilations[at] - begin for element in range(self.kernel[at])]
        places = [max(0, -(start // stride)) for start in starts]
        read = [
            element
            for element, (start, place) in enumerate(zip(starts, places, strict=True))
            if place < self.outer[at] and place * stride + start < self.inner[at]
        ]
        return (read[0], read[-1] + 1) if read else (0, self.kernel[at])

    def cropped(self) -> Geometry:
        """The same convolution by the elements of the kernel that are used."""
        first = [start for start, _ in self.used]
        beyond = [size - stop for size, (_, stop) in zip(self.kernel, self.used, strict=True)]
        axes = zip(self.begins, self.ends, self.dilations, first, beyond, strict=True)
        pads = [(begin - before * step, end - behind * step) for begin, end, step, before, behind in axes]
        return self._replace(
            kernel=tuple(stop - start for start, stop in self.used),
            begins=tuple(begin for begin, _ in pads),
            ends=tuple(end for _, end in pads),
        )


def geometry(node: Node) -> Geometry:
    """The geometry of a Conv or a ConvTranspose, for which output_padding is padding less."""
    x, weight, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert x is not None and weight is not None
    inner, outer = (y, x) if node.op_type == "ConvTranspose" else (x, y)
    kernel = weight.static_shape[2:]
    axes = len(kernel)

    def option(name: str, default: int, count: int = axes) -> tuple[int, ...]:
        return tuple(int(n) for n in node.attributes.get(name, (default,) * count))

    pads = option("pads", 0, 2 * axes)
    ends = (end - more for end, more in zip(pads[axes:], option("output_padding", 0), strict=True))
    return Geometry(
        rows=x.static_shape[0],
        channels=inner.static_shape[1],
        filters=outer.static_shape[1],
        groups=int(node.attributes.get("group", 1)),
        kernel=kernel,
        strides=option("strides", 1),
        dilations=option("dilations", 1),
        begins=pads[:axes],
        ends=tuple(ends),
        inner=inner.static_shape[2:],
        outer=outer.static_shape[2:],
    )
