"""What was measured, epoch by epoch, and what a watcher is told while it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nnspec.recipe.base import Mode, best_epoch

Record = dict[str, float | int]
"""`epoch` and `step` (how many are done), `lr`, `train.loss`, `train.<metric>`, `validation.loss`,
`validation.<metric>`."""


@dataclass
class History:
    """The records of all epochs, and the best of them by what is monitored."""

    monitor: str
    mode: Mode
    epochs: list[Record] = field(default_factory=list)

    @property
    def best(self) -> Record | None:
        """The record of the epoch whose weights are kept: the last one where nothing is monitored; None before the
        first epoch."""
        measured = self.series(self.monitor)
        return self.epochs[best_epoch(measured, self.mode) if measured else -1] if self.epochs else None

    def series(self, name: str) -> tuple[float, ...]:
        """One number of every record; empty where it was not measured."""
        return tuple(float(record[name]) for record in self.epochs if name in record)


class StepDone(NamedTuple):
    """After every update."""

    epoch: int
    step: int
    steps: int
    """Updates of the whole run."""
    loss: float


class EpochDone(NamedTuple):
    """After every epoch and its validation."""

    record: Record
    epochs: int
    """Epochs of the whole run."""
    is_best: bool


class TrainingDone(NamedTuple):
    """At the end."""

    reason: str
    """`finished` or `early_stop`."""
    history: History


Event = StepDone | EpochDone | TrainingDone
Watcher = Callable[[Event], Any]
