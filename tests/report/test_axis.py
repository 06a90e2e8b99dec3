"""Axes, ticks and labels, for whatever a run may measure."""

from __future__ import annotations

from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnspec.report.axis import Axis, axis_of, epochs_axis, linear_ticks, tick_label, whole_ticks

ANY = st.floats(allow_nan=True, allow_infinity=True)
SERIES = st.lists(ANY, max_size=20)


def check(axis: Axis) -> None:
    assert isfinite(axis.low) and isfinite(axis.high)
    assert axis.low < axis.high
    ticks, labels = axis.ticks, axis.labels
    assert ticks == sorted(set(ticks))
    room = 1e-6 * (axis.high - axis.low)
    assert all(axis.low - room <= tick <= axis.high + room for tick in ticks)
    assert len(ticks) <= 12
    assert len(set(labels)) == len(labels) == len(ticks)
    assert all(0 <= axis.share(tick) <= 1 for tick in ticks)


@given(SERIES, st.booleans())
def test_any_series_has_an_axis(values: list[float], log: bool) -> None:
    axis = axis_of(values, log=log)
    check(axis)
    assert all(0 <= axis.share(value) <= 1 for value in values if isfinite(value))


@given(st.floats(min_value=-1e12, max_value=1e12), st.floats(min_value=1e-12, max_value=1e12))
def test_ticks_are_evenly_spaced_round_numbers(low: float, span: float) -> None:
    if low + span - low < 1e-9 * abs(low):
        return
    ticks = linear_ticks(low, low + span)
    assert 2 <= len(ticks) <= 8
    gaps = [b - a for a, b in pairwise(ticks)]
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-3)


@pytest.mark.parametrize(
    "values",
    [[], [nan], [inf, -inf, nan], [0.0], [3.0], [-2.5, -2.5], [1e16, 1e16 + 2], [1e-320, 2e-320], [-1e308, 1e308],
     [0.0, 5e-324], [1e300, 1e308], [1e-300, 1.0], [-1e-5, 0.0], [99.99, 100.0]],
)  # fmt: skip
def test_odd_series(values: list[float]) -> None:
    for log in (False, True):
        check(axis_of(values, log=log))


def test_a_log_axis_is_for_positive_numbers_far_apart() -> None:
    assert axis_of([1e-4, 1.0], log=True).log
    assert not axis_of([0.0, 1.0], log=True).log
    assert not axis_of([0.5, 1.0], log=True).log
    assert not axis_of([1e-4, 1.0]).log
    assert axis_of([1e-4, 1.0], log=True).labels == ["0.0001", "0.001", "0.01", "0.1", "1"]


def test_small_losses_are_drawn_from_zero() -> None:
    assert axis_of([0.1, 0.9]).low == 0
    assert axis_of([0.8, 0.9]).low > 0.7


@pytest.mark.parametrize(
    ("value", "step", "label"),
    [(0.30000000000000004, 0.1, "0.3"), (-0.5, 0.25, "−0.5"), (1200, 200, "1,200"), (2e-7, 1e-7, "2e−7"),
     (1.5e9, 5e8, "1.5e9"), (0.0, 1e-9, "0"), (1e-16, 0.1, "0")],
)  # fmt: skip
def test_labels(value: float, step: float, label: str) -> None:
    assert tick_label(value, step) == label


@given(st.integers(1, 10**7), st.integers(0, 10**7))
def test_epochs_are_whole(first: int, more: int) -> None:
    axis = epochs_axis(first, first + more)
    ticks = whole_ticks(axis.low, axis.high)
    assert all(tick == int(tick) and axis.low <= tick <= axis.high for tick in ticks)
    assert ticks
