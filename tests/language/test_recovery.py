"""Broken specs: each mistake is reported once, at its place, and what surrounds it is still read."""

from __future__ import annotations

import pytest

from nnspec.language import syntax
from nnspec.language.parser import parse

from .shorthand import model, places, section, shown

# One statement in a model, followed by a good one: code and column of the only error.
LINES = [
    ("x = dense(3", "E102", 10),
    ("x = f(g(3)", "E102", 6),
    ("x = [1, 2", "E102", 5),
    ("x = dense(3 -> relu", "E102", 10),
    ("x = dense(3))", "E103", 13),
    ("x = dense(3]", "E103", 12),
    ("x = [(1]", "E102", 6),
    ("dense(3) relu", "E115", 10),
    ("dense(3); relu", "E106", 9),
    ("a && b", "E106", 3),
    ("a = “b”", "E106", 5),
    ("a = b\u00a0+ c", "E106", 6),
    ("x = größe", "E111", 5),
    ("х = 3", "E111", 1),
    ("x = 'abc", "E109", 5),
    ("x = 3x", "E107", 5),
    ("x = 1.", "E107", 5),
    ("x = .5", "E107", 5),
    ("x = 1__0", "E107", 5),
    ("x = 1234567890123456789", "E108", 5),
    ("x = 1e999", "E108", 5),
    ("x = 1e-999", "E108", 5),
    ("x = 'a\\q'", "E110", 5),
    ("layer in = dense(3)", "E112", 7),
    ("let = 3", "E112", 1),
    ("f(if = 3)", "E112", 3),
    ("if a < b < c { relu }", "E113", 10),
    ("x ** 2", "E114", 3),
    ("x += 2", "E114", 3),
    ("lambda x: x", "E114", 1),
    ("import torch", "E114", 1),
    ("self.conv = conv2d(3)", "E114", 11),
    ("x = self.conv(3)", "E114", 5),
    ("dense(3)(x)", "E114", 9),
    ("x = y[0]", "E114", 6),
    ('x = {"a": 1, "b": 2}', "E114", 5),
    ("x = a if b else c", "E114", 7),
    ("while x { relu }", "E114", 1),
    ("if a { relu } elif b { tanh }", "E114", 15),
    ("if a = 3 { relu } else { tanh }", "E116", 6),
    ("if a == 3: relu", "E116", 10),
    ("x = f(a: 3)", "E116", 8),
    ("y: dense(3)", "E116", 2),
    ("f(x) = 3", "E116", 6),
    ("input y = float32[N]", "E116", 9),
    ("if a == 3", "E120", 10),
    ("for c on [1] { relu }", "E101", 7),
    ("repeat { relu }", "E101", 8),
    ("repeat 2 as { relu }", "E101", 13),
    ("a, b = repeat 2 { relu }", "E101", 1),
    ("x ->", "E101", 5),
    ("x =", "E101", 4),
    ("a, b", "E101", 5),
    ("x y", "E115", 3),
    ("input x, y", "E101", 8),
    ("x -> (y -> z)", "E101", 6),
    ("f(1 = 2)", "E101", 5),
    ("layer a", "E101", 8),
    ("output", "E101", 7),
    ("x = a +", "E101", 8),
    ("x = ()", "E101", 6),
    ("f(a b)", "E101", 5),
    ("f(a,, b)", "E101", 5),
    ("else { relu }", "E101", 1),
    ("x = relu relu relu", "E115", 10),
]


@pytest.mark.parametrize(("line", "code", "column"), LINES)
def test_one_error_in_a_statement(line: str, code: str, column: int) -> None:
    file, found = parse(model(f"good = 1\n{line}\nlater = 2"), "f")
    assert places(found) == [(code, 4, column)]
    first, *_, last = file.definitions[0].body
    assert (shown(first), shown(last)) == ("Assign([good], 1)", "Assign([later], 2)")


