"""The readers of all inputs side by side: batches for the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nnspec.data.ahead import Ahead
from nnspec.data.files import unreadable
from nnspec.data.reading.base import Piece, Reader
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

OnError = Literal["stop", "skip"]
OF_A_ROW = ("E601", "E603", "E604", "E605", "E606", "E608", "E611")
"""What may be wrong with one row while the next is right."""
LISTED = 12
"""Findings after which nobody looks for more."""
LOOKED_AT = 20
"""Batches that are looked through for more once a row was found to be wrong."""
AHEAD = 4
"""Threads that prepare batches, at most."""
MOST_ROWS, LEAST_ROWS, ELEMENTS = 1024, 16, 2**15
"""Of a batch, where nobody says how many: small enough for what a network makes of its elements to fit in memory."""


class Batch(NamedTuple):
    """Rows that the model takes at once."""

    arrays: dict[str, NDArray[Any]]
    numbers: NDArray[np.int64]
    """Which rows these are, from 0."""
    skipped: tuple[Diagnostic, ...] = ()
    """What was wrong with rows that were left out."""


class Inputs:
    """The rows of all inputs of a model, read as they are needed. It is a context, which closes their files."""

    def __init__(self, readers: Mapping[str, Reader], sources: Mapping[str, str]) -> None:
        self._readers, self._sources = dict(readers), sources
        self.rows = min((found for r in readers.values() if (found := r.rows) is not None), default=None)
        """How many there are, where a file says."""
        self.files = next((reader.files for reader in readers.values() if reader.files), None)
        """The file of each row, where every row has one of its own."""
        self.require_equal({name: r.rows for name, r in readers.items() if r.rows is not None})

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the files."""
        for reader in self._readers.values():
            reader.close()

    @property
    def usual(self) -> int:
        """How many rows a batch has where nobody says."""
        width = max((reader.width for reader in self._readers.values()), default=1)
        return max(LEAST_ROWS, min(MOST_ROWS, ELEMENTS // max(width, 1)))

    def batches(
        self, size: int, on_error: OnError = "stop", head: int | None = None, cores: int = 1
    ) -> Iterator[Batch]:
        """Batches of at most `size` rows, in order; threads prepare the next ones.

        A row that is not what it should be ends the run, with what is wrong with the rows near it, or with "skip" is
        left out. Raises a DataError.
        """
        pieces = self._pieces(size, head)
        first = next(pieces, None)
        if first is None:
            return
        made = _made(first, on_error)  # alone, since it decides the sizes that are symbols
        if made.skipped and on_error == "stop":
            raise DataError([*made.skipped, *_more(pieces, len(made.skipped))])
        yield made
        with Ahead(lambda piece, stop: _made(piece, on_error), pieces, min(cores, AHEAD)) as ahead:
            for _, made in ahead:
                if made.skipped and on_error == "stop":
                    raise DataError([*made.skipped, *_more(pieces, len(made.skipped))])
                yield made

    def _pieces(self, size: int, head: int | None) -> Iterator[dict[str, Piece]]:
        taken = 0
        while head is None or taken < head:
            count = size if head is None else min(size, head - taken)
            found: dict[str, Piece] = {}
            for name, reader in self._readers.items():
                try:
                    found[name] = reader.take(count)
                except Fault as fault:
                    raise DataError([fault.at(None)]) from fault
                except OSError as error:
                    raise DataError([unreadable(self._sources[name], error).at(None)]) from error
            lengths = {name: len(piece) for name, piece in found.items()}
            if len(set(lengths.values())) > 1:
                self.require_equal({name: taken + n + self._left(name, n) for name, n in lengths.items()})
            rows = max(lengths.values(), default=0)
            if not rows:
                return
            taken += rows
            yield found

    def _left(self, name: str, last: int) -> int:
        """How many rows follow the last piece."""
        total = 0
        while last and (last := len(self._readers[name].take(4096))):
            total += last
        return total

    def require_equal(self, rows: Mapping[str, int]) -> None:
        """Raise E607 unless all inputs have as many rows."""
        if len(set(rows.values())) > 1:
            said = ", ".join(f"{self._sources[name]} has {count} for {name}" for name, count in rows.items())
            raise DataError([Diagnostic("E607", f"the inputs differ in their numbers of rows: {said}", None)])


def _made(pieces: Mapping[str, Piece], on_error: OnError) -> Batch:
    start, count = next((piece.start, len(piece)) for piece in pieces.values())
    numbers = np.arange(start, start + count)
    try:
        return Batch({name: _array(piece) for name, piece in pieces.items()}, numbers)
    except DataError as error:
        problem = error
    kept, bad = _by_rows(pieces, count, LISTED if on_error == "stop" else count)
    if not bad or any(found.code not in OF_A_ROW for found in (*problem.diagnostics, *bad)):
        raise problem  # only together are the rows wrong
    arrays = {name: np.concatenate([row[name] for _, row in kept]) for name in pieces} if kept else {}
    return Batch(arrays, start + np.array([i for i, _ in kept], np.int64), tuple(bad))


def _by_rows(
    pieces: Mapping[str, Piece], count: int, most: int
) -> tuple[list[tuple[int, dict[str, NDArray[Any]]]], list[Diagnostic]]:
    """The rows that are as they should be, each alone, and what is wrong with the others."""
    kept: list[tuple[int, dict[str, NDArray[Any]]]] = []
    bad: list[Diagnostic] = []
    for number in range(count):
        try:
            kept.append((number, {name: _array(piece.row(number)) for name, piece in pieces.items()}))
        except DataError as error:
            bad += error.diagnostics
            if len(bad) >= most:
                break
    return kept, bad


def _array(piece: Piece) -> NDArray[Any]:
    try:
        return piece.array()
    except Fault as fault:
        raise DataError([fault.at(None)]) from fault


def _more(pieces: Iterator[dict[str, Piece]], known: int) -> list[Diagnostic]:
    """What is wrong with rows that follow, up to a bound."""
    found: list[Diagnostic] = []
    for _ in range(LOOKED_AT):
        if known + len(found) >= LISTED:
            break
        try:
            piece = next(pieces, None)
            if piece is None:
                break
            found += _made(piece, "stop").skipped
        except DataError:
            break  # one thing at a time: this is another kind of error
    return found[: max(LISTED - known, 0)]
