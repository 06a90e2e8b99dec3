"""Reading tables from delimited text, by the standard library's parser in its strict mode."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from io import StringIO
from operator import itemgetter
from pathlib import Path

from nnspec.data.files import read_bytes
from nnspec.data.table import Table
from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import Fault

MAX_COLUMNS = 100_000
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(folder: Path, path: str, columns: Collection[str] | None = None, delimiter: str = ",") -> Table:
    """The table in a file with a line of column names; only `columns` are kept. Raises E601, E604 and E609."""
    return parse_csv(decode(read_bytes(folder, path), path), path, columns, delimiter)


def decode(data: bytes, path: str) -> str:
    """UTF-8 text, a byte order mark tolerated. Raises E604."""
    return decode_text(data, path)


def decode_text(data: bytes, path: str, lines: int = 0, *, first: bool = True) -> str:
    """A part of a text that `lines` lines stand before; the `first` may begin with a byte order mark. Raises E604."""
    if first and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Fault("E604", f"{path} is UTF-16 text", help="save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        raise Fault("E604", f"{path}, line {lines + _line(data, nul)}: a NUL byte; this is no text file")
    try:
        return (data.removeprefix(b"\xef\xbb\xbf") if first else data).decode()
    except UnicodeDecodeError as error:
        where = f"{path}, line {lines + _line(error.object, error.start)}"
        raise Fault(
            "E604",
            f"{where}: byte 0x{error.object[error.start]:02x} is not UTF-8",
            help="save it as UTF-8",
        ) from error


def parse_csv(
    text: str,
    path: str,
    columns: Collection[str] | None = None,
    delimiter: str = ",",
    header: Sequence[str] | None = None,
    advice: str = 'csv("{path}", delimiter = "{delimiter}")',
) -> Table:
    """The table in `text`; `path` is what messages call it, `header` names the columns of text without a header.

    `advice` is the help where another delimiter gives the columns. Raises E602 for that.
    """
    records = read_records(text, path, delimiter)
    names = list(header) if header is not None else column_names(*next(records, (1, [])), path)
    if columns and not any(name in names for name in columns):
        require_delimiter(text, path, columns, names, advice)
    kept = [number for number, name in enumerate(names) if columns is None or name in columns]
    pick = picker(kept)
    rows, lines = [], []
    for line, record in records:
        if len(record) != len(names):
            raise ragged(record, len(names), f"{path}, line {line}")
        rows.append(pick(record))
        lines.append(line)
    if not rows:
        raise Fault("E609", f"{path} has column names, but no rows")
    cells = zip(*rows, strict=True) if kept else ()
    found = {names[number]: column for number, column in zip(kept, cells, strict=True)}
    return Table(path, len(rows), found, tuple(names), lines)


def read_records(text: str | Iterable[str], path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record of a text or its lines, with the line it starts on.

    Blank lines between records are skipped; in a table of one column they are empty cells.
    """
    lines = StringIO(text, newline="") if isinstance(text, str) else text
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start, width = 1, 0
    try:
        for record in reader:
            if record:
                width = width or len(record)
                yield start, record
            elif width == 1:
                yield start, [""]
            start = reader.line_num + 1
    except csv.Error as error:
        raise _malformed(error, f"{path}, line {start}") from error


def column_names(line: int, header: list[str], path: str) -> list[str]:
    """The names in the first record, which are distinct and not empty. Raises E604 and E609."""
    if not header:
        raise Fault("E609", f"{path} is empty", help="the first line of a table names its columns")
    where = f"{path}, line {line}"
    if len(header) > MAX_COLUMNS:
        raise Fault(
            "E604", f"{where}: {len(header)} columns; at most {MAX_COLUMNS} are read", help="store wide data as npz"
        )
    seen: set[str] = set()
    for number, name in enumerate(header, 1):
        if not name.strip():
            raise Fault(
                "E604",
                f"{where}: column {number} has no name",
                help="the first line names every column; pandas leaves its index out with to_csv(index=False)",
            )
        if name in seen:
            raise Fault("E604", f"{where}: two columns are named {quoted(name)}")
        seen.add(name)
    return header


def require_delimiter(text: str, path: str, columns: Collection[str], names: list[str], advice: str) -> None:
    """Raise E602 where another delimiter splits the header into names that are wanted."""
    first = next(iter(text.splitlines()), "")
    for other, word in DELIMITERS.items():
        try:
            _, parts = next(read_records(first, path, other), (1, []))
        except Fault:
            continue
        if len(parts) > len(names) and any(name in parts for name in columns):
            raise Fault(
                "E602",
                f"{path}, line 1: {_count(len(names), 'column')}; the names are separated by {word}",
                help=advice.format(path=path, delimiter=other.replace("\t", "\\t")),
            )


def picker(kept: list[int]) -> Callable[[list[str]], tuple[str, ...]]:
    """A fast function from a record to the cells that are kept."""
    if not kept:
        return lambda record: ()
    if len(kept) == 1:
        only = kept[0]
        return lambda record: (record[only],)
    return itemgetter(*kept)


def ragged(record: list[str], width: int, where: str) -> Fault:
    """E604 for a record with more or fewer cells than the table has columns."""
    help = ""
    if width == 1 or len(record) == 1:
        help = 'is the delimiter right? csv("…", delimiter = ";") sets another'
    elif len(record) > width:
        help = "a cell that holds the delimiter needs quotes"
    return Fault("E604", f"{where}: {_count(len(record), 'cell')} in a table of {_count(width, 'column')}", help=help)


def _malformed(error: csv.Error, where: str) -> Fault:
    if "unexpected end" in str(error):
        return Fault("E604", f"{where}: a quote is opened in this row and never closed")
    if "field limit" in str(error):
        return Fault(
            "E604",
            f"{where}: a cell of more than {csv.field_size_limit()} characters; is a quote in this row not closed?",
        )
    return Fault(
        "E604",
        f"{where}: text follows a closing quote in the same cell",
        help='a quote inside quotes is written twice: ""',
    )


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
