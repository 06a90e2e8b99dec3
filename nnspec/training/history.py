"""What was measured, epoch by epoch, and what a watcher is told while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import nan
from typing import Any, Final, NamedTuple

from nnspec.recipe.base import Best, EarlyStop, Mode, Schedule

Record = dict[str, float | int]
"""`epoch` and `step` (how many are done), `rows` (of this epoch), `lr`, `gradient_norm` and `gradient_norm_max` (mean
and greatest norm of the gradients of a batch), `train.loss`, `train.<metric>`, `validation.loss`,
`validation.<metric>`, and what callbacks log."""

Log = Callable[[str, float], None]


class Fold:
    """What follows from all records, one after another; those that were looked at are not looked at again."""

    def __init__(self, step: Callable[[Any, Record], Any]) -> None:
        """`step` gives what is known after one more record, from what was known before, at first None."""
        self._step = step
        self._known: Any = None
        self._count = 0
        self._last: Record | None = None

    def over(self, records: list[Record]) -> Any:
        """What is known after `records`, which are those of the last time and some more; else all count anew."""
        if self._count > len(records) or (self._count and records[self._count - 1] is not self._last):
            self._known, self._count = None, 0
        for record in records[self._count :]:
            self._known = self._step(self._known, record)
        self._count, self._last = len(records), records[-1] if records else None
        return self._known


def followed(component: Schedule | EarlyStop, mode: Mode) -> Fold:
    """What a schedule or an early stop knows of what it watches; `mode` is that of the metric."""

    def step(known: Any, record: Record) -> Any:
        name = component.watches
        return component.after(known, float(record[name]), mode) if name in record else known

    return Fold(step)


@dataclass(repr=False)
class History:
    """The records of all epochs, and the best of them by what is monitored."""

    monitor: str
    mode: Mode
    epochs: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._best = Fold(self._better)

    @property
    def best(self) -> Record | None:
        """The record of the epoch whose weights are kept: the last one where nothing is monitored; None before the
        first epoch."""
        found: tuple[Best, Record] | None = self._best.over(self.epochs)
        return found[1] if found else self.epochs[-1] if self.epochs else None

    def _better(self, known: tuple[Best, Record] | None, record: Record) -> tuple[Best, Record] | None:
        """The best measurement, and its record."""
        if self.monitor not in record:
            return known
        before, kept = known or (Best(), record)
        best = before.after(record[self.monitor], self.mode)
        return best, kept if best.since else record

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
