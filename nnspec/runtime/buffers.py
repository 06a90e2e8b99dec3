"""Tensors side by side in one aligned allocation.

Parameters, gradients and every slot of the optimizer's state have the same layout, so that one call clips, updates or
saves them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector of x86."""


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros whose first element is aligned."""
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array


@np.errstate(over="ignore", invalid="ignore")
def squares(flat: Array) -> float:
    """The sum of the squares of float32 numbers, the cheapest pass over them: 1 us for 5 000, 0.7 ms for 8 M.

    Not finite where one of them is not, and where it overflows.
    """
    return float(flat.dot(flat))


class FlatBuffer(Mapping[str, Array]):
    """Named tensors of one dtype in one allocation, every one aligned; `flat` is the whole, padding included, in one
    dimension.

    The padding holds zeros, and elementwise work on `flat` must leave them finite.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: Any = np.float32) -> None:
        self.shapes = dict(shapes)
        self.dtype = np.dtype(dtype)
        step = ALIGNMENT // self.dtype.itemsize
        self.slices: dict[str, slice] = {}
        """Where each tensor is in `flat`."""
        size = 0
        for name, shape in self.shapes.items():
            self.slices[name] = slice(size, size + prod(shape))
            size += -(-prod(shape) // step) * step
        self.flat = aligned((size,), self.dtype)
        self._views = {name: self.flat[place].reshape(self.shapes[name]) for name, place in self.slices.items()}

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def like(self) -> FlatBuffer:
        """Zeros in the same layout."""
        return FlatBuffer(self.shapes, self.dtype)
