"""The .npy format.

The header is parsed by a closed grammar and held against the bytes that are there before anything is allocated. Format:
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnspec.data.wording import quoted, size_text
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000
MAX_RANK = 32
MAX_DIM = 2**48
CHUNK = 2**24
"""Bytes per read, so that unpacking needs no second copy of the array."""

ENTRY = r"""'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9,\s]*\))"""
HEADER = re.compile(rf"\s*\{{\s*(?:{ENTRY}\s*,\s*){{2}}{ENTRY}\s*,?\s*\}}\s*")
DESCR = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|U[1-9][0-9]{0,4})")
CUT = "the file is cut off or damaged"


class Header(NamedTuple):
    """Dtype and shape of an array that is still in its file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    column_major: bool
    size: int
    """Bytes of the header itself."""

    @property
    def nbytes(self) -> int:
        """Bytes of the elements, in exact integers."""
        total = self.dtype.itemsize
        for dim in self.shape:
            total *= dim
        return total


def read_header(stream: IO[bytes], available: int, name: str) -> Header:
    """The header of an array of `available` bytes in all; -1 for a stream, of which nobody knows.

    Raises E608 where they disagree, E609 for no elements, E603 for elements that are no tensor's. `name` begins the
    messages: `digits.npz: array 'image'`.
    """
    start = stream.read(12)
    if start[:6] != MAGIC:
        raise Fault("E608", f"{name} is no NumPy array: it does not begin with the .npy signature")
    if len(start) < 12 or start[6] not in (1, 2, 3):
        raise Fault("E608", f"{name}: {CUT if len(start) < 12 else f'.npy version {start[6]} is not known'}")
    wide = start[6] > 1
    length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
    if length > MAX_HEADER or length < 2:
        raise Fault("E608", f"{name}: a header of {size_text(length)} is no array's")
    text = (b"" if wide else start[10:]) + stream.read(length - (0 if wide else 2))
    if len(text) != length:
        raise Fault("E608", f"{name}: {CUT}")
    header = _parsed(text.decode("latin-1"), length + (12 if wide else 10), name)
    _check_size(header, available, name)
    return header


def read_array(stream: IO[bytes], header: Header, name: str) -> NDArray[Any]:
    """The elements that follow a header, row-major and in native byte order. Raises E608 where bytes are missing."""
    flat = _allocated(header, name)
    fill(memoryview(flat.view(np.uint8).data), stream, name)
    array = flat.reshape(header.shape[::-1]).T if header.column_major else flat.reshape(header.shape)
    return np.ascontiguousarray(array, header.dtype.newbyteorder("="))


def read_rows(stream: IO[bytes], header: Header, count: int, name: str) -> NDArray[Any]:
    """The next rows of a row-major array, in native byte order. Raises E608 where bytes are missing."""
    rows = _allocated(header._replace(shape=(count, *header.shape[1:])), name).reshape(count, *header.shape[1:])
    fill(memoryview(rows.reshape(-1).view(np.uint8).data), stream, name)
    return rows.astype(header.dtype.newbyteorder("="), copy=False)


def fill(buffer: memoryview, stream: IO[bytes], name: str) -> None:
    """Read as many bytes as the buffer has. Raises E608 where there are fewer."""
    filled = 0
    while filled < len(buffer):
        chunk = stream.read(min(CHUNK, len(buffer) - filled))
        if not chunk:
            raise Fault("E608", f"{name}: {CUT}: {size_text(len(buffer))} announced, {size_text(filled)} found")
        buffer[filled : filled + len(chunk)] = chunk
        filled += len(chunk)


def _allocated(header: Header, name: str) -> NDArray[Any]:
    try:
        return np.empty(header.nbytes // header.dtype.itemsize, header.dtype)
    except (MemoryError, ValueError) as error:
        raise Fault("E608", f"{name} needs {size_text(header.nbytes)}, which does not fit in memory") from error


def _parsed(text: str, size: int, name: str) -> Header:
    if not HEADER.fullmatch(text):
        _refuse_elements(text, name)
        raise Fault("E608", f"{name}: the .npy header is damaged")
    entries = dict(re.findall(ENTRY, text))
    kinds = {"descr": "'", "fortran_order": "TF", "shape": "("}
    if len(entries) != 3 or any(entries[key][0] not in first for key, first in kinds.items()):
        raise Fault("E608", f"{name}: the .npy header is damaged")
    return Header(
        _dtype(entries["descr"][1:-1], name), _shape(entries["shape"], name), entries["fortran_order"] == "True", size
    )


def _refuse_elements(text: str, name: str) -> None:
    if re.search(r"'descr'\s*:\s*\[", text):
        raise Fault(
            "E603",
            f"{name} holds records; numbers, booleans or text are needed",
            help="save each field as an array of its own",
        )


def _dtype(text: str, name: str) -> np.dtype[Any]:
    kind = text.lstrip("<>|=")[:1]
    if kind == "O":
        raise Fault(
            "E608",
            f"{name} holds pickled Python objects, which could run code and are never read",
            help="save numbers, booleans or text: array.astype(float) or array.astype(str)",
        )
    if not DESCR.fullmatch(text):
        raise Fault("E603", f"{name} has elements of dtype {quoted(text)}; numbers, booleans or text are needed")
    return np.dtype(text)


def _shape(text: str, name: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text[1:-1].split(",")]
    if parts[-1] == "":
        parts.pop()
    if any(not part.isdigit() or len(part) > 25 for part in parts) or len(parts) > MAX_RANK:
        raise Fault("E608", f"{name}: the shape {quoted(text)} is no array's")
    shape = tuple(int(part) for part in parts)
    if any(dim > MAX_DIM for dim in shape):
        raise Fault("E608", f"{name} has a dimension of {max(shape)}, which no array has")
    return shape


def _check_size(header: Header, available: int, name: str) -> None:
    if 0 in header.shape:
        raise Fault("E609", f"{name} is empty: its shape is {list(header.shape)}")
    if available < 0:
        return
    found = available - header.size
    if header.nbytes != found:
        raise Fault(
            "E608",
            f"{name} announces {size_text(header.nbytes)}, but {size_text(max(found, 0))} follow its header",
            help="the file is cut off, damaged or hostile; write it again",
        )
