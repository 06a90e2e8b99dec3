"""Text cells to arrays, a whole column at a time: fast where all is well, exact about the first cell that is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import FLOATS, DType

if TYPE_CHECKING:
    from numpy.typing import NDArray

Place = Callable[[int | None], str]
"""From a row, or None for all of a column, to the words that begin a message: `data/iris.csv, line 17: column 'x'`."""

NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
NOT_FINITE = re.compile(r"\s*[+-]?(nan|inf|infinity)\s*", re.IGNORECASE)
TRUTH = {"true": True, "false": False, "1": True, "0": False}
FILL = "fill in the missing values, or drop those rows"


def parse(cells: Sequence[str], dtype: DType, place: Place) -> NDArray[Any]:
    """A column for a slot of `dtype`.

    Float64, int64, bool or text (object), one value per cell. Raises E603 and E605.
    """
    if dtype in FLOATS:
        return _floats(cells, place)
    if dtype == "bool":
        return _booleans(cells, place)
    if dtype == "string":
        return np.array(cells, dtype=object)
    return _integers(cells, place)


def _floats(cells: Sequence[str], place: Place) -> NDArray[Any]:
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        values = None
    if values is None or not _is_plain(cells):
        _require(cells, NUMBER, "a number is needed", place)
        values = np.array([float(cell) for cell in cells], np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        if NOT_FINITE.fullmatch(cells[row]):
            raise Fault("E605", f"{place(row)} is {cells[row].strip()}, a finite number is needed", help=FILL)
        raise Fault("E605", f"{place(row)} holds {quoted(cells[row])}, which is too large for any float")
    return values


def _integers(cells: Sequence[str], place: Place) -> NDArray[Any]:
    if not _is_plain(cells):
        _require(cells, WHOLE, "a whole number is needed", place)
    try:
        return np.fromiter(map(int, cells), np.int64, len(cells))
    except (OverflowError, ValueError) as error:
        _require(cells, WHOLE, "a whole number is needed", place)
        row = next(row for row, cell in enumerate(cells) if abs(float(cell)) >= 2**63)
        raise Fault("E603", f"{place(row)} holds {quoted(cells[row])}, which is outside int64") from error


def _booleans(cells: Sequence[str], place: Place) -> NDArray[Any]:
    values = [TRUTH.get(cell.strip().lower()) for cell in cells]
    if None in values:
        row = values.index(None)
        raise _unfit(cells[row], "true, false, 1 or 0 is needed", place(row))
    return np.array(values, np.bool_)


def _is_plain(cells: Sequence[str]) -> bool:
    """Python also reads `1_000` and digits of other scripts as numbers.

    A data file that holds them is not what it seems.
    """
    text = "".join(cells)
    return text.isascii() and "_" not in text


def _require(cells: Sequence[str], pattern: re.Pattern[str], wanted: str, place: Place) -> None:
    """Raise for the first cell that is no number; nan and inf pass where floats are parsed."""
    for row, cell in enumerate(cells):
        if not pattern.fullmatch(cell) and not (pattern is NUMBER and NOT_FINITE.fullmatch(cell)):
            raise _unfit(cell, wanted, place(row))


def _unfit(cell: str, wanted: str, where: str) -> Fault:
    if not cell.strip():
        return Fault("E603", f"{where} is empty, {wanted}", help=FILL)
    help = ""
    if cell.strip().lower() in ("na", "n/a", "null", "none", "?", "-", "nan"):
        help = FILL
    elif NUMBER.fullmatch(cell.replace(",", ".", 1)):
        help = "a whole number has no point or exponent" if NUMBER.fullmatch(cell) else "write decimals with a point"
    return Fault("E603", f"{where} holds {quoted(cell)}, {wanted}", help=help)
