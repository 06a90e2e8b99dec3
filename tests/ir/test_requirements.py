"""The require section: budgets with units, and signatures."""

from __future__ import annotations

import pytest

from .shorthand import findings, places, raw

BODY = (
    "input x: float32[N, 4]",
    "layer e = dense(4, bias = false)",
    "x -> e -> e -> standardize",
    "h = dense(10)",
    "output y = dense(3)",
)


def require(*lines: str, body: tuple[str, ...] = BODY) -> str:
    """The lines of the section begin with line 10."""
    return raw(*body, tail="require {\n" + "".join(f"  {line}\n" for line in lines) + "}\n")


# 16 shared + 4 + 4 statistics + 50 + 33; macs 16 + 16 + 40 + 30
HOLDS = [
    "params == 99", "params <= 0.1 k", "params < 1 M", "params != 98", "params >= 99", "macs == 102", "macs <= 1 G",
    "size == 428", "size <= 1 kB", "size <= 1 MB", "size < 1 GB", "activation_memory <= 1 kB", "params <= 9 * 11",
    "output y: float32[N, 3]", "input x: float32[N, 4]", "h: float32[N, 10]",
]  # fmt: skip
FAILS = {
    "params <= 98": ("E501", 3),
    "macs < 102": ("E501", 3),
    "size <= 0.4 kB": ("E501", 3),
    "size <= 1 M": ("E410", 3),
    "params <= 1 kB": ("E410", 3),
    'params <= "a"': ("E410", 3),
    "params <= x": ("E212", 13),
    "params <= n": ("E204", 13),
    "parameters <= 3": ("E401", 3),
    "output y: float32[N, 4]": ("E501", 3),
    "output y: float32[M, 3]": ("E501", 3),
    "output y: float16[N, 3]": ("E501", 3),
    "output h: float32[N, 10]": ("E204", 3),
    "input y: float32[N, 10]": ("E204", 3),
    "q: float32[N, 10]": ("E204", 3),
    "output y: float33[N, 3]": ("E215", 13),
}


@pytest.mark.parametrize("line", HOLDS)
def test_requirements_that_hold(line: str) -> None:
    assert places(require(line)) == []


@pytest.mark.parametrize("line", FAILS)
def test_requirements_that_do_not_hold(line: str) -> None:
    code, column = FAILS[line]
    assert places(require("params == 99", line)) == [(code, 11, column)]


def test_the_actual_number_and_what_weighs_most() -> None:
    (found,) = findings(require("params <= 98"))
    assert found.message == "params is 99, and params <= 98 is required"
    assert found.help == "most is in h.weight 40, y.weight 30, e.weight 16"


def test_only_the_rows_may_be_free() -> None:
    body = ("input x: float32[N, T, 4]", "output y = dense(3)")
    assert places(require("params <= 100", body=body)) == []
    assert places(require("macs <= 100", body=body)) == [("E410", 7, 3)]


def test_requirements_wait_until_the_model_is_sound() -> None:
    assert [place[0] for place in places(require("params <= 3", body=(*BODY[:4], "output y = densse(3)")))] == ["E201"]
