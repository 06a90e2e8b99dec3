"""Stored arrays, a piece at a time: .npy, the members of .npz, IDX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import IO, TYPE_CHECKING, Any, BinaryIO
from zipfile import ZipFile

import numpy as np

from nnspec.data.idx_file import fitted, open_idx, require_end
from nnspec.data.idx_file import unpacking as unpacking_gzip
from nnspec.data.npy import Header, fill, read_array, read_header, read_rows
from nnspec.data.npz_file import checked_header, members_of, open_archive
from nnspec.data.npz_file import unpacking as unpacking_zip
from nnspec.data.reading.base import Piece, Reader, Target
from nnspec.data.wording import suggestion
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 2**22
"""Bytes of a column-major array that are read at once: its rows lie scattered over the file."""

Guard = Callable[[], AbstractContextManager[None]]


class ArrayRows(Reader):
    """The rows of an array behind its header.

    `guard` turns what a damaged container raises into E608, `end` is called behind the last row.
    """

    def __init__(
        self,
        stream: IO[bytes],
        header: Header,
        target: Target,
        source: str,
        name: str,
        *,
        seekable: bool = False,
        guard: Guard = nullcontext,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self._stream, self._header, self._target = stream, header, target
        self._source, self._name, self._guard, self._end = source, name, guard, end
        self._origin = stream.tell() if seekable else 0
        self._seekable = seekable
        self._next = 0
        self._whole: NDArray[Any] | None = None
        self._window: tuple[int, NDArray[Any]] = (0, np.empty(0))
        if not header.shape:
            raise Fault("E607", f"{name} is a single number; the first axis counts the rows")
        self.rows = header.shape[0]
        self.width = max(prod(header.shape[1:]), 1)

    def take(self, count: int) -> Piece:
        start = self._next
        self._next = min(start + count, self.rows or 0)
        with self._guard():
            rows = self._read(start, self._next - start)
            if start < self._next == self.rows:
                self._end()
        return Piece(rows, start, self._convert)

    def joined(self, pieces: Sequence[Piece]) -> Any:
        return np.concatenate([piece.rows for piece in pieces])

    def _read(self, start: int, count: int) -> NDArray[Any]:
        header = self._header
        if not header.column_major or len(header.shape) < 2:
            return read_rows(self._stream, header, count, self._name)
        if self._seekable:
            return self._scattered(start, count)
        if self._whole is None:
            self._whole = read_array(self._stream, header, self._name)
        return self._whole[start : start + count]

    def _scattered(self, start: int, count: int) -> NDArray[Any]:
        """Rows of a column-major array: a part of each column."""
        first, window = self._window
        if not first <= start <= start + count <= first + len(window):
            header = self._header
            rows, size = header.shape[0], header.dtype.itemsize
            many = min(max(count, WINDOW // (self.width * size)), rows - start)
            flat = np.empty((self.width, many), header.dtype)
            for column in range(self.width):
                self._stream.seek(self._origin + (column * rows + start) * size)
                fill(memoryview(flat[column].view(np.uint8).data), self._stream, self._name)
            window = flat.reshape(*header.shape[:0:-1], many).T
            window = np.ascontiguousarray(window, header.dtype.newbyteorder("="))
            first, self._window = start, (start, window)
        return window[start - first : start - first + count]

    def _convert(self, rows: NDArray[Any], start: int) -> NDArray[Any]:
        def place(row: int | None) -> str:
            where = self._source if row is None else f"{self._source}, index {start + row}"
            return f"{where}: {self._target.name}"

        return self._target.array(fitted(rows, self._target.type), place, self._source)


def npy_rows(stream: BinaryIO, size: int, source: str, target: Target) -> Reader:
    """The rows of a .npy file, or of a stream, whose `size` is -1. Raises E603, E607, E608 and E609."""
    header = read_header(stream, size, source)
    if size >= 0:
        return ArrayRows(stream, header, target, source, source, seekable=True)

    def end() -> None:
        require_end(stream, header, source)

    return ArrayRows(stream, header, target, source, source, end=end)


def npz_rows(stream: BinaryIO, size: int, source: str, target: Target, asked: str = "") -> Reader:
    """The rows of an array of an archive: the one that is `asked` for, or of the name of the input, or that fed it in
    training. Raises E602, E603, E607, E608 and E609."""
    with unpacking_zip(source):
        archive = open_archive(stream, source)
        members = members_of(archive, source)
        found = next((name for name in ((asked,) if asked else (target.name, *target.columns)) if name in members), "")
        if not found:
            raise _unnamed(source, asked or target.name, target.name, tuple(members))
        member, name = members[found], f"{source}: array {found!r}"
        header = checked_header(archive, member, size, name)
        content = archive.open(member)
        content.read(header.size)
    return _Member(archive, content, header, target, source, name)


class _Member(ArrayRows):
    """The rows of a member of an archive."""

    def __init__(
        self, archive: ZipFile, content: IO[bytes], header: Header, target: Target, source: str, name: str
    ) -> None:
        def end() -> None:
            content.read(1)  # the end of the member: now its checksum is compared

        super().__init__(content, header, target, source, name, guard=lambda: unpacking_zip(source), end=end)
        self._archive = archive

    def close(self) -> None:
        self._archive.close()
        super().close()


def idx_rows(stream: BinaryIO, size: int, source: str, target: Target) -> Reader:
    """The rows of an IDX file, packed or not. Raises E607, E608 and E609."""
    with unpacking_gzip(source):
        plain, header = open_idx(stream, size, source)

    def end() -> None:
        require_end(plain, header, source)

    return ArrayRows(plain, header, target, source, source, guard=lambda: unpacking_gzip(source), end=end)


def _unnamed(source: str, wanted: str, input: str, names: tuple[str, ...]) -> Fault:
    help = suggestion(wanted, names, "its arrays are")
    if names:
        help += f"; --input {input}={source}:{names[0]} takes {names[0]!r}"
    return Fault("E602", f"{source} has no array {wanted!r}", help=help)
