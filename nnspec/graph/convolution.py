"""The geometry of a convolution, and which form computes it: the one place where forms are chosen."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from nnspec.graph.values import Node


class Geometry(NamedTuple):
    """How a convolution reads its input: of `inner` elements along each axis it makes `outer`.

    Output i reads the elements i * stride + j * dilation - begin of its input, for j below the kernel. A transposed
    convolution is the same the other way round: it makes `inner` of `outer`.
    """

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
    def extents(self) -> tuple[int, ...]:
        """From the first element that an output reads to the last one."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def unread(self) -> tuple[int, ...]:
        """How many elements at the end of the padded input no window reads, since the next one does not fit."""
        return tuple(
            size + begin + end - (count - 1) * stride - extent
            for size, begin, end, count, stride, extent in zip(
                self.inner, self.begins, self.ends, self.outer, self.strides, self.extents, strict=True
            )
        )


def geometry(node: Node) -> Geometry:
    """The geometry of a Conv or ConvTranspose. For the latter, output_padding is padding less."""
    x, weight, y = node.inputs[0], node.inputs[1], node.outputs[0]
    assert x is not None and weight is not None
    kernel = weight.static_shape[2:]
    axes, attributes = len(kernel), node.attributes
    pads = tuple(attributes.get("pads", (0,) * (2 * axes)))
    transposed = node.op_type == "ConvTranspose"
    more = tuple(attributes.get("output_padding", ())) or (0,) * axes
    ends = tuple(end - extra for end, extra in zip(pads[axes:], more, strict=True)) if transposed else pads[axes:]
    inner, outer = (y, x) if transposed else (x, y)
    return Geometry(
        int(attributes.get("group", 1)),
        kernel,
        tuple(attributes.get("strides", (1,) * axes)),
        tuple(attributes.get("dilations", (1,) * axes)),
        pads[:axes],
        ends,
        inner.static_shape[2:],
        outer.static_shape[2:],
    )


def forward_form(geo: Geometry, rows: int, channels: int, filters: int) -> tuple[str, tuple[int, ...]]:
    """The form in which a convolution trains, and the tiles of that form; see `nnspec.graph.training_forms`.

    Milliseconds with all gradients on one thread, direct and by Winograd's F(2, 3) and F(4, 3), beside PyTorch's:

    | rows, channels, size, filters, stride | PyTorch | direct | F(2, 3) | F(4, 3) |
    |---------------------------------------|---------|--------|---------|---------|
    | 16, 16, 32 x 32, 16, 1                | 3.3     | 2.8    | 7.5     | 2.6     |
    | 64, 16, 8 x 8, 32, 1                  | 1.0     | 1.6    | 1.5     | 0.95    |
    | 16, 64, 32 x 32, 64, 1                | 18.4    | 22.6   | 28.2    | 17.0    |
    | 16, 128, 16 x 16, 128, 1              | 16.3    | 21.2   | 15.1    | 8.8     |
    | 16, 256, 8 x 8, 256, 1                | 17.0    | 23.3   | 11.8    | 8.2     |
    | 16, 512, 4 x 4, 512, 1                | 18.2    | 31.7   | 13.4    | 16.4    |
    | 64, 512, 4 x 4, 512, 1                | 57.9    | 119    | 36.6    | 29.3    |
    | 4, 256, 14 x 14, 256, 1               | 11.9    | 14.5   | 8.0     | 7.1     |
    | 16, 32, 32 x 32, 64, 2                | 3.4     | 4.7    | 4.9     | 4.4     |
    | 16, 64, 32 x 32, 128, 2               | 9.5     | 12.9   | 14.4    | 13.5    |
    | 16, 128, 16 x 16, 256, 2              | 9.2     | 11.1   | 8.7     | 9.3     |
    | 16, 256, 8 x 8, 512, 2                | 11.1    | 14.5   | 9.4     | 25.8    |
    """
    plain = geo.groups == 1 and set(geo.dilations) == {1} and geo.axes <= 2
    if plain and set(geo.kernel) == {3} and min(channels, filters) >= 16:
        if set(geo.strides) == {1}:
            return "winograd", min(((m,) * geo.axes for m in (4, 2)), key=lambda tiles: _weighed(geo, rows, tiles))
        if set(geo.strides) == {2} and channels >= 128:
            return "winograd", (2,) * geo.axes
    return "direct", ()


BANK = 54
"""Rows of data whose product with a matrix of the filters takes as long as to make and to move that matrix."""


def _weighed(geo: Geometry, rows: int, tiles: tuple[int, ...]) -> int:
    """What is in proportion to the time of Winograd's form with stride 1: for each point, the rows of data."""
    points = prod(tile + kernel - 1 for tile, kernel in zip(tiles, geo.kernel, strict=True))
    return points * (rows * prod(-(-size // tile) for size, tile in zip(geo.outer, tiles, strict=True)) + BANK)


def weight_form(geo: Geometry, rows: int, channels: int, filters: int) -> str:
    """How the gradient of the weight is computed; see `nnspec.autodiff.conv_weight`."""
    if prod(geo.kernel) == 1:
        return "products"
    return "swapped" if channels == 1 else "shifts"
