"""Schedules against PyTorch's schedulers, value by value over 50 epochs.

With one update per epoch, ours and PyTorch's change at the same places. With several, `step`, `exponential` and
`plateau` change between epochs on both sides; all others change at each update, as PyTorch's do where they are stepped
after each of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim import lr_scheduler as theirs

import nnspec
from nnspec.ir import codec
from nnspec.library import registries
from nnspec.recipe.base import Progress

pytestmark = pytest.mark.parity

EPOCHS = 50
TOLERANCE = 1e-12
Make = Callable[[Optimizer, int], Any]
"""A scheduler from an optimizer that has PyTorch's base rate, and the number of updates in an epoch."""

BY_EPOCH: dict[str, tuple[float, Make]] = {
    "step(0.1, every = 3)": (0.1, lambda o, n: theirs.StepLR(o, 3)),
    "step(0.3, every = 7, factor = 0.5)": (0.3, lambda o, n: theirs.StepLR(o, 7, 0.5)),
    "step(0.3, every = 0.3, factor = 0.7)": (0.3, lambda o, n: theirs.StepLR(o, 15, 0.7)),
    "exponential(0.1, 0.9)": (0.1, lambda o, n: theirs.ExponentialLR(o, 0.9)),
    "exponential(1e-3, factor = 1.05)": (1e-3, lambda o, n: theirs.ExponentialLR(o, 1.05)),
}


def warm(o: Optimizer, rise: int, total: int, floor: float) -> Any:
    up = theirs.LinearLR(o, 1 / (rise + 1), 1.0, rise)
    return theirs.SequentialLR(o, [up, theirs.CosineAnnealingLR(o, total - rise, floor)], [rise])


BY_UPDATE: dict[str, tuple[float, Make]] = {
    "linear(0.1)": (0.1, lambda o, n: theirs.LinearLR(o, 1.0, 0.0, EPOCHS * n)),
    "linear(0.1, end = 0.02, epochs = 20)": (0.1, lambda o, n: theirs.LinearLR(o, 1.0, 0.2, 20 * n)),
    "linear(0.01, end = 0.05, epochs = 0.5)": (0.05, lambda o, n: theirs.LinearLR(o, 0.2, 1.0, 25 * n)),
    "cosine(0.1)": (0.1, lambda o, n: theirs.CosineAnnealingLR(o, EPOCHS * n)),
    "cosine(0.2, floor = 0.01)": (0.2, lambda o, n: theirs.CosineAnnealingLR(o, EPOCHS * n, 0.01)),
    "cosine(0.2, floor = 0.01, epochs = 30)": (0.2, lambda o, n: theirs.CosineAnnealingLR(o, 30 * n, 0.01)),
    "warmup_cosine(peak = 0.1, warmup = 0.1)": (0.1, lambda o, n: warm(o, 5 * n, EPOCHS * n, 0.0)),
    "warmup_cosine(0.1, warmup = 8, floor = 0.003)": (0.1, lambda o, n: warm(o, 8 * n, EPOCHS * n, 0.003)),
    "one_cycle(peak = 0.1)": (0.1, lambda o, n: theirs.OneCycleLR(o, 0.1, EPOCHS * n, pct_start=0.3)),
    "one_cycle(0.2, warmup = 10, start = 10, end = 100)": (
        0.2,
        lambda o, n: theirs.OneCycleLR(o, 0.2, EPOCHS * n, pct_start=0.2, div_factor=10, final_div_factor=100),
    ),
}
ENDS = {"cosine(0.2, floor = 0.01, epochs = 30)": 30}
"""Epochs after which PyTorch's cosine rises again, and ours stays."""


def test_the_schedules_of_the_library_are_covered() -> None:
    assert {text.partition("(")[0] for text in (*BY_EPOCH, *BY_UPDATE)} | {"plateau"} == set(registries()["schedule"])


SPEC = """nnspec 1
model scheduled {{
  input x: float32[N, 2]
  output y = dense(1)
}}
train {{
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = {schedule})
  epochs = 50
}}
"""


