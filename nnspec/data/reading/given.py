"""Images, a piece at a time."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.reading.base import Piece, Reader
from nnspec.data.rows import LateColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ImageRows(Reader):
    """Images in files, which are decoded when a piece becomes an array. White is `white` in floats."""

    def __init__(self, column: LateColumn, files: tuple[str, ...], white: float | None = None) -> None:
        self.column = column
        self.files = files if len(files) > 1 else None
        self.rows = len(files)
        self.width = prod(column.shape[1:])
        self._scale = white / 255 if white is not None else None
        self._next = 0

    def take(self, count: int) -> Piece:
        start, self._next = self._next, min(self._next + count, len(self.column.shape) and self.column.shape[0])
        return Piece(np.arange(start, self._next), start, self._convert)

    def _convert(self, rows: NDArray[np.int64], start: int) -> NDArray[Any]:
        pixels = self.column.take(rows)
        if self._scale is None:
            return pixels
        return (pixels.astype(np.float64) * self._scale).astype(pixels.dtype)
