"""Every error at its place, one for each mistake, and none that follows from another."""

from __future__ import annotations

import pytest

from nnspec.api import check_project
from nnspec.ir.project import read

from .bad_specs import BAD_SPECS
from .shorthand import codes, findings, model, places

FIVE = """nnspec 1

model five(hidden = 16) {
  input x: float32[N, 4]

  a = x -> dense(hidden, bias = maybe
  b = x -> densse(hidden) -> relu
  c = x -> dense(8, biass = false)
  d = (x -> dense(3)) + (x -> dense(5))
  output y = (x -> dense(2)) * scale
}
"""


@pytest.mark.parametrize("name", BAD_SPECS)
def test_bad_specs(name: str) -> None:
    text, wanted = BAD_SPECS[name]
    assert places(text) == sorted(wanted, key=lambda place: place[1:])


def test_five_planted_errors_are_reported_in_one_run() -> None:
    """Syntax, unknown layer, wrong option, shapes, undefined name."""
    assert places(FIVE) == [("E102", 6, 17), ("E201", 7, 12), ("E202", 8, 21), ("E208", 9, 23), ("E204", 10, 32)]


def test_five_errors_in_any_order_of_lines() -> None:
    lines = FIVE.splitlines()
    for shift in range(5):
        body = lines[5:10][shift:] + lines[5:10][:shift]
        text = "\n".join([*lines[:5], *body, "}", ""])
        assert sorted(codes(text)) == ["E102", "E201", "E202", "E204", "E208"]


def test_a_shape_error_names_both_shapes_and_where_they_come_from() -> None:
    (found,) = findings(model("h = dense(3)", "y = x + h"))
    assert "[N, 4]" in found.message and "[N, 3]" in found.message
    assert found.label == "these inputs come from `x`, line 3 and `dense`, line 4"


def test_names_of_a_statement_that_did_not_parse_are_not_missed() -> None:
    text = model(
        "h = dense(3", "layer e = dense(", "let k = ", "h -> e -> dense(k)", "for c in [ { dense(c) }", "dense(c)", "q"
    )
    found = codes(text)
    assert all(code.startswith("E1") for code in found[:-1])
    assert found[-1] == "E201"


def test_findings_are_sorted_and_end_at_a_hundred() -> None:
    found = findings(model(*["x -> densse(3)"] * 500))
    assert [one.code for one in found] == ["E201"] * 100 + ["E126"]
    assert found == sorted(found, key=lambda one: one.span or ())


def test_checking_twice_says_the_same() -> None:
    project = read("a.nn", FIVE.encode())
    assert check_project(project) == check_project(project)


def test_other_names_are_answered_with_ours() -> None:
    for written, ours in {
        "Linear(3)": "dense",
        "nn.Linear(3)": "dense",
        "Dense(3)": "dense",
        "nn.ReLU()": "relu",
        "LeakyReLU(0.1)": "leaky_relu",
        "torch.cat(axis = 1)": "concat",
        "Dropout(0.5)": "dropout",
        "desne(3)": "dense",
    }.items():
        (found,) = findings(model(f"x -> {written}"))
        assert (found.code, found.help) == ("E201", f"did you mean {ours}?")
