"""Convolution: a learned filter that slides over the axes behind the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called
from nnspec.ir.dims import Dim, product
from nnspec.ir.fields import PositiveInt, Rule, default
from nnspec.ir.types import TensorType
from nnspec.layers.convolution.padding import PaddingMode, padded, require_border
from nnspec.layers.convolution.shapes import OF_CHANNELS, OF_WINDOWS, WORDS, require_groups, require_images, swept
from nnspec.layers.initializers import GlorotUniform, Zeros
from nnspec.layers.registry import LAYERS
from nnspec.layers.windows import Padding, Sizes, Window, windows

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class Convolution(Layer):
    """A convolution over `axes` axes."""

    axes: ClassVar[int]
    foreign_options = called(**OF_CHANNELS, **OF_WINDOWS, padding_mode="pad_mode")
    foreign_words = WORDS

    channels: PositiveInt
    """Number of filters: the channels of the result."""
    kernel: Sizes
    """Size of the filter, one number for all axes or a list with one for each."""
    stride: Sizes = 1
    """Every how many elements the filter is applied."""
    padding: Padding = 0
    """The border around the input: a number, a list with a number or a pair [before, behind] for each axis, "valid" for
    none, or "same" for as much as it takes to get ceil(size / stride) elements, the odd one behind, as in TensorFlow
    (PyTorch's "same", which knows stride 1 alone, is equal to it).
    """
    dilation: Sizes = 1
    """The distance of the elements that the filter reads: 2 leaves every other one out."""
    groups: PositiveInt = 1
    """In how many parts the channels are cut, each of which has filters of its own."""
    bias: bool = True
    """Add a learned offset to each channel."""
    padding_mode: PaddingMode = "zeros"
    """What the border holds: zeros, the mirror image of the input, the element at the edge (PyTorch's "replicate"), or
    the opposite end.
    """
    init: Initializer = default(GlorotUniform)
    """Initial values of the weight; the bias begins at 0."""

    def _check(self) -> None:
        self._windows()
        if self.channels % self.groups:
            raise Rule("groups", f"groups ({self.groups}) must divide channels ({self.channels})")

    def infer(self, x: TensorType) -> TensorType:
        require_groups(self.name, x, require_images(self.name, x, self.axes), self.groups)
        spatial = swept(self.name, x, self._windows(), self._leading_channels())
        require_border(self.name, x, self._windows(), self.padding_mode)
        return x.with_shape(x.shape[0], self.channels, *spatial)

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        shape = (self.channels, *self._filter(x))
        weight = ParameterSpec(shape, self.init, dtype=x.dtype, groups=self.groups)
        bias = {"bias": ParameterSpec((self.channels,), Zeros(), dtype=x.dtype)} if self.bias else {}
        return {"weight": weight, **bias}

    def macs(self, x: TensorType) -> Dim:
        return product(self.infer(x).shape) * product(self._filter(x))

    def lower(self, g: Graph, x: Value, *, weight: Value, bias: Value | None = None) -> Value:
        return convolved(g, x, weight, bias, self._windows(), self.groups, self.padding_mode)

    def _leading_channels(self) -> str:
        """The help where a kernel does not fit since somebody began with the channels of the input, as in PyTorch."""
        if isinstance(self.kernel, int) and isinstance(self.stride, int) and self.kernel > self.stride > 1:
            return f"the channels of the input are known: {self.name}({self.kernel}, {self.stride})"
        return ""

    def _filter(self, x: TensorType) -> tuple[int, ...]:
        """The shape of one filter: [in / groups, *kernel]."""
        channels = require_images(self.name, x, self.axes)
        return channels // self.groups, *(window.kernel for window in self._windows())

    def _windows(self) -> tuple[Window, ...]:
        return windows(self.axes, self.kernel, self.stride, self.padding, self.dilation)


def convolved(
    g: Graph,
    x: Value,
    weight: Value,
    bias: Value | None,
    windows: Sequence[Window],
    groups: int,
    mode: PaddingMode,
) -> Value:
    """The operators of a convolution."""
    x, pads = padded(g, x, windows, mode)
    return g.op(
        "Conv",
        x,
        weight,
        bias,
        kernel_shape=[window.kernel for window in windows],
        strides=[window.stride for window in windows],
        dilations=[window.dilation for window in windows],
        pads=[pair[side] for side in (0, 1) for pair in pads],
        group=groups,
    )


@LAYERS("conv1d")
class Conv1d(Convolution):
    """Filters over a sequence of channels.    [N, C, W] -> [N, channels, W']

    Parameters: `weight` [channels, C / groups, kernel], `bias` [channels]. W' = floor((W + padding on both sides -
    dilation (kernel - 1) - 1) / stride) + 1. ONNX: Conv.
    """

    axes = 1
    foreign_names = ("Convolution1D", "LazyConv1d")
    examples = (
        Example("conv1d(3, 2)", ("float32[N, 2, 5]",)),
        Example('conv1d(2, kernel = 3, stride = 2, padding = "same", bias = false)', ("float32[N, 2, T]",)),
        Example("conv1d(4, 3, padding = [2, 0], dilation = 1, groups = 2)", ("float32[N, 2, T]",)),
        Example('conv1d(2, 3, padding = 1, padding_mode = "circular")', ("float32[N, 2, 4]",)),
        Example("conv1d(2, 3, init = he_normal())", ("float32[N, 2, 4]",)),
    )


@LAYERS("conv2d")
class Conv2d(Convolution):
    """Filters over images of channels.    [N, C, H, W] -> [N, channels, H', W']

    Parameters: `weight` [channels, C / groups, *kernel], `bias` [channels]. H' = floor((H + padding on both sides -
    dilation (kernel - 1) - 1) / stride) + 1, and W' alike. ONNX: Conv.
    """

    axes = 2
    foreign_names = ("Convolution2D", "LazyConv2d", "conv", "convolution")
    examples = (
        Example("conv2d(3, 2)", ("float32[N, 2, 4, 3]",)),
        Example('conv2d(2, kernel = 3, padding = "same", bias = false)', ("float32[N, 2, 3, 4]",)),
        Example("conv2d(2, [3, 2], stride = [2, 1], padding = [1, [0, 1]])", ("float32[N, 1, 5, 4]",)),
        Example("conv2d(4, 3, 2, 2, dilation = 2, groups = 2)", ("float32[N, 4, 5, 6]",)),
        Example('conv2d(2, 3, padding = 1, padding_mode = "reflect")', ("float32[N, 1, 4, 3]",)),
        Example('conv2d(2, 3, padding = "same", padding_mode = "edge")', ("float32[N, 1, H, W]",)),
        Example('conv2d(2, 3, stride = 2, padding = "same")', ("float32[N, 1, H, 5]",)),
        Example("conv2d(2, 1, init = he_normal())", ("float32[N, 3, H, W]",)),
    )


@LAYERS("conv3d")
class Conv3d(Convolution):
    """Filters over volumes of channels.    [N, C, D, H, W] -> [N, channels, D', H', W']

    Parameters: `weight` [channels, C / groups, *kernel], `bias` [channels]. D' = floor((D + padding on both sides -
    dilation (kernel - 1) - 1) / stride) + 1, H' and W' alike. ONNX: Conv.
    """

    axes = 3
    foreign_names = ("Convolution3D", "LazyConv3d")
    examples = (
        Example("conv3d(2, 2)", ("float32[N, 1, 3, 3, 2]",)),
        Example('conv3d(2, kernel = 3, padding = "same", bias = false)', ("float32[N, 1, 2, 3, 3]",)),
        Example("conv3d(2, [2, 1, 3], stride = 2, padding = [[0, 1], 0, 1])", ("float32[N, 2, 3, 3, 4]",)),
        Example("conv3d(2, 2, padding = 2, dilation = 2, groups = 2)", ("float32[N, 2, 2, 3, 2]",)),
        Example('conv3d(1, 2, padding = 1, padding_mode = "edge")', ("float32[N, 1, 2, 3, 2]",)),
        Example("conv3d(1, 2, init = he_normal())", ("float32[N, 1, 2, 3, 2]",)),
    )
