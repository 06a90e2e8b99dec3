"""What all convolutions ask of their input, and say where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import known_size, require_dtype
from nnspec.ir.dims import Dim, Shape, symbol
from nnspec.ir.types import TensorType
from nnspec.layers.windows import Window, slid

DTYPES = ("float32", "float16")
"""Those for which ONNX Runtime has the operators."""

OF_WINDOWS = {
    "kernel": "kernel_size filter_size kernel_shape ksize size",
    "stride": "strides subsample subsampling",
    "padding": "pad pads border_mode",
    "dilation": "dilation_rate dilations rate atrous_rate",
}
"""What other frameworks call the options that say where a filter is applied."""

OF_CHANNELS = {
    "channels": "out_channels filters features num_filters out_features",
    "groups": "group feature_group_count num_groups",
}
"""And those that say how many there are."""

WORDS = {"replicate": "edge", "wrap": "circular", "mirror": "reflect", "constant": "zeros"}
"""What other frameworks call the modes of padding."""

LETTERS = {1: "[N, C, W]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}


def require_images(kind: str, x: TensorType, axes: int) -> int:
    """The number of channels of an input [N, C, *] with so many axes behind them. Raises E203, E214 or E215."""
    if x.rank != axes + 2:
        raise Fault(
            "E203",
            f"{kind} needs an input of {axes + 2} dimensions {LETTERS[axes]}, got {x}",
            help=_other_rank(kind, x, axes),
        )
    require_dtype(kind, x, DTYPES)
    return known_size(kind, x, 1)


def require_groups(kind: str, x: TensorType, channels: int, groups: int) -> None:
    """Raise E203 unless the channels of the input fall into groups of one size."""
    if channels % groups:
        raise Fault("E203", f"{kind} cannot take the {channels} channels of {x} in {groups} groups of one size")


def swept(kind: str, x: TensorType, windows: Sequence[Window], otherwise: str = "") -> Shape:
    """How many windows fit along each axis. Raises E203 where none does, with `otherwise` as the help."""
    try:
        return slid(kind, x, windows)
    except Fault as fault:
        help = otherwise or fault.help
        square = x.shape[1:-1] == (x.shape[1],) * (x.rank - 2)  # as [N, 32, 32, 3] is, and [N, 8, 4, 4] is not
        if x.rank > 3 and square and x.shape[-1] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
            order = ", ".join(str(axis) for axis in (0, x.rank - 1, *range(1, x.rank - 1)))
            help = f"channels come first: transpose({order})"
        raise Fault(fault.code, fault.message, help=help) from fault


def _other_rank(kind: str, x: TensorType, axes: int) -> str:
    """How to come to the dimensions that are wanted."""
    if x.rank == 2 and axes == 2:
        return f"move flatten below the convolutions, or reshape({_image(x.shape[-1])}) first"
    if x.rank == axes + 3 and x.shape[1] == 1:
        return f"reshape leaves the rows out: reshape({', '.join(map(str, x.shape[2:]))})"
    if x.rank == axes + 1 and isinstance(x.shape[0], int) and x.shape[0] in (1, 3, 4):
        return f"the rows come first: {x.with_shape(symbol('N'), *x.shape)}"
    other = f"{kind[:-2]}{x.rank - 2}d takes {LETTERS[x.rank - 2]}" if x.rank - 2 in LETTERS else ""
    other = "" if kind.startswith("depthwise") else other
    return "; ".join(filter(None, ("unsqueeze(1) makes one channel of it" if x.rank == axes + 1 else "", other)))


def _image(size: Dim) -> str:
    """Channels, height and width of a row that is an image, if it is square."""
    for channels in (1, 3):
        side = isqrt(size // channels) if isinstance(size, int) else 0
        if side > 1 and channels * side * side == size:
            return f"{channels}, {side}, {side}"
    return "C, H, W"
