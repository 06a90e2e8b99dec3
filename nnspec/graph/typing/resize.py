"""Resampling."""

from __future__ import annotations

from math import floor
from typing import Any

from nnspec.graph.typing.call import Call, Underdetermined, typed
from nnspec.ir.dims import Dim
from nnspec.ir.types import TensorType, axis_of

LARGEST_DENOMINATOR = 1024
"""Of the scale of a symbolic dimension."""


@typed("Resize")
def resize(call: Call) -> TensorType:
    """Resize(x, roi, scales, sizes): one of scales and sizes, for all axes or for those of the attribute `axes`."""
    x = call.type(0)
    axes = [axis_of(x, axis) for axis in call.integers("axes")] or range(x.rank)
    given = call.value(2 if call.has(2) else 3).constant
    if given is None:
        raise Underdetermined("scales and sizes must be constants")
    shape = list(x.shape)
    for axis, number in zip(axes, given, strict=True):
        shape[axis] = _scaled(shape[axis], number) if call.has(2) else int(number)
    return x.with_shape(*shape)


def _scaled(dim: Dim, scale: Any) -> Dim:
    """floor(dim * scale), in float32 as ONNX computes it; of a symbolic dimension a part such as 3 / 2, which float32
    knows exactly.
    """
    if isinstance(dim, int):
        size: int = floor(scale.dtype.type(dim) * scale)
        return size
    numerator, denominator = float(scale).as_integer_ratio()
    if denominator > LARGEST_DENOMINATOR:
        raise ValueError(f"{dim} times {scale} is not provably whole")
    return dim * numerator // denominator
