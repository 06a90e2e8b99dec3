"""Layers that make one number of each window."""

from __future__ import annotations

from math import inf, prod
from typing import TYPE_CHECKING, Any, ClassVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, require_dtype
from nnspec.ir.fields import PositiveInt, Rule
from nnspec.ir.types import TensorType
from nnspec.layers.registry import LAYERS, define
from nnspec.layers.windows import Padding, Sizes, Window, padded_at_run_time, pads_attribute, slid, windows

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

DTYPES = ("float32", "float16")
"""Those for which ONNX Runtime has all operators of the pools and of their gradients."""

LAYOUTS = {1: "[N, C, W]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}
"""Inputs by the number of axes behind the channels."""


class Pool(Layer):
    """Base of the pools over windows. A new one gives `lower`, from the windows along each axis."""

    axes: ClassVar[int]
    foreign_options = called(
        kernel="kernel_size pool_size ksize kernel_shape size window_shape window",
        stride="strides",
        padding="pad pads",
        dilation="dilation_rate dilations",
        ceil_mode="ceil",
        count_include_pad="include_pad",
        divisor="divisor_override",
    )

    kernel: Sizes
    """Size of a window: a number, or a list with one for each axis."""
    stride: Sizes | None = None
    """From one window to the next; the kernel if nothing is said."""
    padding: Padding = 0
    """"valid" (none), "same" (ceil(size / stride) windows), a number for all sides, or a list with a number or a pair
    [before, behind] for each axis. What is padded counts as nothing: no maximum is found in it."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, DTYPES)
        self._require_rank(x)
        shape = slid(self.name, x, self.windows())
        for at, window in enumerate(self.windows(), 2):
            self._require_elements(x, at, window)
        return x.with_shape(*x.shape[:2], *shape)

    def windows(self) -> tuple[Window, ...]:
        """The windows along each axis behind the channels."""
        raise NotImplementedError

    def _require_rank(self, x: TensorType) -> None:
        if x.rank != self.axes + 2:
            other = f"{self.name[:-2]}{x.rank - 2}d takes {LAYOUTS.get(x.rank - 2)}"
            raise Fault(
                "E203",
                f"{self.name} needs an input of {self.axes + 2} dimensions {LAYOUTS[self.axes]}, got {x}",
                help=other if x.rank - 2 in LAYOUTS else "move flatten below the pools" if x.rank == 2 else "",
            )

    def _check(self) -> None:
        for window in self.windows():
            if window.padding and max(window.padding) >= window.extent:
                raise Rule(
                    "padding",
                    f"a padding of {max(window.padding)} holds whole windows of {window.extent} elements, in which "
                    "there is nothing to pool",
                )

    def _require_elements(self, x: TensorType, at: int, window: Window) -> None:
        """Raise E203 where a window steps over all elements, as dilated ones can."""
        size = x.shape[at]
        if window.dilation == 1 or not isinstance(size, int):
            return
        before, _ = window.pads(size) or (0, 0)
        count = window.positions(size)
        assert isinstance(count, int)
        for start in range(-before, count * window.stride - before, window.stride):
            if not any(0 <= start + i * window.dilation < size for i in range(window.kernel)):
                raise Fault(
                    "E203",
                    f"{self.name}: with a dilation of {window.dilation} a window steps over all of axis {at} of {x}",
                    help="take a smaller dilation or less padding",
                )


class MaxPool(Pool):
    """Base of the pools that take the greatest element."""

    dilation: Sizes = 1
    """From one element of a window to the next."""
    ceil_mode: bool = False
    """A last window may reach over the edge, if it begins before it or in the padding before the first element."""

    def windows(self) -> tuple[Window, ...]:
        stride = self.kernel if self.stride is None else self.stride
        return windows(self.axes, self.kernel, stride, self.padding, self.dilation, self.ceil_mode)

    def lower(self, g: Graph, x: Value) -> Value:
        from nnspec.graph.pooling import pooled

        along = self.windows()
        border = pads_attribute(x.type, along)
        if any(window.dilation > 1 for window in along):
            x, border = self._with_border(g, x, border)
        return pooled(g, "MaxPool", x, *steps(along), dilations=[window.dilation for window in along], **border)

    def _with_border(self, g: Graph, x: Value, border: dict[str, Any]) -> tuple[Value, dict[str, Any]]:
        """ONNX Runtime takes less padding than the kernel alone, and "same" without dilation: pad in front of it."""
        along = self.windows()
        if "pads" not in border:
            return padded_at_run_time(g, x, along, -inf), {}
        sides = zip(border["pads"], [window.kernel for window in (*along, *along)], strict=True)
        if all(amount < kernel for amount, kernel in sides):
            return x, border
        before, behind = border["pads"][: self.axes], border["pads"][self.axes :]
        return g.op("Pad", x, g.constant([0, 0, *before, 0, 0, *behind], "int64"), -inf), {}


class AvgPool(Pool):
    """Base of the pools that take the mean."""

    ceil_mode: bool = False
    """A last window may reach over the edge, if it begins before it or in the padding before the first element."""
    count_include_pad: bool = True
    """Divide by the size of the window, what is padded included, as in PyTorch. False: by the elements that are
    there, as in Keras. What `ceil_mode` adds is never counted."""
    divisor: PositiveInt | None = None
    """Divide by this number instead."""

    def windows(self) -> tuple[Window, ...]:
        stride = self.kernel if self.stride is None else self.stride
        return windows(self.axes, self.kernel, stride, self.padding, ceil=self.ceil_mode)

    def lower(self, g: Graph, x: Value) -> Value:
        from nnspec.graph.pooling import pooled

        along, counted = self.windows(), self.count_include_pad or self.divisor is not None
        border = pads_attribute(x.type, along)
        stated = [(window.padding or (0, 0))[side] for side in (0, 1) for window in along]
        if self.count_include_pad and self.divisor is None and self.padding != "same" and border["pads"] != stated:
            x, border = self._with_counted_border(g, x, border["pads"], stated)
            counted = False
        y = pooled(g, "AveragePool", x, *steps(along), **border, count_include_pad=int(counted))
        return y if self.divisor is None else g.op("Mul", y, prod(window.kernel for window in along) / self.divisor)

    def _with_counted_border(
        self, g: Graph, x: Value, pads: list[int], stated: list[int]
    ) -> tuple[Value, dict[str, Any]]:
        """The stated padding as elements, which count; what `ceil_mode` adds to it as padding, which does not."""
        if any(stated):
            x = g.op("Pad", x, g.constant([0, 0, *stated[: self.axes], 0, 0, *stated[self.axes :]], "int64"))
        return x, {"pads": [amount - counted for amount, counted in zip(pads, stated, strict=True)]}


def steps(along: tuple[Window, ...]) -> tuple[list[int], list[int]]:
    """Kernel and stride of each axis."""
    return [window.kernel for window in along], [window.stride for window in along]


def pools(axes: int, shape: str, sizes: str) -> None:
    """Register both pools over so many axes."""
    image, kernel = (f"float32[N, 2, {sizes}]",), [3, 2, 2][:axes]
    symbolic = (f"float32[N, 1, {', '.join('THW'[-axes:])}]",)
    define(
        LAYERS,
        f"max_pool{axes}d",
        MaxPool,
        doc=f"The greatest element of each window.    {shape}    ONNX: MaxPool.",
        foreign_names=(f"MaxPooling{axes}D", *(("max_pool", "max_pooling") if axes == 2 else ())),
        examples=(
            Example(f"max_pool{axes}d(2)", image),
            Example(f"max_pool{axes}d({kernel}, stride = 2, padding = 1, ceil_mode = true)", image),
            Example(f"max_pool{axes}d(2, 1, dilation = 2)", image),
            Example(f'max_pool{axes}d(3, 2, padding = "same")', symbolic),
        ),
        axes=axes,
    )
    define(
        LAYERS,
        f"avg_pool{axes}d",
        AvgPool,
        doc=f"The mean of each window.    {shape}    ONNX: AveragePool.",
        foreign_names=(
            f"AveragePooling{axes}D",
            *(("avg_pool", "average_pool", "average_pooling") if axes == 2 else ()),
        ),
        examples=(
            Example(f"avg_pool{axes}d(2)", image),
            Example(f"avg_pool{axes}d({kernel}, stride = 2, padding = 1, ceil_mode = true)", image),
            Example(f"avg_pool{axes}d(3, 2, padding = 1, count_include_pad = false)", image),
            Example(f"avg_pool{axes}d(2, divisor = 3)", image),
            Example(f'avg_pool{axes}d(3, 2, padding = "same")', symbolic),
        ),
        axes=axes,
    )


pools(1, "[N, C, W] -> [N, C, W']", "7")
pools(2, "[N, C, H, W] -> [N, C, H', W']", "5, 7")
pools(3, "[N, C, D, H, W] -> [N, C, D', H', W']", "4, 5, 7")
