"""Transposed convolution: what a convolution does backwards, which makes images larger."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called
from nnspec.ir.dims import Dim, Shape, product
from nnspec.ir.fields import NonNegativeInt, PositiveInt, Rule, default
from nnspec.ir.types import TensorType
from nnspec.layers.convolution.shapes import OF_CHANNELS, OF_WINDOWS, require_groups, require_images
from nnspec.layers.initializers import GlorotUniform, Zeros
from nnspec.layers.registry import LAYERS
from nnspec.layers.windows import Padding, Sizes, Window, per_axis, windows

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class ConvolutionTranspose(Layer):
    """A transposed convolution over `axes` axes."""

    axes: ClassVar[int]
    foreign_options = called(**OF_CHANNELS, **OF_WINDOWS, output_padding="out_pad outpad")

    channels: PositiveInt
    """Channels of the result."""
    kernel: Sizes
    """Size of the filter, one number for all axes or a list with one for each."""
    stride: Sizes = 1
    """The distance in the result of what two neighbours of the input add to it: how many times larger it gets."""
    padding: Padding = 0
    """What is cut off the border of the result: a number, a list with a number or a pair [before, behind] for each
    axis, "valid" for nothing, or "same" for as much as leaves stride * size elements, as in Keras.
    """
    dilation: Sizes = 1
    """The distance of the elements that the filter writes: 2 leaves every other one out."""
    groups: PositiveInt = 1
    """In how many parts the channels are cut, each of which has filters of its own."""
    bias: bool = True
    """Add a learned offset to each channel."""
    output_padding: NonNegativeInt | tuple[NonNegativeInt, ...] = 0
    """How many elements more the result has at its end: which of the sizes it gets that a convolution takes to one."""
    init: Initializer = default(GlorotUniform)
    """Initial values of the weight; the bias begins at 0."""

    def _check(self) -> None:
        if self.channels % self.groups:
            raise Rule("groups", f"groups ({self.groups}) must divide channels ({self.channels})")
        for window, more in zip(self._windows(), self._more(), strict=True):
            if more and window.padding is None:
                raise ValueError('padding = "same" says how large the result is: output_padding has no meaning')
            if more >= max(window.stride, window.dilation):
                raise Rule(
                    "output_padding",
                    f"output_padding ({more}) must be below the stride ({window.stride}) or the dilation "
                    f"({window.dilation})",
                )

    def infer(self, x: TensorType) -> TensorType:
        require_groups(self.name, x, require_images(self.name, x, self.axes), self.groups)
        return x.with_shape(x.shape[0], self.channels, *self._spread(x))

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        shape = (require_images(self.name, x, self.axes), *self._filter())
        bias = {"bias": ParameterSpec((self.channels,), Zeros(), dtype=x.dtype)} if self.bias else {}
        weight = ParameterSpec(shape, self.init, dtype=x.dtype, groups=self.groups, transposed=True)
        return {"weight": weight, **bias}

    def macs(self, x: TensorType) -> Dim:
        return product(x.shape) * product(self._filter())

    def lower(self, g: Graph, x: Value, *, weight: Value, bias: Value | None = None) -> Value:
        """ONNX Runtime takes an output padding below the stride; PyTorch's may reach the dilation. Such elements get
        nothing but the bias.
        """
        windows, cuts = self._windows(), self._cuts()
        cut = [max(amount, 0) for side in (0, 1) for amount in (pair[side] for pair in cuts)]
        more = [max(-behind, 0) for _, behind in cuts]
        whole = all(extra < window.stride for extra, window in zip(more, windows, strict=True))
        y: Value = g.op(
            "ConvTranspose",
            x,
            weight,
            bias if whole else None,
            kernel_shape=[window.kernel for window in windows],
            strides=[window.stride for window in windows],
            dilations=[window.dilation for window in windows],
            pads=cut,
            output_padding=more if whole else [0] * self.axes,
            group=self.groups,
        )
        if whole:
            return y
        y = g.op("Pad", y, g.constant([0] * (self.axes + 4) + more, "int64"))
        return g.op("Add", y, g.reshape(bias, (self.channels, *[1] * self.axes))) if bias else y

    def _filter(self) -> tuple[int, ...]:
        """The shape of what one input channel is spread by: [channels / groups, *kernel]."""
        return self.channels // self.groups, *(window.kernel for window in self._windows())

    def _spread(self, x: TensorType) -> Shape:
        """The sizes behind the channels. Raises E203 where nothing is left."""
        sizes: list[Dim] = []
        for at, (window, (before, behind)) in enumerate(zip(self._windows(), self._cuts(), strict=True), 2):
            size = (x.shape[at] - 1) * window.stride + (window.extent - before - behind)
            if isinstance(size, int) and size < 1:
                raise Fault(
                    "E203",
                    f"{self.name}: axis {at} of {x} becomes {size + before + behind} elements, and a padding of "
                    f"{[before, behind]} leaves nothing of it",
                )
            sizes.append(size)
        return tuple(sizes)

    def _cuts(self) -> tuple[tuple[int, int], ...]:
        """What is cut off before and behind along each axis; below 0 for elements that are added behind."""
        found = []
        for window, more in zip(self._windows(), self._more(), strict=True):
            surplus = window.extent - window.stride
            before, behind = window.padding or (max(surplus, 0) // 2, surplus - max(surplus, 0) // 2)
            found.append((before, behind - more))
        return tuple(found)

    def _more(self) -> tuple[int, ...]:
        return per_axis(self.axes, "output_padding", self.output_padding)

    def _windows(self) -> tuple[Window, ...]:
        return windows(self.axes, self.kernel, self.stride, self.padding, self.dilation)


@LAYERS("conv_transpose1d")
class ConvTranspose1d(ConvolutionTranspose):
    """The transpose of conv1d.    [N, C, W] -> [N, channels, W']

    Parameters: `weight` [C, channels / groups, kernel], `bias` [channels]. W' = (W - 1) stride + dilation (kernel - 1)
    + 1 - padding on both sides + output_padding. ONNX: ConvTranspose.
    """

    axes = 1
    foreign_names = ("Conv1DTranspose", "deconv1d", "LazyConvTranspose1d")
    examples = (
        Example("conv_transpose1d(3, 2, stride = 2)", ("float32[N, 2, 3]",)),
        Example('conv_transpose1d(2, 3, stride = 2, padding = "same", bias = false)', ("float32[N, 2, T]",)),
        Example("conv_transpose1d(4, kernel = 2, padding = [1, 0], dilation = 3, groups = 2)", ("float32[N, 2, T]",)),
        Example("conv_transpose1d(2, 3, dilation = 2, output_padding = 1)", ("float32[N, 2, 3]",)),
        Example("conv_transpose1d(2, 3, init = he_normal())", ("float32[N, 2, 4]",)),
    )


@LAYERS("conv_transpose2d")
class ConvTranspose2d(ConvolutionTranspose):
    """The transpose of conv2d.    [N, C, H, W] -> [N, channels, H', W']

    Parameters: `weight` [C, channels / groups, *kernel], `bias` [channels]. H' = (H - 1) stride + dilation (kernel - 1)
    + 1 - padding on both sides + output_padding, W' alike. ONNX: ConvTranspose.
    """

    axes = 2
    foreign_names = ("Conv2DTranspose", "deconv2d", "conv_transpose", "LazyConvTranspose2d")
    examples = (
        Example("conv_transpose2d(3, 2, stride = 2)", ("float32[N, 2, 3, 2]",)),
        Example('conv_transpose2d(2, 3, stride = 2, padding = "same", bias = false)', ("float32[N, 2, H, W]",)),
        Example("conv_transpose2d(2, [3, 2], [2, 1], padding = [1, [0, 1]])", ("float32[N, 1, 2, 3]",)),
        Example(
            "conv_transpose2d(4, 3, 2, 1, dilation = 2, groups = 2, output_padding = [1, 0])", ("float32[N, 2, 2, 3]",)
        ),
        Example("conv_transpose2d(2, 2, init = he_normal())", ("float32[N, 2, H, W]",)),
    )


@LAYERS("conv_transpose3d")
class ConvTranspose3d(ConvolutionTranspose):
    """The transpose of conv3d.    [N, C, D, H, W] -> [N, channels, D', H', W']

    Parameters: `weight` [C, channels / groups, *kernel], `bias` [channels]. D' = (D - 1) stride + dilation (kernel - 1)
    + 1 - padding on both sides + output_padding, H' and W' alike. ONNX: ConvTranspose.
    """

    axes = 3
    foreign_names = ("Conv3DTranspose", "deconv3d", "LazyConvTranspose3d")
    examples = (
        Example("conv_transpose3d(2, 2, stride = 2)", ("float32[N, 1, 2, 1, 2]",)),
        Example('conv_transpose3d(1, 3, stride = 2, padding = "same", bias = false)', ("float32[N, 2, 2, H, W]",)),
        Example("conv_transpose3d(2, [2, 1, 3], padding = [[0, 1], 0, 1], dilation = 2)", ("float32[N, 1, 2, 2, 2]",)),
        Example("conv_transpose3d(4, 2, 2, groups = 2, output_padding = 1)", ("float32[N, 2, 1, 2, 2]",)),
        Example("conv_transpose3d(1, 2, init = he_normal())", ("float32[N, 1, 2, 1, 2]",)),
    )
