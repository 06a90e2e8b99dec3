"""How findings look, character by character."""

from __future__ import annotations

import json

import pytest

from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.render import render_json, render_text
from nnspec.diagnostics.span import Span


def finding(line: int, column: int, end: int, **more: str) -> Diagnostic:
    """A finding in f.nn."""
    return Diagnostic(
        more.pop("code", "E101"), more.pop("message", "wrong"), Span("f.nn", line, column, line, end), **more
    )


def excerpt(source: str, column: int, end: int, label: str = "") -> list[str]:
    """The source line and the caret line of a finding on the first line."""
    return render_text([finding(1, column, end, label=label)], {"f.nn": source}).splitlines()[1:3]


def test_the_form() -> None:
    source = "nnspec 1\n" * 6 + "  conv2d(32, kernel = 5)\n"
    found = Diagnostic(
        "E203",
        "conv2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 784]",
        Span("f.nn", 7, 3, 7, 9),
        "move flatten below the convolutions, or reshape(1, 28, 28) first",
        "this input comes from `flatten`, line 6",
    )
    assert render_text([found], {"f.nn": source}) == (
        "f.nn:7:3: error[E203]: conv2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 784]\n"
        "  7 |   conv2d(32, kernel = 5)\n"
        "    |   ^^^^^^ this input comes from `flatten`, line 6\n"
        "  help: move flatten below the convolutions, or reshape(1, 28, 28) first\n"
        "Found 1 error.\n"
    )


def test_nothing_found_is_nothing_shown() -> None:
    assert render_text([], {}) == ""


def test_order_duplicates_and_count() -> None:
    found = [
        finding(2, 5, 6),
        finding(2, 1, 2),
        finding(1, 1, 2),
        finding(2, 5, 6),
        finding(1, 2, 3, severity="warning"),
    ]
    shown = render_text(found, {})
    assert shown.splitlines() == [
        "f.nn:1:1: error[E101]: wrong",
        "f.nn:1:2: warning[E101]: wrong",
        "f.nn:2:1: error[E101]: wrong",
        "f.nn:2:5: error[E101]: wrong",
        "Found 3 errors and 1 warning.",
    ]


def test_a_finding_without_a_place() -> None:
    found = Diagnostic("E701", "no run here", None, "train first", "looked in ./run")
    assert render_text([found], {}) == (
        "error[E701]: no run here\n  note: looked in ./run\n  help: train first\nFound 1 error.\n"
    )


@pytest.mark.parametrize(
    ("source", "column", "end", "lines"),
    [
        ("ab = c", 6, 7, ["  1 | ab = c", "    |      ^"]),
        ("\tab", 2, 4, ["  1 |     ab", "    |     ^^"]),
        (" \tab", 3, 5, ["  1 |     ab", "    |     ^^"]),
        ("a\tb", 1, 4, ["  1 | a    b", "    | ^^^^^^"]),
        ("'漢字' x", 6, 7, ["  1 | '漢字' x", "    |        ^"]),
        ("'漢字' x", 1, 5, ["  1 | '漢字' x", "    | ^^^^^^"]),
        ("'e\u0301' x", 6, 7, ["  1 | 'e\u0301' x", "    |     ^"]),
        ("abc", 4, 4, ["  1 | abc", "    |    ^"]),
        ("abc", 9, 12, ["  1 | abc", "    |    ^"]),
        ("", 1, 1, ["  1 |", "    | ^"]),
        ("a\x1b[2J", 1, 2, ["  1 | a<U+001B>[2J", "    | ^"]),
        ("\ufeffab", 2, 3, ["  1 | ab", "    |  ^"]),
        ("ab\r", 1, 3, ["  1 | ab", "    | ^^"]),
    ],
)
def test_carets_stand_below_the_span(source: str, column: int, end: int, lines: list[str]) -> None:
    assert excerpt(source, column, end) == lines


def test_a_span_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    found = Diagnostic("E101", "wrong", Span("f.nn", 1, 5, 3, 2))
    shown = render_text([found], {"f.nn": "x = f(\n  a\n)"}).splitlines()
    assert shown[1:3] == ["  1 | x = f(", "    |     ^^"]


def test_a_wide_line_number() -> None:
    shown = render_text([finding(100, 1, 2)], {"f.nn": "x\n" * 100}).splitlines()
    assert shown[1:3] == ["  100 | x", "      | ^"]


@pytest.mark.parametrize("column", [1, 500, 9_990])
def test_a_long_line_is_windowed(column: int) -> None:
    source = "".join(chr(97 + number % 26) for number in range(10_000))
    line, carets = excerpt(source, column, column + 5)
    start = carets.index("^")
    assert len(line) < 140 and carets.count("^") == 5
    assert line[start : start + 5] == source[column - 1 : column + 4]
    assert ("…" in line[:10]) == (column > 1)


def test_colour_changes_nothing_but_colour() -> None:
    import re

    found = [finding(1, 1, 2, help="mend it", label="here")]
    coloured = render_text(found, {"f.nn": "x"}, color=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(found, {"f.nn": "x"})


def test_a_message_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in render_text([finding(1, 1, 2, message="a\x1b[2J", help="\x07", label="\x9b")], {"f.nn": "x"})


def test_json() -> None:
    found = [finding(2, 3, 5, help="mend it"), Diagnostic("E701", "no run", None)]
    assert json.loads(render_json(found)) == {
        "version": 1,
        "diagnostics": [
            {
                "file": None,
                "line": None,
                "column": None,
                "end_line": None,
                "end_column": None,
                "code": "E701",
                "severity": "error",
                "message": "no run",
                "help": "",
                "url": "https://nnspec.dev/errors/E701",
                "fix": None,
                "reached_from": [],
            },
            {
                "file": "f.nn",
                "line": 2,
                "column": 3,
                "end_line": 2,
                "end_column": 5,
                "code": "E101",
                "severity": "error",
                "message": "wrong",
                "help": "mend it",
                "url": "https://nnspec.dev/errors/E101",
                "fix": None,
                "reached_from": [],
            },
        ],
    }
