"""Schedules against the closed forms of PyTorch's, and stopping."""

from __future__ import annotations

from math import cos, nan, pi
from typing import Any

import pytest
from part_graphs import build

from nnspec.recipe.base import Best, Mode, Progress

PER_EPOCH, TOTAL = 10, 200


def value(call: str, step: int, history: tuple[float, ...] = (), mode: Any = "min") -> float:
    schedule: Any = build("schedule", call)
    return float(schedule.value(Progress(step, PER_EPOCH, TOTAL, after(schedule, history, mode))))


def after(watching: Any, history: tuple[float, ...], mode: Mode) -> Any:
    """What a schedule or a stop knows after these measurements."""
    known = None
    for measured in history:
        known = watching.after(known, measured, mode)
    return known


CLOSED = {
    "step(0.1, every = 3, factor = 0.5)": lambda s: 0.1 * 0.5 ** (s // 30),
    "exponential(0.1, 0.9)": lambda s: 0.1 * 0.9 ** (s // 10),
    "linear(0.1)": lambda s: 0.1 * (1 - s / 200),
    "linear(0.1, end = 0.02, epochs = 5)": lambda s: 0.1 - 0.08 * min(s / 50, 1),
    "cosine(0.1)": lambda s: 0.1 * (1 + cos(pi * s / 200)) / 2,
    "cosine(0.1, floor = 0.01, epochs = 5)": lambda s: 0.01 + 0.09 * (1 + cos(pi * min(s / 50, 1))) / 2,
    "warmup_cosine(peak = 0.1, warmup = 0.05)": lambda s: (
        0.1 * (s + 1) / 11 if s < 10 else 0.05 * (1 + cos(pi * (s - 10) / 190))
    ),
    "warmup_cosine(peak = 0.1, warmup = 2, floor = 0.01)": lambda s: (
        0.1 * (s + 1) / 21 if s < 20 else 0.01 + 0.045 * (1 + cos(pi * (s - 20) / 180))
    ),
    "warmup_cosine(0.1, 0)": lambda s: 0.05 * (1 + cos(pi * s / 200)),
    "one_cycle(peak = 0.1)": lambda s: (
        0.004 + 0.096 * (1 - cos(pi * s / 59)) / 2
        if s <= 59
        else 4e-7 + (0.1 - 4e-7) * (1 + cos(pi * (s - 59) / 140)) / 2
    ),
    "one_cycle(0.1, warmup = 6)": lambda s: 0.004 + 0.096 * (1 - cos(pi * s / 59)) / 2 if s <= 59 else None,
}


@pytest.mark.parametrize("call", CLOSED)
def test_closed_form(call: str) -> None:
    for step in range(TOTAL):
        wanted = CLOSED[call](step)
        assert wanted is None or value(call, step) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("call", CLOSED)
def test_schedules_take_short_runs_and_go_on_after_the_end(call: str) -> None:
    schedule: Any = build("schedule", call)
    for total in (1, 2, 3):
        assert all(0 <= schedule.value(Progress(step, 1, total)) <= 0.1 + 1e-12 for step in range(total + 3))


def test_plateau_is_reduce_lr_on_plateau() -> None:
    call = "plateau(0.1, factor = 0.5, patience = 1)"
    history = (1.0, 0.9, 0.9, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8)
    rates = [value(call, 0, history[:n]) for n in range(len(history) + 1)]
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.0125]


def test_plateau_cooldown_floor_and_mode() -> None:
    flat = (1.0,) * 6
    assert value("plateau(0.1, 0.5, 0, cooldown = 2)", 0, flat) == pytest.approx(0.025)
    assert value("plateau(0.1, 0.1, 0, floor = 0.02)", 0, flat) == 0.02
    rising = (0.1, 0.2, 0.3)
    assert value("plateau(0.1, 0.5, 0)", 0, rising, "max") == 0.1
    assert value('plateau(0.1, 0.5, 0, mode = "min")', 0, rising, "max") == 0.025
    assert value("plateau(0.1, 0.5, 0)", 0, (1.0, nan)) == 0.05


def test_plateau_watches_its_metric_and_others_none() -> None:
    assert build("schedule", 'plateau(0.1, monitor = "validation.mae")').watches == "validation.mae"  # type: ignore[attr-defined]
    assert build("schedule", "cosine(0.1)").watches is None  # type: ignore[attr-defined]


def test_a_schedule_is_a_learning_rate() -> None:
    optimizer: Any = build(
        "optimizer", "sgd(lr = step(0.001, every = 30, factor = 0.5), momentum = 0.9, nesterov = true)"
    )
    assert optimizer.lr.value(Progress(600, 10, 2000)) == pytest.approx(0.00025)
    assert build("optimizer", "adam").lr == 1e-3  # type: ignore[attr-defined]


def test_patience() -> None:
    stop: Any = build("stop", "patience(2)")
    assert stop.watches == "validation.loss"
    found = [stops(stop, (3.0, 2.0, 2.5, 2.0, 1.0)[:n], "min") for n in range(6)]
    assert found == [False, False, False, False, True, False]
    assert not stops(stop, (0.1, 0.2, 0.3), "max")
    assert stops(build("stop", 'patience(2, mode = "min")'), (0.1, 0.2, 0.3), "max")
    assert stops(build("stop", "patience(2, min_delta = 0.5)"), (3.0, 2.9, 2.6), "min")
    assert not stops(stop, (nan, 2.0, 1.0), "min")


def stops(stop: Any, history: tuple[float, ...], mode: Mode) -> bool:
    return bool(stop.stops(after(stop, history, mode)))


@pytest.mark.parametrize(
    ("history", "mode", "best", "since"),
    [
        ((3.0, 1.0, 1.0, 2.0), "min", 1.0, 2),
        ((3.0, 1.0, 4.0), "max", 4.0, 0),
        ((nan, nan, 5.0), "min", 5.0, 0),
        ((5.0, nan, nan), "max", 5.0, 2),
    ],
)
def test_the_best_measurement(history: tuple[float, ...], mode: Mode, best: float, since: int) -> None:
    found = Best()
    for measured in history:
        found = found.after(measured, mode)
    assert found == (best, since)
