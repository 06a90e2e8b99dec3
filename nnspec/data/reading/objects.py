"""JSON, a piece at a time: documents, and a value per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.arrays import as_array
from nnspec.data.csv_file import decode
from nnspec.data.json_rows import SHAPES, Form, no_constant, no_entry, parse_value, rows_of
from nnspec.data.reading.base import Piece, Reader, Target
from nnspec.data.reading.lines import MAX_LINE, Readable, blocks_of, lines_of, too_long
from nnspec.data.reading.rows import reshaped
from nnspec.diagnostics.errors import Fault
from nnspec.ir.types import FLOATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 2**22
"""Bytes of a document that is parsed as a whole; its objects may take thirty times that."""


class ObjectRows(Reader):
    """Rows as JSON values."""

    def __init__(self, rows: Iterator[Any], source: str, target: Target) -> None:
        self._rows, self._source, self._target = rows, source, target
        even = all(isinstance(size, int) for size in target.type.shape[1:])  # else the sizes are those of all inputs
        self._form = Form(target.name, target.columns, target.type.rank, even=even)
        self.width = target.width
        self._taken = 0

    def take(self, count: int) -> Piece:
        rows = list(islice(self._rows, count))
        if not rows and not self._taken:
            raise Fault("E609", f"{self._source} has no rows")
        self._taken += len(rows)
        return Piece(rows, self._taken - len(rows), self._convert)

    def _convert(self, rows: Sequence[Any], start: int) -> NDArray[Any]:
        return self._array(rows, lambda row: f"{self._source}, index {start + row}")

    def _array(self, rows: Sequence[Any], where: Callable[[int], str]) -> NDArray[Any]:
        target = self._target
        array = as_array(f"{self._source}: {target.name}", self._form.plain(rows, where))
        if array.dtype.kind in "iu" and target.type.dtype in FLOATS:
            array = array.astype(np.float64)  # JSON has one kind of number: 3 is 3.0

        def place(row: int | None) -> str:
            return f"{self._source if row is None else where(row)}: {target.name}"

        values = reshaped(array, target.type) if array.ndim == 2 else array
        return target.array(values, place, self._source)


def json_rows(stream: Readable, source: str, target: Target) -> Reader:
    """The rows of a document, or of a file with a value per line. Raises E602 to E605 and E609."""
    head = stream.read(SMALL + 1)
    if _has_lines(head):
        return jsonl_rows(_Joined(head, stream), source, target)
    if len(head) <= SMALL:
        value = parse_value(decode(head, source), source)
        return ObjectRows(iter(rows_of(value, source, target.name)), source, target)
    document = _Document(blocks_of(_Joined(head, stream), source), source)
    return ObjectRows(document.rows(target.name), source, target)


def jsonl_rows(stream: Readable, source: str, target: Target) -> Reader:
    """The rows of a file with a JSON value per line; empty lines are passed over."""
    lines = enumerate(lines_of(stream, source), 1)
    return _LineRows(((number, text) for number, line in lines if (text := line.strip())), source, target)


class _LineRows(ObjectRows):
    """Rows as numbered lines, which are parsed when a piece becomes an array: a damaged one is damaged alone."""

    def _convert(self, rows: Sequence[tuple[int, str]], start: int) -> NDArray[Any]:
        values = [parse_value(line, self._source, number) for number, line in rows]
        return self._array(values, lambda row: f"{self._source}, line {rows[row][0]}")


def _has_lines(head: bytes) -> bool:
    """Whether the first line is an object or a list of its own and another one follows."""
    first, _, rest = head.lstrip().partition(b"\n")
    if first[:1] not in (b"{", b"[") or rest.lstrip()[:1] != first[:1]:
        return False
    try:
        return isinstance(json.loads(first), dict | list)
    except (ValueError, RecursionError):
        return False


def _unfinished(error: Exception, length: int) -> bool:
    """Whether what could not be parsed may only end too early."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated") or error.pos > length - 16


class _Joined:
    """A stream with what was read of it put back."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int = -1, /) -> bytes:
        if not self._head:
            return self._stream.read(size)
        found, self._head = self._head[:size], self._head[size:]
        return found


class _Document:
    """A JSON document that is too large to be parsed as a whole."""

    def __init__(self, blocks: Iterator[str], source: str) -> None:
        self._blocks, self._source = blocks, source
        self._text, self._at = "", 0
        self._decoder = json.JSONDecoder(parse_constant=no_constant)
        self._count = 0

    def rows(self, name: str) -> Iterator[Any]:
        """The rows of the list that the document is, or that an object holds under `name`."""
        if self._next() != "{":
            yield from self._listed(name)
        else:
            names: list[str] = []
            for key in self._keys():
                names.append(key)
                if key == name and names.count(name) == 1:
                    yield from self._listed(name)
                else:
                    self._pass()
            if name not in names:
                raise no_entry(self._source, name, names)
        self._end()

    def _listed(self, name: str) -> Iterator[Any]:
        if self._next() != "[":
            raise Fault("E603", f"{self._source} holds no list for {name}", help=f"write {SHAPES}")
        yield from self._items()

    def _pass(self) -> None:
        """Read over a value; a long list item by item."""
        for _ in self._items() if self._next() == "[" else [self._value()]:
            pass

    def _end(self) -> None:
        """Raise E604 where something follows the document."""
        while not (rest := self._text[self._at :].strip()) and self._more():
            self._at = 0
        if rest:
            raise Fault(
                "E604", f"{self._source}: something follows the document", help="write a value per line, .jsonl"
            )

    def _keys(self) -> Iterator[str]:
        """The keys of an object; the value behind each is to be read before the next."""
        self._require("{")
        while self._next() != "}":
            yield str(self._value())
            if self._next() == ",":
                self._require(",")
        self._require("}")

    def _items(self) -> Iterator[Any]:
        """The values of a list."""
        self._require("[")
        self._count = 0
        if self._next() != "]":
            yield self._value()
            self._count = 1
            while self._next() == ",":
                self._require(",")
                yield self._value()
                self._count += 1
        self._require("]")

    def _next(self) -> str:
        """The next character that is no space."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in " \t\r\n:":
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                raise Fault("E604", f"{self._source} ends in the middle of the document")

    def _require(self, wanted: str) -> None:
        if (found := self._next()) != wanted:
            raise Fault("E604", f"{self._source}, index {self._count}: {wanted!r} is needed, not {found!r}")
        self._at += 1

    def _value(self) -> Any:
        """The next value; read on while it does not end in the text at hand."""
        self._next()
        whole = False
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if whole or end < len(self._text):
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                if whole or not _unfinished(error, len(self._text)):
                    raise Fault("E604", f"{self._source}, index {self._count}: {problem}") from error
            if len(self._text) - self._at > MAX_LINE:
                raise too_long(f"{self._source}, index {self._count}")
            whole = not self._more()

    def _more(self) -> bool:
        """Read on, as much as there is already, so that long values are not parsed again and again."""
        self._text, self._at = self._text[self._at :], 0
        blocks: list[str] = []
        while sum(map(len, blocks)) <= len(self._text) and (block := next(self._blocks, "")):
            blocks.append(block)
        self._text = "".join(chain([self._text], blocks))
        return bool(blocks)
