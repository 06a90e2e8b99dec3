"""Files that would hurt a careless parser: each is one coded finding, soon and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from nnspec.language import limits
from nnspec.language.parser import parse

from .shorthand import model, places, valid

HEAD = "nnspec 1\nmodel m {\n"
BOMBS: dict[str, tuple[Callable[[], str | bytes], tuple[str, int, int]]] = {
    "parentheses": (lambda: HEAD + "(" * 500_000, ("E124", 3, 64)),
    "brackets": (lambda: HEAD + "x = " + "[" * 100_000, ("E124", 3, 68)),
    "braces": (lambda: HEAD + "repeat 2 {" * 50_000, ("E124", 3, 640)),
    "minus": (lambda: model("x = " + "-" * 200_000 + "1"), ("E124", 3, 199_876)),
    "not": (lambda: model("x = " + "not " * 100_000 + "a"), ("E124", 3, 399_489)),
    "sum": (lambda: model("x = 1" + " + 1" * 200_000), ("E124", 3, 5)),
    "calls": (lambda: model("x = " + "-f(" * 64 + "a" + ")" * 64), ("E124", 3, 196)),
    "name": (lambda: model("a" * 5_000_000), ("E111", 3, 1)),
    "string": (lambda: model("x = '" + "a" * 100_000 + "'"), ("E125", 3, 5)),
    "backslashes": (lambda: model("x = '" + "\\" * 1_000_001), ("E109", 3, 5)),
    "integer": (lambda: model("x = " + "9" * 5_000_000), ("E108", 3, 5)),
    "infinite": (lambda: model("x = 1e" + "9" * 100_000), ("E108", 3, 5)),
    "zero": (lambda: model("x = 0." + "0" * 100_000 + "1"), ("E108", 3, 5)),
    "version": (lambda: "nnspec " + "9" * 100_000, ("E105", 1, 8)),
    "bytes": (lambda: " " * (limits.FILE_BYTES + 1), ("E123", 1, 1)),
    "tokens": (lambda: "a " * (limits.TOKENS + 1), ("E123", 1, 1)),
    "closers": (lambda: HEAD + ")" * 200_000, ("E126", 3, 10_001)),
    "nul": (lambda: HEAD + "x = 3\0\n}\n", ("E122", 3, 6)),
    "escape": (lambda: HEAD + "# \x1b[31m\n}\n", ("E122", 3, 3)),
    "carriage return": (lambda: HEAD + "relu\r}\n", ("E122", 3, 5)),
    "reversed": (lambda: HEAD + "# \u202e\n}\n", ("E122", 3, 3)),
    "mark in the middle": (lambda: HEAD + "\ufeffrelu\n}\n", ("E122", 3, 1)),
    "surrogate": (lambda: HEAD + "\ud800\n}\n", ("E122", 3, 1)),
    "surrogate in UTF-8": (lambda: HEAD.encode() + b"\xed\xa0\x80", ("E121", 3, 1)),
    "latin 1": (lambda: HEAD.encode() + "x = 'gr\u00f6\u00dfe'\n}".encode("latin-1"), ("E121", 3, 8)),
    "utf-16": (lambda: (HEAD + "}").encode("utf-16"), ("E121", 1, 1)),
    "binary": (lambda: bytes(range(256)) * 4000, ("E121", 2, 118)),
    "zero width": (lambda: model("de\u200bnse(3)"), ("E106", 3, 3)),
    "confusable": (lambda: model("\u0440elu"), ("E111", 3, 1)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str) -> None:
    make, place = BOMBS[name]
    text = make()
    started = time.process_time()
    found = parse(text, "f")[1]
    assert time.process_time() - started < 2
    assert places(found)[:1] == [place]
    assert len(found) <= 2


def test_a_long_file_takes_little_memory() -> None:
    text = HEAD + "(" * 250_000
    tracemalloc.start()
    try:
        parse(text, "f")
        assert tracemalloc.get_traced_memory()[1] < 75e6
    finally:
        tracemalloc.stop()


def test_what_is_just_within_the_limits() -> None:
    valid(model("x = " + "(" * 63 + "1" + ")" * 63))
    valid(model("x = 1" + " + 1" * limits.EXPRESSION_DEPTH))
    valid(model(f"{'a' * limits.NAME_LENGTH} = {'9' * limits.INTEGER_DIGITS}"))
    valid(model(f"x = '{'a' * limits.STRING_LENGTH}'"))
    valid(model("x = [" + "-1, " * 10_000 + "]"))
    valid(model("x" + " -> relu" * 10_000))
    valid(model("if a { }" + " else if b { }" * 2_000))


def test_the_rest_is_not_read_after_many_errors() -> None:
    found = parse(model("= 3\n" * 500), "f")[1]
    assert [one.code for one in found] == ["E101"] * limits.ERRORS + ["E126"]


def test_ten_thousand_statements_take_less_than_two_seconds() -> None:
    text = model('  conv2d(2 * width, kernel = 3, padding = "same") -> batch_norm -> relu\n' * 10_000)
    started = time.process_time()
    file = valid(text)
    assert time.process_time() - started < 2
    assert len(file.definitions[0].body) == 10_000
