"""Reading archives of NumPy arrays: every size is checked against the archive before a byte is unpacked."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from nnspec.data.files import opened, unreadable
from nnspec.data.npy import MAGIC, Header, read_array, read_header
from nnspec.data.table import Table
from nnspec.data.wording import quoted, size_text
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAMAGE = (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, struct.error, zlib.error)
"""What the standard library raises for damaged archives; text that does not decode is a ValueError."""
DEFLATE_LIMIT = 1032
"""Deflate never shrinks by more than this factor."""
BOMB_SIZE, BOMB_FACTOR = 2**28, 500
"""Members that unpack to more than this, by more than this factor, are constant data or an attack."""

T = TypeVar("T")


def read_npz(folder: Path, path: str, columns: Collection[str] | None = None) -> Table:
    """The arrays of an archive as a table; only `columns` are read. Raises E601, E603, E607, E608 and E609."""
    with opened(folder, path) as (stream, size):
        return parse_npz(stream, size, path, columns)


def read_arrays(folder: Path, path: str) -> dict[str, NDArray[Any]]:
    """The arrays of an archive, which need not have rows in common; their names may have parts, `past/steps`. Raises
    E601, E603, E608 and E609."""
    with opened(folder, path) as (stream, size):
        return _guarded(path, lambda: _arrays(stream, size, path, None, parts=True)[0])


def read_npy(folder: Path, path: str) -> NDArray[Any]:
    """The array in a .npy file. Raises E601, E603 and E608."""
    with opened(folder, path) as (stream, size):
        return parse_npy(stream, size, path)


def parse_npz(stream: BinaryIO, size: int, path: str, columns: Collection[str] | None = None) -> Table:
    """The arrays of an archive of `size` bytes as a table. Raises E603, E607, E608 and E609."""
    return _guarded(path, lambda: _read(stream, size, path, columns))


def parse_npy(stream: BinaryIO, size: int, path: str) -> NDArray[Any]:
    """The array in a .npy file of `size` bytes. Raises E603 and E608."""
    return read_array(stream, read_header(stream, size, path), path)


def _guarded(path: str, read: Callable[[], T]) -> T:
    with unpacking(path):
        return read()


@contextmanager
def unpacking(path: str) -> Iterator[None]:
    """Inside, what the standard library raises for a damaged archive is an E608."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.errno == 22:  # zipfile seeks to where a damaged directory points
            raise Fault("E608", f"{path} is a damaged archive: {error}") from error
        raise unreadable(path, error) from error
    except DAMAGE as error:
        raise Fault("E608", f"{path} is a damaged archive: {error}") from error


def _read(stream: BinaryIO, size: int, path: str, columns: Collection[str] | None) -> Table:
    arrays, names = _arrays(stream, size, path, columns, lambda headers: _rows(headers, path))
    return Table(path, next((len(array) for array in arrays.values()), 0), arrays, names)


def _arrays(
    stream: BinaryIO,
    size: int,
    path: str,
    columns: Collection[str] | None,
    require: Callable[[dict[str, Header]], object] = lambda headers: None,
    parts: bool = False,
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """The arrays among `columns`, or all, once `require` has seen what they announce; and the names of all."""
    with open_archive(stream, path) as archive:
        members = members_of(archive, path, parts)
        wanted = [name for name in members if columns is None or name in columns]
        headers = {name: checked_header(archive, members[name], size, f"{path}: array {name!r}") for name in wanted}
        require(headers)
        arrays = {
            name: _array(archive, members[name], header, f"{path}: array {name!r}") for name, header in headers.items()
        }
    return arrays, tuple(members)


def open_archive(stream: BinaryIO, path: str) -> ZipFile:
    """The archive in a file. Raises E608 for a single array."""
    if stream.read(len(MAGIC)) == MAGIC:
        raise Fault(
            "E608",
            f"{path} is a single .npy array, npz needs an archive of named arrays",
            help='numpy.savez("data.npz", features = x, label = y) writes one',
        )
    return ZipFile(stream)


def members_of(archive: ZipFile, path: str, parts: bool = False) -> dict[str, ZipInfo]:
    """Array name to member; with `parts` a name may have several, which are no steps through folders.

    Raises E608 for names that repeat or are paths; other members are no arrays and stay unread.
    """
    entries = archive.infolist()
    names = Counter(entry.filename for entry in entries)
    for name, count in names.items():
        if count > 1:
            raise Fault("E608", f"{path}: two members are named {quoted(name)}")
        plain = all(map(_is_plain, name.split("/"))) if parts else _is_plain(name)
        if not plain:
            raise Fault("E608", f"{path}: the member name {quoted(name)} is a path; arrays have plain names")
    return {entry.filename.removesuffix(".npy"): entry for entry in entries if entry.filename.endswith(".npy")}


def _is_plain(name: str) -> bool:
    return not ("/" in name or "\\" in name or name in ("", ".", "..", ".npy", "..npy"))


def checked_header(archive: ZipFile, member: ZipInfo, size: int, name: str) -> Header:
    """What a member announces, held against the `size` of the archive. Raises E603, E608 and E609."""
    if member.flag_bits & 1:
        raise Fault("E608", f"{name} is encrypted")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Fault(
            "E608", f"{name} is packed by zip method {member.compress_type}; stored (0) and deflated (8) are read"
        )
    if member.compress_size > size:
        raise Fault(
            "E608",
            f"{name} is cut off: {size_text(member.compress_size)} announced, the whole archive has {size_text(size)}",
        )
    limit = member.compress_size * (DEFLATE_LIMIT if member.compress_type == ZIP_DEFLATED else 1)
    if member.file_size > limit:
        raise Fault(
            "E608",
            f"{name} announces {size_text(member.file_size)}, packed in {size_text(member.compress_size)}: "
            "that cannot be",
        )
    with archive.open(member) as stream:
        header = read_header(stream, member.file_size, name)
    if member.file_size > max(BOMB_SIZE, BOMB_FACTOR * member.compress_size):
        raise Fault(
            "E608",
            f"{name} unpacks from {size_text(member.compress_size)} to {size_text(member.file_size)}, "
            "as a zip bomb does",
            help="if it is meant, save it with numpy.savez, which does not compress",
        )
    return header


def _rows(headers: dict[str, Header], path: str) -> None:
    """Raise E607 unless all arrays share the size of their first axis."""
    lengths: dict[str, int] = {}
    for name, header in headers.items():
        if not header.shape:
            raise Fault("E607", f"{path}: array {name!r} is a single number; the first axis counts the rows")
        lengths[name] = header.shape[0]
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise Fault("E607", f"{path}: the arrays differ in their numbers of rows: {found}")


def _array(archive: ZipFile, member: ZipInfo, header: Header, name: str) -> NDArray[Any]:
    with archive.open(member) as stream:
        stream.read(header.size)
        array = read_array(stream, header, name)
        stream.read(1)  # the end of the member: now its checksum is compared
    return array
