"""The IDX format, in which MNIST and its relatives come; packed with gzip or not.

Two zero bytes, a byte for the type of the elements, one for the number of dimensions, each dimension as a big-endian
uint32, then the elements, big-endian too: http://yann.lecun.com/exdb/mnist/. All sizes are held against the bytes that
are there before anything is unpacked.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from nnspec.data.files import opened
from nnspec.data.npy import CUT, MAX_RANK, Header, read_array
from nnspec.data.npz_file import BOMB_FACTOR, BOMB_SIZE, DEFLATE_LIMIT
from nnspec.data.rows import LateColumn
from nnspec.data.slots import Slot
from nnspec.data.table import Images, Table
from nnspec.data.wording import size_text
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP = b"\x1f\x8b"
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Type byte to NumPy's name of the elements."""
KINDS = {"image": "images", "label": "labels"}
"""Columns to the options that name their files."""


class Stored(Images):
    """Images in memory. The format knows no channels, so an input [N, 1, H, W] takes [N, H, W] as one."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array

    def fitted(self, slot: Slot) -> NDArray[Any] | LateColumn:
        return fitted(self._array, slot.type)


def fitted(array: NDArray[Any], type: TensorType) -> NDArray[Any]:
    """The array, with an axis for one channel where the type has one and the array none."""
    return array[:, None] if type.rank == array.ndim + 1 and type.shape[1] == 1 else array


def read_idx(folder: Path, images: str, labels: str | None, columns: Collection[str]) -> Table:
    """The files of images and labels as a table with `image` and `label`; only `columns` are read.

    Raises E601, E607 where they differ in their numbers of rows, E608 and E609.
    """
    paths = {"image": images} | ({"label": labels} if labels is not None else {})
    arrays = {name: read_idx_file(folder, path) for name, path in paths.items() if name in columns}
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1:
        said = " and ".join(f"{paths[name]} has {count} {KINDS[name]}" for name, count in rows.items())
        raise Fault("E607", said, help="the files belong to two splits, or one of them is cut off")
    found = {name: Stored(array) if name == "image" else array for name, array in arrays.items()}
    return Table(images, next(iter(rows.values()), 0), found, tuple(paths), origins=paths)


def read_idx_file(folder: Path, path: str) -> NDArray[Any]:
    """The array in an IDX file. Raises E601, E608 and E609."""
    with opened(folder, path) as (stream, size):
        return parse_idx(stream, size, path)


def parse_idx(stream: BinaryIO, size: int, path: str) -> NDArray[Any]:
    """The array in an IDX file of `size` bytes, packed or not. Raises E608 and E609."""
    with unpacking(path):
        plain, header = open_idx(stream, size, path)
        array = read_array(plain, header, path)
        require_end(plain, header, path)
    return array


@contextmanager
def unpacking(path: str) -> Iterator[None]:
    """Inside, what gzip raises for a damaged file is an E608."""
    try:
        yield
    except EOFError as error:
        raise Fault("E608", f"{path}: the gzip file is cut off") from error
    except (BadGzipFile, zlib.error) as error:
        raise Fault("E608", f"{path} is a damaged gzip file: {error}") from error


def require_end(stream: IO[bytes], header: Header, path: str) -> None:
    """Raise E608 where something follows the elements; of a packed file this also compares the checksum."""
    if stream.read(1):
        raise Fault("E608", f"{path} goes on behind the {size_text(header.nbytes)} that it announces")


def open_idx(stream: BinaryIO, size: int, path: str) -> tuple[IO[bytes], Header]:
    """Where the elements of an IDX file of `size` bytes are read from, and what it announces, checked. Raises E608 and
    E609."""
    packed = stream.read(2) == GZIP
    stream.seek(0)
    plain = cast(IO[bytes], GzipFile(fileobj=stream)) if packed else stream
    header = _header(plain, path)
    if 0 in header.shape:
        raise Fault("E609", f"{path} is empty: its shape is {list(header.shape)}")
    if packed:
        _refuse_bomb(header, size, path)
    elif header.nbytes != size - header.size:
        announced, there = size_text(header.nbytes), size_text(size - header.size)
        if announced == there:
            announced, there = f"{header.nbytes:,} bytes", f"{size - header.size:,} bytes"
        raise Fault(
            "E608",
            f"{path} announces {announced}, but {there} follow its header",
            help="the file is cut off or damaged; download it again",
        )
    return plain, header


def _header(stream: IO[bytes], path: str) -> Header:
    start = stream.read(4)
    if len(start) < 4:
        raise Fault("E608", f"{path}: {CUT}: it has {len(start)} bytes")
    if start[:2] != b"\0\0" or start[2] not in DTYPES or not 1 <= start[3] <= MAX_RANK:
        raise Fault(
            "E608",
            f"{path} is no IDX file: it begins with {start.hex(' ')}",
            help="MNIST's files begin with 00 00 08 03 for images and 00 00 08 01 for labels; they may be packed by "
            "gzip, and are read as they are",
        )
    sizes = stream.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise Fault("E608", f"{path}: {CUT}: it ends in its header")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    return Header(np.dtype(DTYPES[start[2]]), shape, False, 4 + len(sizes))


def _refuse_bomb(header: Header, size: int, path: str) -> None:
    if header.nbytes > size * DEFLATE_LIMIT:
        raise Fault("E608", f"{path} announces {size_text(header.nbytes)}, packed in {size_text(size)}: that cannot be")
    if header.nbytes > max(BOMB_SIZE, BOMB_FACTOR * size):
        raise Fault(
            "E608",
            f"{path} unpacks from {size_text(size)} to {size_text(header.nbytes)}, as a bomb does",
            help="if it is meant, unpack it with gunzip",
        )
