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


def weight_form(geo: Geometry, rows: int, channels: int, filters: int) -> str:
    """How the gradient of the weight is computed; see `nnspec.autodiff.conv_weight`."""
    if prod(geo.kernel) == 1:
        return "products"
    return "swapped" if channels == 1 else "shifts"
