"""Delimited text, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import NOT_FINITE, NUMBER, parse
from nnspec.data.csv_file import column_names, picker, ragged, read_records, require_delimiter
from nnspec.data.reading.base import Piece, Reader, Target
from nnspec.data.reading.lines import Readable, lines_of
from nnspec.data.reading.rows import reshaped
from nnspec.data.wording import suggestion
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import DType

if TYPE_CHECKING:
    from numpy.typing import NDArray

Record = tuple[int, list[str]]
"""The line that it starts on, and its cells."""
ADVICE = "here a .csv file is separated by commas, a .tsv file by tabs"


class TableReader(Reader):
    """A table, with a header or without.

    With a header, the columns of the target in this order, or all where none are known; without one all columns, named
    by their numbers from 1. Raises E602, E604 and E609.
    """

    def __init__(self, stream: Readable, source: str, delimiter: str, target: Target) -> None:
        self._target, self._source = target, source
        lines = lines_of(stream, source)
        head = list(islice(lines, 1))
        self._dtype = _dtype(target, "".join(head), delimiter)
        records = read_records(chain(head, lines), source, delimiter)
        first = next(records, (1, []))
        if not first[1]:
            raise Fault("E609", f"{source} is empty")
        if has_header(first[1], target.columns, self._dtype):
            names = self._names = column_names(*first, source)
            if target.columns and not any(name in names for name in target.columns):
                require_delimiter("".join(head), source, target.columns, names, ADVICE)
            wanted = target.columns or tuple(names)
            self._records: Iterator[Record] = records
        else:
            names = self._names = [str(number + 1) for number in range(len(first[1]))]
            wanted = tuple(names)
            self._records = chain([first], records)
        for name in wanted:
            if name not in names:
                raise Fault("E602", f"{source} has no column {name!r}", suggestion(name, names, "its columns are"))
        self._columns = wanted
        self._pick = picker([names.index(name) for name in wanted])
        self.width = max(len(wanted), 1)
        self._taken = 0

    def take(self, count: int) -> Piece:
        rows = list(islice(self._records, count))
        if not rows and not self._taken:
            raise Fault("E609", f"{self._source} has column names, but no rows")
        self._taken += len(rows)
        return Piece(rows, self._taken - len(rows), self._convert)

    def _convert(self, rows: Sequence[Record], start: int) -> NDArray[Any]:
        return self._target.array(self.values(rows), self.place(rows), self._source)

    def values(self, rows: Sequence[Record]) -> NDArray[Any]:
        """The numbers, or texts, of some rows."""
        width = len(self._names)
        for line, record in rows:
            if len(record) != width:
                raise ragged(record, width, f"{self._source}, line {line}")
        cells = list(zip(*(self._pick(record) for _, record in rows), strict=True))
        return self._values(cells, rows)

    def _values(self, cells: list[tuple[str, ...]], rows: Sequence[Record]) -> NDArray[Any]:
        target = self._target
        if self._dtype == "string" and target.type.dtype != "string" and len(cells) == 1:
            return np.array(cells[0], object)

        parsed = [
            parse(column, target.type.dtype, self.place(rows, name))
            for name, column in zip(self._columns, cells, strict=True)
        ]
        if target.type.rank == 1 and len(parsed) == 1:
            return parsed[0]
        return reshaped(np.stack(parsed, axis=1), target.type)

    def place(self, rows: Sequence[Record], column: str | None = None) -> Any:
        """How messages name one of some rows."""
        what = self._target.name if column is None else f"column {column!r}"

        def place(row: int | None) -> str:
            where = self._source if row is None else f"{self._source}, line {rows[row][0]}"
            return f"{where}: {what}"

        return place


def _dtype(target: Target, line: str, delimiter: str) -> DType:
    """What the cells are: text where text feeds the numbers of the input."""
    numbers = all(cell.strip().isdigit() for cell in line.rstrip("\r\n").split(delimiter))
    return "string" if target.text and len(target.columns) == 1 and not numbers else target.type.dtype


def has_header(first: Iterable[str], columns: Sequence[str], dtype: DType) -> bool:
    """True if the first line names columns.

    Where numbers are needed it does unless all its cells are numbers; text always has one.
    """
    cells = list(first)
    if dtype == "string" or any(name in cells for name in columns):
        return True
    return not all(NUMBER.fullmatch(cell) or NOT_FINITE.fullmatch(cell) or not cell.strip() for cell in cells)
