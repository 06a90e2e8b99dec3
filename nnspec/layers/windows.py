"""Windows that slide over the axes behind the channels: what convolution and pooling have in common.

Along each axis a window has a kernel, a stride, a dilation and a padding. All of it is arithmetic over sizes, which may
be symbolic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Shape
from nnspec.ir.fields import NonNegativeInt, PositiveInt, Rule
from nnspec.ir.types import TensorType
from nnspec.layers.parts import TO_THE_END

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Sizes = PositiveInt | tuple[PositiveInt, ...]
"""A number for every axis, or a list with one for each."""

Padding = Literal["same", "valid"] | NonNegativeInt | tuple[NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt], ...]
"""As PyTorch and Keras spell it, and for each axis a number for both sides or [before, behind]."""

T = TypeVar("T")


class Window(NamedTuple):
    """The windows along one axis."""

    kernel: int
    stride: int
    dilation: int
    padding: tuple[int, int] | None
    """Elements before and behind. None is "same": as many as it takes for ceil(size / stride) windows, the odd one
    behind (TensorFlow's and ONNX's rule; PyTorch's, which knows stride 1 alone, is a case of it)."""
    ceil: bool = False
    """Whether a last window may reach beyond the padding, if it begins before it (PyTorch's `ceil_mode`)."""

    @property
    def extent(self) -> int:
        """From the first element of a window to its last one."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def reach(self) -> int:
        """The padding behind with which all windows are whole. With `ceil`, a window more begins inside of what was
        padded: every one that starts before the padding behind, and none that starts later.
        """
        assert self.padding is not None
        behind = self.padding[1]
        return max(behind, min(behind + self.stride - 1, self.extent - 1)) if self.ceil else behind

    def pads(self, size: Dim) -> tuple[int, int] | None:
        """The padding before and behind that makes all windows whole; None where it depends on a symbolic size, as that
        of "same" can do.
        """
        if self.padding is not None:
            return self.padding[0], self._behind(size)
        total = self.lack(size)
        return (max(total, 0) // 2, max(total, 0) - max(total, 0) // 2) if isinstance(total, int) else None

    def lack(self, size: Dim) -> Dim:
        """How much "same" adds to an axis; below 0 for the elements at its end that no window reads."""
        return (self.positions(size) - 1) * self.stride + self.extent - size

    def _behind(self, size: Dim) -> int:
        """No more than the last window needs, where that can be told: what nothing reads costs a copy."""
        assert self.padding is not None
        count = self.positions(size)
        if not isinstance(size, int) or not isinstance(count, int):
            return self.reach
        return max(self.padding[1], (count - 1) * self.stride + self.extent - size - self.padding[0])

    def positions(self, size: Dim) -> Dim:
        """The number of windows."""
        if self.padding is None:
            return (size + (self.stride - 1)) // self.stride
        return (size + (self.padding[0] + self.reach - self.extent)) // self.stride + 1


def windows(
    axes: int, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes = 1, ceil: bool = False
) -> tuple[Window, ...]:
    """The windows along each of the axes. Raises a Rule for a list of another length: call it in `_check`, so that the
    message comes before any shape.
    """
    kernels, strides = per_axis(axes, "kernel", kernel), per_axis(axes, "stride", stride)
    dilations, paddings = per_axis(axes, "dilation", dilation), amounts_per_axis(axes, padding)
    rows = zip(kernels, strides, dilations, paddings, strict=True)
    return tuple(Window(*row, ceil) for row in rows)


def per_axis(axes: int, option: str, given: T | tuple[T, ...]) -> tuple[T, ...]:
    """One number for each axis."""
    if not isinstance(given, tuple):
        return (given,) * axes
    if len(given) != axes:
        raise Rule(option, f"{option} is one number, or a list of {axes}, one for each axis")
    return given


def amounts_per_axis(axes: int, padding: Padding) -> tuple[tuple[int, int] | None, ...]:
    """[before, behind] for each axis, None for "same"."""
    if isinstance(padding, str):
        return ((0, 0) if padding == "valid" else None,) * axes
    if isinstance(padding, int):
        return ((padding, padding),) * axes
    if axes == 1 and len(padding) == 2:
        before, behind = padding
        if isinstance(before, int) and isinstance(behind, int):
            return ((before, behind),)
    if len(padding) != axes:
        wanted = "[before, behind]" if axes == 1 else f"a list of {axes} numbers or pairs [before, behind]"
        raise Rule("padding", f'padding is "same", "valid", one number, or {wanted}')
    return tuple((amount, amount) if isinstance(amount, int) else amount for amount in padding)


def slid(kind: str, x: TensorType, windows: Sequence[Window]) -> Shape:
    """How many windows fit along each axis behind the channels. Raises E203 where none does."""
    return tuple(_count(kind, x, at, window) for at, window in enumerate(windows, 2))


def _count(kind: str, x: TensorType, at: int, window: Window) -> Dim:
    size = x.shape[at]
    count = window.positions(size)
    if isinstance(count, int) and count < 1:
        padded = f" with a padding of {list(window.padding)}" if window.padding and any(window.padding) else ""
        dilated = f" with a dilation of {window.dilation}" if window.dilation > 1 else ""
        raise Fault(
            "E203",
            f"{kind}: a kernel of {window.kernel}{dilated} spans {window.extent} elements, "
            f"but axis {at} of {x} has {size}{padded}",
            help='take a smaller kernel, or pad: padding = "same"',
        )
    return count


def pads_attribute(x: TensorType, windows: Sequence[Window]) -> dict[str, Any]:
    """The padding as ONNX's operators take it: `pads`, or `auto_pad` where "same" depends on a symbolic size."""
    amounts = [window.pads(size) for window, size in zip(windows, x.shape[2:], strict=True)]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [amount[side] for side in (0, 1) for amount in known]}


def padded_at_run_time(g: Graph, x: Value, windows: Sequence[Window], value: float = 0.0) -> Value:
    """The input with the padding of "same", where that depends on symbolic sizes. What no window reads is cut off, so
    that the result has one size for all inputs.
    """
    before, behind, sizes = [], [], []
    for window, size in zip(windows, x.shape[2:], strict=True):
        total = g.size_tensor(window.lack(size))
        before.append(g.op("Div", g.op("Max", total, 0), 2))
        behind.append(g.op("Sub", total, before[-1]))
        sizes.append(size + window.lack(size))
    rows = g.constant([0, 0], "int64")
    pads = g.op("Concat", rows, *before, rows, *behind, axis=0)
    return g.op("Pad", x, pads, g.constant(value, x.dtype), type=x.type.with_shape(*x.shape[:2], *sizes))


def wrapped(g: Graph, x: Value, at: int, before: int, behind: int) -> Value:
    """The end of the axis in front of it, and its beginning behind. (Pad does so from opset 19 on.)"""
    parts = [x]
    if before:
        parts.insert(0, g.slice(x, at, -before, TO_THE_END))
    if behind:
        first = x.type.with_shape(*x.shape[:at], behind, *x.shape[at + 1 :])
        bounds = [g.constant([n], "int64") for n in (0, behind, at)]
        parts.append(g.op("Slice", x, *bounds, type=first))
    return g.op("Concat", *parts, axis=at) if len(parts) > 1 else x
