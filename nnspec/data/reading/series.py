"""Windows over successive lines of a table, as `window` made them in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.reading.base import Piece, Reader, Target
from nnspec.data.reading.lines import Readable
from nnspec.data.reading.table import Record, TableReader
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray


def table_rows(stream: Readable, source: str, delimiter: str, target: Target) -> Reader:
    """The rows of a table: its lines, or the windows over them."""
    table = TableReader(stream, source, delimiter, target)
    steps = _steps(target, table.width)
    return SeriesReader(table, target, source, steps) if steps else table


def _steps(target: Target, columns: int) -> int:
    """How many lines make a row, where a line of `columns` cells has an axis less than the input has; else 0."""
    sizes = [size for size in target.type.shape[1:] if isinstance(size, int)]
    if target.text or not target.columns or columns != len(target.columns) or len(sizes) != target.type.rank - 1:
        return 0
    if target.trained not in (0, columns):
        return 0  # one of two columns is no series of two steps
    one = len(sizes) == 1 and columns == 1 and sizes[0] > 1
    several = len(sizes) == 2 and sizes[1] == columns and sizes[0] > 1
    return sizes[0] if one or several else 0


class SeriesReader(Reader):
    """The windows of `steps` lines that begin at each line of a table. Raises E607 where it has fewer lines."""

    def __init__(self, table: TableReader, target: Target, source: str, steps: int) -> None:
        self._table, self._target, self._source, self._steps = table, target, source, steps
        self.width = table.width * steps
        self._last: list[Record] = []
        self._taken = 0

    def take(self, count: int) -> Piece:
        lines = [*self._last, *self._table.take(count if self._taken else count + self._steps - 1).rows]
        windows = [lines[i : i + self._steps] for i in range(len(lines) - self._steps + 1)]
        if not windows and not self._taken:
            name, steps = self._target.name, self._steps
            raise Fault("E607", f"{name} is a window of {steps} rows, and {self._source} has {len(lines)}")
        self._last = lines[len(windows) :]
        self._taken += len(windows)
        return Piece(windows, self._taken - len(windows), self._convert)

    def _convert(self, rows: Sequence[Sequence[Record]], start: int) -> NDArray[Any]:
        lines = [*rows[0], *(window[-1] for window in rows[1:])]
        found = np.lib.stride_tricks.sliding_window_view(self._table.values(lines), self._steps, axis=0)
        sizes = [size for size in self._target.type.shape[1:] if isinstance(size, int)]
        windows = np.ascontiguousarray(np.moveaxis(found, -1, 1)).reshape(-1, *sizes)
        return self._target.array(windows, self._table.place([window[0] for window in rows]), self._source)
