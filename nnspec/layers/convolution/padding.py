"""The border of a convolution: zeros, which its operator adds, or something else, by operators in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim
from nnspec.ir.types import TensorType
from nnspec.layers.parts import TO_THE_END
from nnspec.layers.windows import Window

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

PaddingMode = Literal["zeros", "reflect", "edge", "circular"]

Pads = tuple[tuple[int, int], ...]


def require_border(kind: str, x: TensorType, windows: Sequence[Window], mode: PaddingMode) -> None:
    """Raise E203 where there is not enough of the input for a border of its own elements, E214 where nobody knows."""
    if mode == "zeros":
        return
    most = {"reflect": 1, "circular": 0}
    for at, window in enumerate(windows, 2):
        size, amounts = x.shape[at], known_pads(window, x.shape[at])
        if amounts is None:
            raise Fault(
                "E214",
                f'{kind}: with padding_mode = "{mode}" and a stride, padding = "same" needs a known size on axis {at} '
                f"of {x}, but {size} is symbolic",
                help=f"give the padding in numbers, or declare the input with a number in the place of {size}",
            )
        if mode in most and isinstance(size, int) and max(amounts) > size - most[mode]:
            raise Fault(
                "E203",
                f'{kind}: padding_mode = "{mode}" finds at most {size - most[mode]} elements for the border of axis '
                f"{at} of {x}, asked for {max(amounts)}",
                help='padding_mode = "edge" has no limit',
            )


def padded(g: Graph, x: Value, windows: Sequence[Window], mode: PaddingMode) -> tuple[Value, Pads]:
    """The input, with the border that the operator cannot add itself; and the zeros that it still has to."""
    amounts = [known_pads(window, size) for window, size in zip(windows, x.shape[2:], strict=True)]
    known = tuple(pair for pair in amounts if pair is not None)
    none = ((0, 0),) * len(windows)
    if len(known) < len(windows):
        return _padded_at_run_time(g, x, windows), none
    if mode == "zeros" or known == none:
        return x, known
    if mode == "circular":
        for at, (before, behind) in enumerate(known, 2):
            x = _wrapped(g, x, at, before, behind)
        return x, none
    return g.op("Pad", x, g.constant([0, 0, *(a for a, _ in known), 0, 0, *(b for _, b in known)]), mode=mode), none


def known_pads(window: Window, size: Dim) -> tuple[int, int] | None:
    """The padding before and behind; None where "same" depends on a symbolic size, as it does for H, not for 8 * H."""
    found = window.pads(size)
    total = _total(window, size) if found is None else 0
    return _sides(total) if found is None and isinstance(total, int) else found


def _total(window: Window, size: Dim) -> Dim:
    """How much "same" adds to an axis; below 0 for the elements at its end that no window reads."""
    return ((size + (window.stride - 1)) // window.stride - 1) * window.stride + window.extent - size


def _sides(total: int) -> tuple[int, int]:
    """The odd one behind."""
    return max(total, 0) // 2, max(total, 0) - max(total, 0) // 2


def _padded_at_run_time(g: Graph, x: Value, windows: Sequence[Window]) -> Value:
    """Zeros for "same", whose number depends on symbolic sizes. What no window reads is cut off, so that the result has
    one size for all inputs.
    """
    before, behind, sizes = [], [], []
    for window, size in zip(windows, x.shape[2:], strict=True):
        total = g.size_tensor(_total(window, size))
        before.append(g.op("Div", g.op("Max", total, 0), 2))
        behind.append(g.op("Sub", total, before[-1]))
        sizes.append(size + _total(window, size))
    rows = g.constant([0, 0], "int64")
    pads = g.op("Concat", rows, *before, rows, *behind, axis=0)
    return g.op("Pad", x, pads, type=x.type.with_shape(*x.shape[:2], *sizes))


def _wrapped(g: Graph, x: Value, at: int, before: int, behind: int) -> Value:
    """The end of the axis in front of it, and its beginning behind. (Pad does so from opset 19 on.)"""
    parts = [x]
    if before:
        parts.insert(0, g.slice(x, at, -before, TO_THE_END))
    if behind:
        first = x.type.with_shape(*x.shape[:at], behind, *x.shape[at + 1 :])
        bounds = [g.constant([n], "int64") for n in (0, behind, at)]
        parts.append(g.op("Slice", x, *bounds, type=first))
    return g.op("Concat", *parts, axis=at) if len(parts) > 1 else x
