"""Parquet, a piece at a time. The only file that reads with pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from nnspec.data.cells import FILL, Place
from nnspec.data.convert import convert
from nnspec.data.npz_file import BOMB_FACTOR, BOMB_SIZE
from nnspec.data.reading.base import Piece, Reader, Target
from nnspec.data.reading.rows import reshaped
from nnspec.data.wording import size_text, suggestion
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUFFERS, BUFFER = 2**24, 2**14
"""Bytes that are read at once: of all columns together, and at least of each."""
CELLS = 2**18
"""Values that are decoded at once."""
MAX_FOOTER = 2**26


def require_pyarrow() -> Any:
    """pyarrow. Raises E612 where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise Fault(
            "E612", "Parquet is read and written by pyarrow, which is not installed", "pip install 'nnspec[data]'"
        ) from error
    return pyarrow


@contextmanager
def _refusing(source: str) -> Iterator[None]:
    """Inside, what pyarrow raises is an E608."""
    try:
        yield
    except (Fault, GeneratorExit):
        raise
    except MemoryError as error:
        raise Fault("E608", f"{source} announces more than fits in memory") from error
    except Exception as error:  # pyarrow raises OSError, ValueError and errors of its own for damaged files
        said = str(error).splitlines()
        why = said[0] if said else type(error).__name__
        raise Fault("E608", f"{source} is a damaged Parquet file: {why}") from error


