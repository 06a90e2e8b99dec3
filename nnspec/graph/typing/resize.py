"""Resampling."""

from __future__ import annotations

from math import floor

from nnspec.graph.typing.call import Call, Underdetermined, typed
from nnspec.ir.dims import Dim
from nnspec.ir.types import TensorType, axis_of


@typed("Resize")
def resize(call: Call) -> TensorType:
    """Resize(x, roi, scales, sizes): one of scales and sizes, for all axes or for those of the attribute `axes`."""
    x = call.type(0)
    axes = [axis_of(x, axis) for axis in call.integers("axes")] or range(x.rank)
    given = call.value(2 if call.has(2) else 3).constant
    if given is None:
        raise Underdetermined("scales and sizes must be constants")
    shape = list(x.shape)
    for axis, number in zip(axes, given.tolist(), strict=True):
        shape[axis] = _scaled(shape[axis], number) if call.has(2) else number
    return x.with_shape(*shape)


def _scaled(dim: Dim, scale: float) -> Dim:
    """floor(dim * scale); a symbolic dimension can be multiplied by a whole number only."""
    if isinstance(dim, int):
        return floor(dim * scale)
    if scale != int(scale):
        raise ValueError(f"{dim} times {scale} is not provably whole")
    return dim * int(scale)
