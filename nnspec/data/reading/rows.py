"""Rows of a table or of JSON as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnspec.ir.dims import product
from nnspec.ir.types import TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray


def reshaped(flat: NDArray[Any], type: TensorType) -> NDArray[Any]:
    """The cells of a row as the elements of a tensor of more dimensions, row-major, where their number fits."""
    inner = type.shape[1:]
    sizes = [dim for dim in inner if isinstance(dim, int)]
    if len(inner) < 2 or len(sizes) != len(inner) or product(inner) != flat.shape[1]:
        return flat
    return flat.reshape(len(flat), *sizes)