class ParquetRows(Reader):
    """The rows of a Parquet file: columns as in a table with a header; lists of equal length are tensors."""

    def __init__(self, stream: BinaryIO, size: int, source: str, target: Target) -> None:
        arrow = require_pyarrow()
        self._target, self._source = target, source
        _check_frame(stream, size, source)
        with _refusing(source):
            about = arrow.parquet.read_metadata(stream)
            buffer = max(BUFFERS // max(about.num_columns, 1), BUFFER)
            stream.seek(0)
            self._file = arrow.parquet.ParquetFile(stream, metadata=about, pre_buffer=False, buffer_size=buffer)
            names = self._file.schema_arrow.names
            self.rows = about.num_rows
        self._columns = _chosen(target, names, source)
        _check_sizes(about, size, source)
        if not self.rows:
            raise Fault("E609", f"{source} has no rows")
        self.width = max(len(self._columns), target.width)
        self._batches = self._file.iter_batches(
            max(CELLS // self.width, 16), columns=list(self._columns), use_threads=False
        )
        self._waiting: list[Any] = []
        self._taken = 0

    def take(self, count: int) -> Piece:
        missing = count - sum(map(len, self._waiting))
        with _refusing(self._source):
            while missing > 0 and (batch := next(self._batches, None)) is not None:
                self._waiting.append(batch)
                missing -= len(batch)
        found = []
        while count > 0 and self._waiting:
            batch = self._waiting.pop(0)
            found.append(batch.slice(0, count))
            if len(batch) > count:
                self._waiting.insert(0, batch.slice(count))
            count -= len(found[-1])
        rows = _Batches(found)
        self._taken += len(rows)
        if not len(rows) and self._taken != self.rows:
            raise Fault("E608", f"{self._source} announces {self.rows} rows, but has {self._taken}")
        return Piece(rows, self._taken - len(rows), self._convert)

    def joined(self, pieces: Sequence[Piece]) -> Any:
        return _Batches([batch for piece in pieces for batch in piece.rows.batches])

    def close(self) -> None:
        self._file.close()
        super().close()

    def _convert(self, rows: _Batches, start: int) -> NDArray[Any]:
        target = self._target

        def place(row: int | None) -> str:
            where = self._source if row is None else f"{self._source}, index {start + row}"
            return f"{where}: {target.name}"

        with _refusing(self._source):
            parts = [self._column(rows, name, start) for name in self._columns]
        if len(parts) == 1 and (target.type.rank == 1 or parts[0].ndim > 1 or target.text):
            values = parts[0]
        else:
            for name, part in zip(self._columns, parts, strict=True):
                if part.ndim > 1:
                    raise Fault("E607", f"{self._source}: column {name!r} holds lists, beside other columns")
            same = [convert(part, target.type.dtype, place) for part in parts]
            values = reshaped(np.stack(same, axis=1), target.type)
        return target.array(values, place, self._source)

    def _column(self, rows: _Batches, name: str, start: int) -> NDArray[Any]:
        def place(row: int | None) -> str:
            return f"{self._source}{'' if row is None else f', index {start + row}'}: column {name!r}"

        parts = [_values(batch.column(name), place) for batch in rows.batches]
        if len({part.shape[1:] for part in parts}) > 1:
            raise Fault("E604", f"{place(None)}: its lists differ in length")
        return np.concatenate(parts)


class _Batches:
    """Successive record batches as one sequence of rows."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return sum(map(len, self.batches))

    def __getitem__(self, rows: slice) -> _Batches:
        start, stop, _ = rows.indices(len(self))
        found = []
        for batch in self.batches:
            if start < len(batch) and stop > 0:
                found.append(batch.slice(max(start, 0), stop - max(start, 0)))
            start, stop = start - len(batch), stop - len(batch)
        return _Batches(found)


def _chosen(target: Target, names: list[str], source: str) -> tuple[str, ...]:
    """The columns that feed the input. Raises E602 and E604."""
    wanted = target.columns or ((target.name,) if target.name in names else tuple(names))
    for name in wanted:
        if name not in names:
            raise Fault("E602", f"{source} has no column {name!r}", suggestion(name, names, "its columns are"))
        if names.count(name) > 1:
            raise Fault("E604", f"{source}: two columns are named {name!r}")
    return wanted


def _values(column: Any, place: Place) -> NDArray[Any]:
    """A column, rows first. Raises E603 to E605."""
    import pyarrow.types as kinds

    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise Fault("E605", f"{place(row)} is missing, a value is needed", help=FILL)
    if kinds.is_dictionary(column.type):
        column = column.dictionary_decode()
    if kinds.is_fixed_size_list(column.type) or kinds.is_list(column.type) or kinds.is_large_list(column.type):
        inner = _values(column.flatten(), lambda row: place(None))
        size = len(inner) // max(len(column), 1)
        if not kinds.is_fixed_size_list(column.type):
            lengths = column.value_lengths().to_numpy(zero_copy_only=False)
            size = int(lengths[0]) if len(lengths) else 0
            if (lengths != size).any():
                raise Fault("E604", f"{place(int((lengths != size).argmax()))}: its lists differ in length")
        return inner.reshape(len(column), size, *inner.shape[1:])
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        return np.array(column.to_pylist(), object)
    if not (kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_boolean(column.type)):
        raise Fault("E603", f"{place(None)} holds {column.type}, and numbers, booleans or text are needed")
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _check_frame(stream: BinaryIO, size: int, source: str) -> None:
    """Raise E608 unless the file begins and ends as one should, with a footer that fits in it."""
    start = stream.read(4)
    stream.seek(max(size - 8, 0))
    end = stream.read(8)
    stream.seek(0)
    if start != b"PAR1" or end[-4:] != b"PAR1":
        raise Fault("E608", f"{source} is no Parquet file, or it is cut off")
    footer = int.from_bytes(end[:4], "little")
    if not 0 < footer <= min(size - 12, MAX_FOOTER):
        raise Fault("E608", f"{source} announces a footer of {size_text(footer)}, and has {size_text(size)} in all")


def _check_sizes(about: Any, size: int, source: str) -> None:
    """Raise E608 for columns that unpack like a bomb, or announce more bytes than there are."""
    rows = 0
    with _refusing(source):
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            rows += group.num_rows
            for place in range(group.num_columns):
                part = group.column(place)
                packed, whole = part.total_compressed_size, part.total_uncompressed_size
                if packed < 0 or whole < 0 or packed > size or group.num_rows < 0:
                    raise Fault("E608", f"{source} is damaged: a column of {packed} bytes in a file of {size}")
                if whole > max(BOMB_SIZE, BOMB_FACTOR * packed):
                    said = f"{size_text(packed)} to {size_text(whole)}"
                    raise Fault("E608", f"{source}: a column unpacks from {said}, as a bomb does")
    if rows != about.num_rows:
        raise Fault("E608", f"{source} announces {about.num_rows} rows, and its parts have {rows}")
