"""Reading tables: what is read, and the exact message of each fault."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnspec.data.csv_file import MAX_COLUMNS, decode, parse_csv, read_csv
from nnspec.diagnostics.errors import Fault


def fault_of(text: str, **options: str) -> str:
    with pytest.raises(Fault) as caught:
        parse_csv(text, "t.csv", None, **options)
    return f"{caught.value.code}: {caught.value.message}"


def test_a_table_of_text() -> None:
    table = parse_csv('a,b\n1,"x, ""y"""\n\n2,"two\nlines"\n3,z\n', "t.csv")
    assert table.names == ("a", "b")
    assert table.columns == {"a": ("1", "2", "3"), "b": ('x, "y"', "two\nlines", "z")}
    assert [table.where(row) for row in range(3)] == ["t.csv, line 2", "t.csv, line 4", "t.csv, line 6"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark(tmp_path: Path, end: str) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + f"a;b{end}1;ü{end}".encode())
    assert read_csv(tmp_path, "t.csv", delimiter=";").columns == {"a": ("1",), "b": ("ü",)}


def test_only_wanted_columns_are_kept() -> None:
    table = parse_csv("a,b,c\n1,2,3\n4,5,6\n", "t.csv", {"c", "a", "missing"})
    assert table.columns == {"a": ("1", "4"), "c": ("3", "6")}
    assert parse_csv("a,b\n1,2\n", "t.csv", {"b"}).columns == {"b": ("2",)}
    assert parse_csv("a,b\n1,2\n", "t.csv", ()).rows == 1


def test_a_blank_line_in_one_column_is_an_empty_cell() -> None:
    assert parse_csv("a\n1\n\n2\n", "t.csv").columns == {"a": ("1", "", "2")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "E609: t.csv is empty"),
        ("\n\n", "E609: t.csv is empty"),
        ("a,b\n", "E609: t.csv has column names, but no rows"),
        ("a,b\n1,2\n3\n", "E604: t.csv, line 3: 1 cell in a table of 2 columns"),
        ("a,b\n1,2,3\n", "E604: t.csv, line 2: 3 cells in a table of 2 columns"),
        ("a,,c\n1,2,3\n", "E604: t.csv, line 1: column 2 has no name"),
        ("a,b,a\n1,2,3\n", "E604: t.csv, line 1: two columns are named 'a'"),
        ('a,b\n1,2\n3,"4\n5,6\n', "E604: t.csv, line 3: a quote is opened in this row and never closed"),
        ('a,b\n1,"2"3\n', "E604: t.csv, line 2: text follows a closing quote in the same cell"),
        (
            "a\n" + "x" * 200_000,
            "E604: t.csv, line 2: a cell of more than 131072 characters; is a quote in this row not closed?",
        ),
        (
            ",".join(map(str, range(MAX_COLUMNS + 1))),
            "E604: t.csv, line 1: 100001 columns; at most 100000 are read",
        ),
    ],
)
def test_malformed_tables(text: str, message: str) -> None:
    assert fault_of(text) == message


def test_a_wrong_delimiter_is_guessed() -> None:
    with pytest.raises(Fault) as caught:
        parse_csv("a;b\n1;2,5\n", "t.csv")
    assert caught.value.help == 'is the delimiter right? csv("…", delimiter = ";") sets another'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a,b\n".encode("utf-16"), "t.csv is UTF-16 text"),
        (b"a,b\n1,\x00\n", "t.csv, line 2: a NUL byte; this is no text file"),
        (b"a,b\n1,\xfc\n", "t.csv, line 2: byte 0xfc is not UTF-8"),
        (b"\xef\xbb\xbfa,b\n1,\xff\n", "t.csv, line 2: byte 0xff is not UTF-8"),
    ],
)
def test_files_that_are_no_text(data: bytes, message: str) -> None:
    with pytest.raises(Fault) as caught:
        decode(data, "t.csv")
    assert (caught.value.code, caught.value.message) == ("E604", message)


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    stream = StringIO(newline="")
    csv.writer(stream).writerows([("a", "b", "c"), *rows])
    table = parse_csv(stream.getvalue(), "t.csv")
    assert list(zip(*(table.column(name) for name in "abc"), strict=True)) == rows


@given(st.binary(max_size=200) | st.text("\"',;\r\na1 ", max_size=60).map(str.encode))
def test_any_bytes_give_a_table_or_a_fault(data: bytes) -> None:
    try:
        table = parse_csv(decode(data, "t.csv"), "t.csv")
    except Fault as fault:
        assert fault.code in ("E604", "E609")
    else:
        assert all(len(column) == table.rows for column in table.columns.values())


@pytest.mark.parametrize(
    ("text", "found", "delimiter"), [("a;b\n1;2\n", "semicolons", ";"), ("a\tb\n1\t2\n", "tabs", r"\t")]
)
def test_a_wrong_delimiter_is_named(text: str, found: str, delimiter: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_csv(text, "t.csv", ("b", "a"))
    assert (caught.value.code, caught.value.message) == (
        "E602",
        f"t.csv, line 1: 1 column; the names are separated by {found}",
    )
    assert caught.value.help == f'csv("t.csv", delimiter = "{delimiter}")'
    with pytest.raises(Fault, match="has no column 'c'"):
        parse_csv(text, "t.csv", ("c",)).column("c")
