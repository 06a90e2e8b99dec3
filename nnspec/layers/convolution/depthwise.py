"""Convolution of each channel by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called
from nnspec.ir.dims import Dim, product
from nnspec.ir.fields import PositiveInt, default
from nnspec.ir.types import TensorType
from nnspec.layers.convolution.conv import convolved
from nnspec.layers.convolution.padding import PaddingMode, require_border
from nnspec.layers.convolution.shapes import OF_WINDOWS, WORDS, require_images, swept
from nnspec.layers.initializers import GlorotUniform, Zeros
from nnspec.layers.registry import LAYERS
from nnspec.layers.windows import Padding, Sizes, Window, windows

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("depthwise_conv2d")
class DepthwiseConv2d(Layer):
    """Filters for each channel of images by itself.    [N, C, H, W] -> [N, multiplier C, H', W']

    As conv2d(multiplier C, groups = C): the filters of a channel stand side by side. Parameters: `weight`
    [multiplier C, 1, *kernel], `bias` [multiplier C]. ONNX: Conv.
    """

    foreign_options = called(
        **OF_WINDOWS,
        multiplier="depth_multiplier channel_multiplier",
        padding_mode="pad_mode",
        init="depthwise_initializer",
    )
    foreign_words = WORDS
    foreign_names = ("depthwise_conv", "DepthwiseConvolution2D")
    examples = (
        Example("depthwise_conv2d(3)", ("float32[N, 2, 4, 3]",)),
        Example("depthwise_conv2d([2, 3], stride = 2, padding = [[0, 1], 1], bias = false)", ("float32[N, 2, 4, 5]",)),
        Example('depthwise_conv2d(3, padding = "same", dilation = 2, multiplier = 3)', ("float32[N, 2, 4, 3]",)),
        Example('depthwise_conv2d(3, padding = 1, padding_mode = "reflect")', ("float32[N, 2, H, W]",)),
        Example("depthwise_conv2d(3, init = he_normal())", ("float32[N, 2, 3, 3]",)),
    )

    kernel: Sizes
    """Size of the filter, one number for both axes or a list with one for each."""
    stride: Sizes = 1
    """Every how many elements the filter is applied."""
    padding: Padding = 0
    """The border around the input: a number, a list with a number or a pair [before, behind] for each axis, "valid" for
    none, or "same" for as much as it takes to get ceil(size / stride) elements, the odd one behind.
    """
    dilation: Sizes = 1
    """The distance of the elements that the filter reads: 2 leaves every other one out."""
    multiplier: PositiveInt = 1
    """How many filters each channel has."""
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

    def infer(self, x: TensorType) -> TensorType:
        channels = require_images(self.name, x, 2)
        spatial = swept(self.name, x, self._windows(), self._leading_channels())
        require_border(self.name, x, self._windows(), self.padding_mode)
        return x.with_shape(x.shape[0], channels * self.multiplier, *spatial)

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        channels = require_images(self.name, x, 2)
        filters, kernel = channels * self.multiplier, [window.kernel for window in self._windows()]
        weight = ParameterSpec((filters, 1, *kernel), self.init, dtype=x.dtype, groups=channels)
        bias = {"bias": ParameterSpec((filters,), Zeros(), dtype=x.dtype)} if self.bias else {}
        return {"weight": weight, **bias}

    def macs(self, x: TensorType) -> Dim:
        return product(self.infer(x).shape) * product(tuple(window.kernel for window in self._windows()))

    def lower(self, g: Graph, x: Value, *, weight: Value, bias: Value | None = None) -> Value:
        groups = require_images(self.name, x.type, 2)
        return convolved(g, x, weight, bias, self._windows(), groups, self.padding_mode)

    def _leading_channels(self) -> str:
        """The help where a kernel does not fit since somebody began with the channels."""
        if isinstance(self.kernel, int) and isinstance(self.stride, int) and self.kernel > self.stride > 1:
            return f"its channels are those of the input, times multiplier: {self.name}({self.stride})"
        return ""

    def _windows(self) -> tuple[Window, ...]:
        return windows(2, self.kernel, self.stride, self.padding, self.dilation)
