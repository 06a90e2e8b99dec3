"""The border of a convolution: zeros, which its operator adds, or something else, by operators in front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import TensorType
from nnspec.layers.windows import Window, padded_at_run_time, wrapped

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
        size, amounts = x.shape[at], window.pads(x.shape[at])
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
    amounts = [window.pads(size) for window, size in zip(windows, x.shape[2:], strict=True)]
    known = tuple(pair for pair in amounts if pair is not None)
    none = ((0, 0),) * len(windows)
    if len(known) < len(windows):
        return padded_at_run_time(g, x, windows), none
    if mode == "zeros" or known == none:
        return x, known
    if mode == "circular":
        for at, (before, behind) in enumerate(known, 2):
            x = wrapped(g, x, at, before, behind)
        return x, none
    return g.op("Pad", x, g.constant([0, 0, *(a for a, _ in known), 0, 0, *(b for _, b in known)]), mode=mode), none
