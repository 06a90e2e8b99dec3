"""What was measured, epoch by epoch, and what a watcher is told while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import nan
from typing import Any, Final, NamedTuple

from nnspec.recipe.base import Mode, best_epoch

Record = dict[str, float | int]
"""`epoch` and `step` (how many are done), `rows` (of this epoch), `lr`, `gradient_norm` and `gradient_norm_max` (mean
and greatest norm of the gradients of a batch), `train.loss`, `train.<metric>`, `validation.loss`,
`validation.<metric>`, and what callbacks log."""

Log = Callable[[str, float], None]


@dataclass(repr=False)
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

    @property
    def history(self) -> dict[str, list[float | int]]:
        """The numbers by name, as Keras has them, a list of one per epoch: columns of a table. NaN where an epoch has
        none."""
        names = dict.fromkeys(name for record in self.epochs for name in record)
        return {name: [record.get(name, float("nan")) for record in self.epochs] for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and numbers: `monitor`, `mode`, `epochs` and `best`."""
        best = self.best
        return {
            "monitor": self.monitor,
            "mode": self.mode,
            "epochs": [dict(record) for record in self.epochs],
            "best": dict(best) if best else None,
        }

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.epochs)

    def __repr__(self) -> str:
        """`History(60 epochs, best 41: train.loss 0.0512, validation.loss 0.0401)`."""
        best = self.best
        if best is None:
            return "History(0 epochs)"
        count = "1 epoch" if len(self) == 1 else f"{len(self)} epochs"
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in best.items() if "." in name)
        return f"History({count}, best {best['epoch']}: {numbers})"


class Stop:
    """The type of `STOP`."""

    def __repr__(self) -> str:
        return "nnspec.STOP"


STOP: Final = Stop()
"""What a watcher or callback returns to end the run after this step or epoch, as if it were the last one."""


def unlogged(name: str, value: float) -> None:
    """The `log` of an event that no callback is told of."""


class StepDone(NamedTuple):
    """After every update."""

    epoch: int
    step: int
    steps: int
    """Updates of the whole run."""
    loss: float
    log: Log = unlogged
    """For callbacks: `log(name, value)` adds a number to the record of the epoch, the mean over its steps."""
    lr: float = nan
    """The learning rate of the update."""
    rows: int = 0
    """Rows of the epoch that were learned from."""
    gradient_norm: float = nan
    """The L2 norm of the gradients of the last batch."""


class EpochDone(NamedTuple):
    """After every epoch and its validation."""

    record: Record
    epochs: int
    """Epochs of the whole run."""
    is_best: bool
    log: Log = unlogged
    """For callbacks: `log(name, value)` adds a number to the record."""


class TrainingDone(NamedTuple):
    """At the end."""

    reason: str
    """`finished`, `early_stop`, or `stopped` by a callback."""
    history: History


Event = StepDone | EpochDone | TrainingDone
Watcher = Callable[[Event], Any]