def schedule_of(text: str) -> Any:
    """The schedule as a spec says it."""
    train = nnspec.loads(SPEC.format(schedule=text)).train
    assert train is not None
    return codec.decode(registries(), "optimizer", train.optimizer).lr


def rates(lr: float, make: Make, per_epoch: int, steps: int) -> list[float]:
    """What PyTorch's scheduler gives before each of its steps."""
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer, per_epoch)
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return found


@pytest.mark.parametrize("per_epoch", [1, 7])
@pytest.mark.parametrize("text", BY_EPOCH)
def test_rates_that_change_between_epochs(text: str, per_epoch: int) -> None:
    schedule, wanted = schedule_of(text), rates(*BY_EPOCH[text], 1, EPOCHS)
    for step in range(EPOCHS * per_epoch):
        found = schedule.value(Progress(step, per_epoch, EPOCHS * per_epoch))
        assert found == pytest.approx(wanted[step // per_epoch], rel=TOLERANCE)


@pytest.mark.parametrize("per_epoch", [1, 7])
@pytest.mark.parametrize("text", BY_UPDATE)
def test_rates_that_change_at_each_update(text: str, per_epoch: int) -> None:
    lr, make = BY_UPDATE[text]
    schedule, total = schedule_of(text), EPOCHS * per_epoch
    wanted = rates(lr, make, per_epoch, total)
    end = ENDS.get(text, EPOCHS) * per_epoch
    for step in range(total):
        found = schedule.value(Progress(step, per_epoch, total))
        assert found == pytest.approx(wanted[min(step, end)], rel=1e-9, abs=1e-12)


PLATEAUS: dict[str, dict[str, Any]] = {
    "plateau(0.1)": {},
    "plateau(0.1, factor = 0.5, patience = 2)": {"factor": 0.5, "patience": 2},
    "plateau(0.1, 0.5, 0, cooldown = 3)": {"factor": 0.5, "patience": 0, "cooldown": 3},
    "plateau(0.1, 0.3, 1, floor = 0.002)": {"factor": 0.3, "patience": 1, "min_lr": 0.002},
    "plateau(0.1, 0.1, 0)": {"factor": 0.1, "patience": 0},
    "plateau(0.1, 0.7, 1, threshold = 0.05)": {"factor": 0.7, "patience": 1, "threshold": 0.05},
    'plateau(0.1, 0.7, 1, threshold = 0.05, threshold_mode = "abs")': {
        "factor": 0.7, "patience": 1, "threshold": 0.05, "threshold_mode": "abs",
    },
    "plateau(0.1, 0.5, 1, eps = 1e-3)": {"factor": 0.5, "patience": 1, "eps": 1e-3},
}  # fmt: skip


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("text", PLATEAUS)
def test_plateaus_of_random_histories(text: str, mode: Any) -> None:
    """Falling, rising and wandering, of either sign, with numbers that are none."""
    random = np.random.default_rng(3)
    schedule = schedule_of(text)
    for trend in (-0.03, 0.0, 0.03):
        for offset in (2.0, 0.0, -2.0):
            history = offset + trend * np.arange(EPOCHS) + random.normal(0, 0.1, EPOCHS)
            history[random.integers(0, EPOCHS, 2)] = np.nan
            compare_plateau(schedule, mode, PLATEAUS[text], tuple(history.tolist()))


def compare_plateau(schedule: Any, mode: Any, options: dict[str, Any], history: tuple[float, ...]) -> None:
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], 0.1)
    scheduler = theirs.ReduceLROnPlateau(optimizer, mode, **({"min_lr": 0.0} | options))
    known = None
    for epoch in range(EPOCHS):
        found = schedule.value(Progress(epoch * 4, 4, EPOCHS * 4, known))
        assert found == optimizer.param_groups[0]["lr"]
        known = schedule.after(known, history[epoch], mode)
        scheduler.step(history[epoch])
