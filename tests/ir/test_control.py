"""`let`, `if`, `repeat` and `for`: decided at compile time, and no scopes."""

from __future__ import annotations

import pytest

from .shorthand import codes, findings, kinds, model, paths, places, raw, result, shapes

RESULTS = {
    "let": (["let k = 3", "dense(k)"], 3),
    "let is bound again": (["let k = 3", "let k = k * 2", "dense(k)"], 6),
    "a name bound in a branch holds below": (["if true { let k = 5 }", "dense(k)"], 5),
    "a value bound in a branch holds below": (["if true { h = dense(5) } else { h = dense(6) }", "relu", "h"], 5),
    "a name bound in a loop holds below": (["repeat 3 as i { let k = i + 7 }", "dense(k)"], 9),
    "the variable of a loop holds below": (["repeat 3 as i { relu }", "dense(i)"], 2),
    "a variable is used again": (["for c in [5, 6] { dense(c) }", "for c in [7, 8] { dense(c) }"], 8),
    "else if": (["let k = 2", "if k == 1 { dense(1) } else if k == 2 { dense(2) } else { dense(3) }"], 2),
    "else": (["let k = 4", "if k == 1 { dense(1) } else if k == 2 { dense(2) } else { dense(3) }"], 3),
    "for over lists": (["for t, c in [[1, 16], [2, 24]] { repeat t { dense(c) } }"], 24),
    "for over strings": (['for p in ["a", "b"] { if p == "b" { dense(9) } }'], 9),
    "for over nothing": (["for c in [] { dense(c) }", "dense(3)"], 3),
    "a repeat with a variable": (["repeat 3 as i { dense(10 + i) }"], 12),
    "a named repeat binds its last value": (["h = repeat 2 { dense(5) }", "x -> dense(3)", "h"], 5),
    "an instance in a branch": (["if true { layer e = dense(5) }", "e"], 5),
}


@pytest.mark.parametrize("case", RESULTS)
def test_results(case: str) -> None:
    body, units = RESULTS[case]
    assert result(*body) == f"float32[N, {units}]"


def test_loops_are_written_out() -> None:
    assert kinds(model("repeat 3 { dense(4) -> relu }")) == ["dense", "relu"] * 3
    looped = model("repeat 2 as i { h = dense(4 + i) }", "for c in [6, 7] { dense(c) }", "if true { dense(2) }")
    written = model("h = dense(4)", "h = dense(5)", "dense(6)", "dense(7)", "dense(2)")
    assert shapes(looped) == shapes(written)


def test_an_instance_declared_in_a_loop_is_a_new_one_each_time() -> None:
    assert paths(model("repeat 2 { layer e = dense(4, bias = false)", "e }")) == ["e.weight", "e_2.weight"]


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ("let k = x", 11),
        ("let k = [1, x]", 11),
        ("let k = N", 11),
        ("let k = x -> relu", 16),
        ("let k = x + 1", 13),
        ("if x { relu }", 6),
        ("if x == 1 { relu }", 8),
        ("if N == 4 { relu }", 8),
        ("if true and N { relu }", 15),
        ("if not x { relu }", 6),
        ("if 1 { relu }", 6),
        ("repeat x { relu }", 10),
        ("repeat N { relu }", 10),
        ("repeat 1.5 { relu }", 10),
        ("repeat -1 { relu }", 10),
        ("repeat true { relu }", 10),
        ("for v in x { relu }", 12),
        ("for v in [x] { v -> relu }", 12),
        ("for v in 3 { relu }", 12),
        ("for v in [N] { relu }", 12),
        ("let k = len(x)", 15),
        ("let k = max(N, 1)", 15),
    ],
)
def test_a_value_or_a_symbolic_size_decides_nothing(statement: str, column: int) -> None:
    assert places(model(statement, "x -> dense(3)")) == [("E212", 4, column)]


def test_the_count_and_the_list_are_expressions() -> None:
    assert (
        kinds(model("let n = 2", "repeat n + 1 { relu }", "for c in [1] + [2] { dense(c) }"))
        == ["relu"] * 3 + ["dense"] * 2
    )


