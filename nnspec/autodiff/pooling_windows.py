"""The windows of a pool along each axis, and the maps between elements and windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from nnspec.autodiff.common import operand
from nnspec.graph.graph import Array, Graph, Node, Value


class Axis(NamedTuple):
    """The windows along one axis: window p has the elements p * stride + i * dilation - before."""

    at: int
    size: int
    places: int
    """The number of windows."""
    kernel: int
    stride: int
    dilation: int
    before: int
    behind: int

    @property
    def extent(self) -> int:
        """From the first element of a window to its last one."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def tiles(self) -> bool:
        """Whether each window begins where the one before it ends, so that they cover the axis once."""
        return self.kernel == self.stride and self.dilation == 1

    @property
    def trivial(self) -> bool:
        """Whether each element is a window."""
        return self.kernel == self.stride == 1 and self.places == self.size

    @property
    def around(self) -> tuple[int, int]:
        """The border with which the axis is as long as strides for all windows; below 0 for what none reads."""
        return self.before, self.places * self.stride - self.before - self.size

    def hits(self) -> Array:
        """[places, size]: 1 where an element is in a window."""
        first = np.arange(self.places) * self.stride - self.before
        offset = np.arange(self.size) - first[:, None]
        hits: Array = ((offset >= 0) & (offset < self.extent) & (offset % self.dilation == 0)).astype(np.float64)
        return hits

    def counts(self, border: bool) -> Array:
        """[places]: how many elements each window has the mean of, with those of the border or without."""
        return np.full(self.places, float(self.kernel)) if border else self.hits().sum(1)


def axes_of(node: Node) -> list[Axis]:
    """The axes that a pool works along, those behind the channels."""
    x, y = operand(node, 0).static_shape, node.outputs[0].static_shape
    rank = len(x) - 2
    strides, dilations = _integers(node, "strides", [1] * rank), _integers(node, "dilations", [1] * rank)
    kernel, pads = _integers(node, "kernel_shape", []), _integers(node, "pads", [0] * (2 * rank))
    rows = zip(range(2, len(x)), x[2:], y[2:], kernel, strides, dilations, pads[:rank], pads[rank:], strict=True)
    return [Axis(*row) for row in rows]


def _integers(node: Node, name: str, default: list[int]) -> list[int]:
    found = node.attributes.get(name)
    return default if found is None else [int(n) for n in np.asarray(found)]


def upsampled(g: Graph, x: Value, axes: Sequence[Axis]) -> Value:
    """Each element of a window's result for every element of its stride.

    Resize is fast along the last two of four axes (64 us per million results), and slow along three of five (9 ms), so
    that it goes by pairs.
    """
    *others, last = axes
    pairs = [others.pop(), last] if others else [last]
    for pair in [*([axis] for axis in others), pairs]:
        scales = [axis.stride for axis in pair]
        if scales == [1] * len(pair):
            continue
        first, behind = pair[0].at, x.static_shape[pair[-1].at + 1 :]
        before, inside = x.static_shape[:first], x.static_shape[first : pair[-1].at + 1]
        image = g.reshape(x, (1, prod(before), *inside, *((prod(behind),) if len(pair) == 1 else ())))
        resized = g.op(
            "Resize",
            image,
            None,
            g.constant([1, 1, *scales, *((1,) if len(pair) == 1 else ())], "float32"),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        x = g.reshape(resized, (*before, *(n * k for n, k in zip(inside, scales, strict=True)), *behind))
    return x


def fitted(g: Graph, x: Value, axes: Sequence[Axis], border: float) -> Value:
    """x as long as strides for all windows, with `border` around it."""
    return _resized(g, x, {axis.at: axis.around for axis in axes}, border)


def fitted_back(g: Graph, dx: Value, axes: Sequence[Axis]) -> Value:
    """The elements of x in what `fitted` has the size of; 0 where it cut some off."""
    return _resized(g, dx, {axis.at: (-axis.around[0], -axis.around[1]) for axis in axes}, 0)


def _resized(g: Graph, x: Value, around: dict[int, tuple[int, int]], border: float) -> Value:
    """x with so many elements before and behind each axis; without them for numbers below 0."""
    pads = np.zeros((2, x.rank), np.int64)
    for at, (before, behind) in around.items():
        if min(before, behind) < 0:
            x = g.slice(x, at, max(-before, 0), x.static_shape[at] - max(-behind, 0))
        pads[:, at] = max(before, 0), max(behind, 0)
    return g.op("Pad", x, g.constant(pads.reshape(-1)), border) if pads.any() else x