# Whole files behind the version header: every error.
FILES = [
    ("model m\n  relu\n}\ndata { }", [("E120", 2, 1)]),
    ("model m\n{\n  relu\n}", [("E120", 3, 1)]),
    ("model m {\n  if a\n    relu\n  }\n  relu\n}", [("E120", 3, 3)]),
    ("model m {\n  if a\n  {\n    relu\n  }\n  relu relu\n}", [("E120", 4, 3), ("E115", 7, 8)]),
    ("model m {\n  repeat 2 {\n    relu\n}\ndata { a = }", [("E102", 3, 12), ("E101", 6, 12)]),
    ("model m {\n  relu\ndata {\n  a = 3\n}", [("E102", 2, 9)]),
    ("model m {\n  relu", [("E102", 2, 9)]),
    ("model m {\n  x = f(1,\n}\ndata {\n  a = [\n}", [("E102", 3, 8), ("E102", 6, 7)]),
    ("model m { relu }}\ndata { a = }", [("E103", 2, 17), ("E101", 3, 12)]),
    ("model m {\n  relu\n  }\n  tanh\n}\ndata { a = }", [("E117", 5, 3), ("E101", 7, 12)]),
    ("modle m {\n  x = = 3\n}", [("E117", 2, 1), ("E116", 3, 7)]),
    ("trian {\n  a = = 3\n}\nmodel m { ) }", [("E117", 2, 1), ("E116", 3, 7), ("E103", 5, 11)]),
    ("foo {\n  relu relu\n}\ndata { a = }", [("E117", 2, 1), ("E101", 5, 12)]),
    ("dense(3)\nrelu\n\nmodel m { ) }", [("E117", 2, 1), ("E103", 5, 11)]),
    ("model m(a b) {\n  a = = 3\n}", [("E101", 2, 11), ("E116", 3, 7)]),
    ("model {\n  relu\n}", [("E101", 2, 7)]),
    ("block b(\n  a,\n  c = 3\n{\n  relu\n}\ndata { a = }", [("E102", 2, 8), ("E101", 8, 12)]),
    ("data: {\n  a = = 3\n}", [("E116", 2, 5), ("E116", 3, 7)]),
    ("data = {\n  a = = 3\n}", [("E101", 2, 6), ("E116", 3, 7)]),
    ("def f(x):\n  return x\n\nmodel m { ) }", [("E114", 2, 1), ("E103", 5, 11)]),
    ('use "a" b\nuse a:\nuse : b\nuse c: d e', [("E101", 2, 9), ("E101", 3, 7), ("E101", 4, 5), ("E101", 5, 10)]),
    ("model m { relu } data { }", [("E115", 2, 18)]),
    ("nnspec 1\nmodel m { }", [("E104", 2, 1)]),
    ("model m {\n  if a = b {\n    x y\n  }\n  relu\n}", [("E116", 3, 8), ("E115", 4, 7)]),
    (
        'model m {\n  use "a": b\n  train {\n    target y: label[N]\n  }\n  ) }',
        [("E117", 3, 3), ("E117", 4, 3), ("E103", 7, 3)],
    ),
    ("model m {\n  f((((a)\n  b = 3\n}", [("E102", 3, 6)]),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_errors_of_a_file(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert places(parse(f"nnspec 1\n{text}\n", "f")[1]) == expected


@pytest.mark.parametrize("text", ["else {\n}", "\nelse", "} else {", ")", "-> relu", "\n\n+ 1"])
def test_a_file_that_begins_with_what_only_goes_on(text: str) -> None:
    assert parse(text, "f")[1]


SECTIONS = [
    ("data", "a: 3", "E116", 2),
    ("data", "a == 3", "E116", 3),
    ("data", '"a" = 3', "E116", 1),
    ("data", '"a": 3', "E116", 1),
    ("data", 'csv("a.csv")', "E118", 4),
    ("data", "a", "E118", 2),
    ("data", "a <= 3", "E118", 3),
    ("data", "target x: label[N]", "E118", 8),
    ("train", "target x = label[N]", "E116", 10),
    ("train", "optimizer { lr = 3 }", "E118", 11),
    ("train", "loss = mse(a, b", "E102", 11),
    ("require", "params = 3", "E116", 8),
    ("require", "params", "E118", 7),
    ("require", "params <= 4 mb", "E119", 13),
    ("require", "f(x)", "E118", 2),
    ("require", "params <= 3 < 4", "E113", 13),
]


@pytest.mark.parametrize(("keyword", "line", "code", "column"), SECTIONS)
def test_one_error_in_a_section(keyword: str, line: str, code: str, column: int) -> None:
    good = "params <= 3" if keyword == "require" else "epochs = 3"
    file, found = parse(section(keyword, f"{good}\n{line}\n{good}"), "f")
    assert places(found) == [(code, 4, column)]
    assert [isinstance(entry, syntax.Broken) for entry in file.sections[0].entries] == [False, True, False]


HEADERS = [
    ("", "E104", 1),
    ("model m { }\n", "E104", 1),
    ("model m { }\nnnspec 1\n", "E104", 2),
    ("nnspec\nmodel m { }\n", "E105", 1),
    ("nnspec x\nmodel m { }\n", "E105", 1),
    ("nnspec 1.0\nmodel m { }\n", "E105", 1),
    ("nnspec 0\nmodel m { }\n", "E105", 1),
    ("nnspec 2\nmodel m ( }\n", "E105", 1),
    ("nnspec 1 model m { }\n", "E115", 1),
]


@pytest.mark.parametrize(("text", "code", "line"), HEADERS)
def test_version_header(text: str, code: str, line: int) -> None:
    found = parse(text, "f")[1]
    assert [(one.code, one.span and one.span.line) for one in found] == [(code, line)]


def test_a_newer_version_says_which() -> None:
    (found,) = parse("nnspec 7\n", "f")[1]
    assert found.message == "this file needs nnspec language version 7, this tool knows 1"


BROKEN = [
    ("x = dense(", ("x",)),
    ("a, b = = 3", ("a", "b")),
    ("layer enc = = 3", ("enc",)),
    ("input x = 3", ("x",)),
    ("output y = = 3", ("y",)),
    ("for t, c on [1] { inner = 2 }", ("t", "c", "inner")),
    ("if a = b { p = 1 } else if c { q = 2 } else { r = 3 }", ("p", "q", "r")),
    ("f(a = 1, b = 2", ()),
]


@pytest.mark.parametrize(("line", "names"), BROKEN)
def test_broken_statements_keep_their_names(line: str, names: tuple[str, ...]) -> None:
    (statement,) = parse(model(line), "f")[0].definitions[0].body
    assert isinstance(statement, syntax.Broken)
    assert set(statement.names) == set(names)


def test_a_broken_header_keeps_name_and_possible_parameters() -> None:
    file, found = parse("nnspec 1\nmodel iris(hidden = , rate = 3) {\n  dense(hidden)\n}\n", "f")
    (definition,) = file.definitions
    assert places(found) == [("E101", 2, 21)]
    assert (definition.keyword, definition.name.name) == ("model", "iris")
    assert shown(definition.body) == "[Broken([hidden, rate]), Apply(dense(hidden))]"


def test_slashes_begin_no_comment_but_continue_the_line_before() -> None:
    assert places(parse(model("relu\n// a comment\ntanh"), "f")[1]) == [("E114", 4, 1)]


def test_what_follows_a_body_does_not_break_it() -> None:
    file, found = parse(model("repeat 2 { x = 1 } relu\ny = 2"), "f")
    assert places(found) == [("E115", 3, 20)]
    assert shown(file.definitions[0].body) == "[Repeat(None, 2, None, None, [Assign([x], 1)]), Assign([y], 2)]"


def test_planted_errors_are_all_found_and_nothing_else() -> None:
    body = "\n".join(f"x = 1\n{line}" for line, _, _ in LINES)
    found = places(parse(model(body + "\nx = 1"), "f")[1])
    assert found == [(code, 4 + 2 * number, column) for number, (_, code, column) in enumerate(LINES)]


def test_messages_never_name_tokens() -> None:
    for line, _, _ in LINES:
        for found in parse(model(line), "f")[1]:
            assert not any(token in found.message + found.help for token in ("LPAR", "RBRACE", "_NL", "EQUAL", "$END"))