def test_entries_of_a_list_fit_the_variables() -> None:
    assert places(model("for a, b in [[1, 2], [3]] { dense(a) }", "dense(3)")) == [("E213", 4, 24)]
    assert codes(model("for a, b in [1, 2] { dense(a) }", "dense(3)")) == ["E213"]


@pytest.mark.parametrize(
    "statements",
    [
        ["h = dense(3)", "let h = 4"],
        ["let x = 4"],
        ["let p = 4"],
        ["for x in [1] { relu }"],
        ["for p in [1] { relu }"],
        ["let k = 3", "for k in [1] { relu }"],
        ["repeat 2 as i { for i in [1] { relu } }"],
        ["repeat 2 as i { let i = 3", "relu }"],
        ["let k = 3", "k = dense(4)"],
        ["p = dense(4)"],
        ["N = dense(4)"],
        ["repeat 2 as i { i = dense(4) }"],
    ],
)
def test_a_name_keeps_its_kind(statements: list[str]) -> None:
    assert codes(model(*statements, "dense(3)", params="(p = 1)")) == ["E210"]


def test_names_of_a_branch_not_taken_are_not_bound() -> None:
    assert places(model("if false { let k = 3 }", "dense(k)")) == [("E204", 5, 9)]


def test_recursion_is_an_error() -> None:
    block = "block a {\n  input x\n  b\n}\nblock b {\n  input x\n  a\n}\n"
    assert places(model("a", blocks=block)) == [("E224", 12, 3)]


def test_a_branch_that_cannot_be_decided_is_looked_at_for_names() -> None:
    block = "block f(n) {\n  input x: [N, C]\n  if C == n { densse(3) } else { dense(4, biass = 1) }\n}\n"
    assert places(model("dense(3)", blocks=block)) == [("E201", 8, 15), ("E202", 8, 43)]


def test_what_a_failed_loop_would_bind_is_not_missed() -> None:
    text = model("repeat x { let k = 3", "h = dense(k)", "layer e = dense(3) }", "h -> e -> dense(k)")
    assert codes(text) == ["E212"]


def test_a_finding_in_a_loop_is_reported_once() -> None:
    (found,) = findings(model("repeat 100 as i {", "  dense(3 - i)", "}"))
    assert (found.code, found.label) == ("E205", "reached from a.nn:4:3")
    (found,) = findings(model("repeat 100 as i { dense(3 - i) }"))
    assert (found.code, found.label) == ("E205", "")  # the loop stands on the line that is shown


def test_inputs_may_use_names_bound_above() -> None:
    assert codes(raw("let d = 4", "input x: float32[N, d]", "dense(3)")) == []
    assert codes(raw("input x: float32[N, d]", "let d = 4", "x -> dense(3)"))[0] == "E210"
    assert places(raw("input x: float32[N, 4]", "h = dense(3)", "input y: float32[N, 4]", "h + h")) == [("E220", 5, 9)]


def test_a_shape_that_does_not_fit_in_a_block_says_from_where_the_block_was_reached() -> None:
    text = """nnspec 1
use std.unet: unet
model m {
  input x: float32[N, 3, 100, 100]
  unet(8)
}
"""
    (found,) = findings(text)
    assert found.code == "E208" and found.span and found.span.file == "std.unet"
    assert "; reached from std.unet:" in found.label and found.label.endswith(", and that from a.nn:5:3")
    (free,) = findings(text.replace("100, 100", "H, W"))
    assert free.help == "a half was rounded down; an input of 16 * H halves exactly"
    assert findings(text.replace("100, 100", "16 * H, 16 * W")) == []


def test_a_warning_of_a_block_of_the_library_stands_where_it_is_used() -> None:
    text = "nnspec 1\nuse std.resnet: resnet\nmodel m {\n  input x: float32[N, 64, 64, 3]\n  resnet\n}\n"
    (found,) = findings(text)
    assert found.code == "W321" and str(found.span) == "a.nn:5:3"
