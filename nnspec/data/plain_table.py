"""Tables for inference: with the header of the training data, with another, or with none."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.data.cells import NOT_FINITE, NUMBER
from nnspec.data.csv_file import parse_csv, read_records
from nnspec.data.table import Table
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import DType


def parse_rows(text: str, source: str, delimiter: str, columns: Sequence[str], dtype: DType) -> Table:
    """The columns of an input. Raises E602, E604 and E609.

    With a header, `columns` in this order, or all if none are known; without a header all columns, named by their
    numbers from 1.
    """
    if not has_header(text, source, delimiter, columns, dtype):
        width = len(next(read_records(text, source, delimiter), (1, []))[1])
        return parse_csv(text, source, None, delimiter, [str(number + 1) for number in range(width)])
    table = parse_csv(
        text, source, columns or None, delimiter, advice="here a .csv file is separated by commas, a .tsv file by tabs"
    )
    return Table(
        source, table.rows, {name: table.column(name) for name in columns or table.names}, table.names, table.lines
    )


def has_header(text: str, source: str, delimiter: str, columns: Sequence[str], dtype: DType) -> bool:
    """True if the first line names columns.

    Where numbers are needed it does unless all its cells are numbers; text always has one.
    """
    _, first = next(read_records(text, source, delimiter), (1, []))
    if not first:
        raise Fault("E609", f"{source} is empty")
    if dtype == "string" or any(name in first for name in columns):
        return True
    return not all(NUMBER.fullmatch(cell) or NOT_FINITE.fullmatch(cell) or not cell.strip() for cell in first)
