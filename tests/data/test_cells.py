"""Parsing columns of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnspec.data.cells import parse
from nnspec.diagnostics.errors import Fault


def place(row: int | None) -> str:
    return f"row {row}"


def test_columns_of_each_kind() -> None:
    assert parse(["1", " 2.5 ", "-1e3", ".5", "3."], "float32", place).tolist() == [1, 2.5, -1000, 0.5, 3]
    assert parse(["1", "-2", "+3"], "int32", place).dtype == np.int64
    assert parse(["true", "False", "1", "0"], "bool", place).tolist() == [True, False, True, False]
    assert parse(["a", ""], "string", place).tolist() == ["a", ""]


@pytest.mark.parametrize(
    ("cells", "dtype", "message", "help"),
    [
        (["1", "x"], "float32", "E603: row 1 holds 'x', a number is needed", ""),
        (["1", "x" * 99], "float32", f"E603: row 1 holds '{'x' * 35}...', a number is needed", ""),
        (
            ["1", ""],
            "float32",
            "E603: row 1 is empty, a number is needed",
            "fill in the missing values, or drop those rows",
        ),
        (
            ["NA", "1"],
            "float32",
            "E603: row 0 holds 'NA', a number is needed",
            "fill in the missing values, or drop those rows",
        ),
        (["3,5"], "float32", "E603: row 0 holds '3,5', a number is needed", "write decimals with a point"),
        (["1_000"], "float32", "E603: row 0 holds '1_000', a number is needed", ""),
        (["٣"], "float32", "E603: row 0 holds '٣', a number is needed", ""),
        (["nan", "x"], "float32", "E603: row 1 holds 'x', a number is needed", ""),
        (
            ["1", "nan"],
            "float32",
            "E605: row 1 is nan, a finite number is needed",
            "fill in the missing values, or drop those rows",
        ),
        (
            ["-inf"],
            "float32",
            "E605: row 0 is -inf, a finite number is needed",
            "fill in the missing values, or drop those rows",
        ),
        (["1e999"], "float64", "E605: row 0 holds '1e999', which is too large for any float", ""),
        (
            ["1", "2.0"],
            "int64",
            "E603: row 1 holds '2.0', a whole number is needed",
            "a whole number has no point or exponent",
        ),
        (
            ["1", ""],
            "uint8",
            "E603: row 1 is empty, a whole number is needed",
            "fill in the missing values, or drop those rows",
        ),
        (["9" * 19], "int64", f"E603: row 0 holds '{'9' * 19}', which is outside int64", ""),
        (["1", "9" * 5000], "int64", f"E603: row 1 holds '{'9' * 35}...', which is outside int64", ""),
        (["1", "yes"], "bool", "E603: row 1 holds 'yes', true, false, 1 or 0 is needed", ""),
    ],
)
def test_cells_that_do_not_fit(cells: Sequence[str], dtype: str, message: str, help: str) -> None:
    with pytest.raises(Fault) as caught:
        parse(cells, dtype, place)  # type: ignore[arg-type]
    assert (f"{caught.value.code}: {caught.value.message}", caught.value.help) == (message, help)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_come_back_exactly(values: list[float]) -> None:
    assert parse([repr(value) for value in values], "float64", place).tolist() == values


@given(st.lists(st.text(max_size=6), min_size=1), st.sampled_from(["float32", "int64", "bool"]))
def test_any_text_is_parsed_or_refused(cells: list[str], dtype: str) -> None:
    try:
        assert len(parse(cells, dtype, place)) == len(cells)  # type: ignore[arg-type]
    except Fault as fault:
        assert fault.code in ("E603", "E605")
