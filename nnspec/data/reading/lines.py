"""Lines of UTF-8 text from a stream of any length."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Protocol

from nnspec.data.csv_file import decode_text
from nnspec.data.wording import size_text
from nnspec.diagnostics.errors import Fault

BLOCK = 2**19
"""Bytes that are read at once."""
MAX_LINE = 2**24
"""A longer line is no row: 100 000 columns of 17 digits take a tenth of that."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = ..., /) -> bytes: ...


def blocks_of(stream: Readable, path: str) -> Iterator[str]:
    """The text of a stream in parts that end with a line. Raises E604 for what is no UTF-8 text, and for a line that
    does not end."""
    pending = bytearray()
    lines = 0
    first = True
    while data := stream.read(BLOCK):
        pending += data
        end = pending.rfind(b"\n") + 1 or (pending.rfind(b"\r", 0, -1) + 1 if len(pending) > BLOCK else 0)
        if not end:
            if len(pending) > MAX_LINE:
                raise too_long(f"{path}, line {lines + 1}")
            continue
        yield decode_text(bytes(pending[:end]), path, lines, first=first)
        lines += pending.count(b"\n", 0, end)
        first = False
        del pending[:end]
    if pending:
        yield decode_text(bytes(pending), path, lines, first=first)


def lines_of(stream: Readable, path: str) -> Iterator[str]:
    """The lines of a stream with their ends, as `blocks_of` reads it."""
    for block in blocks_of(stream, path):
        yield from StringIO(block, newline="")


def too_long(where: str) -> Fault:
    """E604 for a line or row that is longer than any should be."""
    return Fault("E604", f"{where}: a row of more than {size_text(MAX_LINE)}", help="store wide data as npy or npz")
