"""Callbacks: code of the user's that a run calls, which may log numbers and end the run."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from nnspec.runtime.files import write_text
from nnspec.training.history import STOP, EpochDone, Event, Record, StepDone, Stop, TrainingDone

if TYPE_CHECKING:
    from nnspec.training.trainer import Trainer

UNPRINTED = frozenset({"epoch", "step", "rows", "lr", "gradient_norm", "gradient_norm_max"})
"""Numbers of a record that `PrintProgress` leaves out."""


class StopTraining(Exception):
    """Raised by a callback: the run ends after this step or epoch, as if it were the last one."""


class Callback:
    """What a callback can do; a base for one's own, though any object with some of these methods will do.

    `return nnspec.STOP` from `on_step` or `on_epoch` ends the run.
    """

    def on_start(self, trainer: Trainer) -> Any:
        """Before the first step, also of a run that goes on."""

    def on_step(self, step: StepDone) -> Any:
        """After every update. `step.log(name, value)` adds the mean over the epoch's steps to its record."""

    def on_epoch(self, epoch: EpochDone) -> Any:
        """After every epoch and its validation, before anything is saved; the parameters are those that were
        validated. `epoch.log(name, value)` adds to `epoch.record`."""

    def on_end(self, end: TrainingDone) -> Any:
        """After the last epoch."""


class Callbacks:
    """All callbacks of a run as one watcher."""

    def __init__(self, callbacks: Sequence[Any]) -> None:
        """A function is told of every epoch. Raises TypeError for what cannot be called back."""
        self._start = _methods(callbacks, "on_start")
        self._step = _methods(callbacks, "on_step")
        self._epoch = _methods(callbacks, "on_epoch")
        self._end = _methods(callbacks, "on_end")
        self._sums: dict[str, tuple[float, int]] = {}
        for callback in callbacks:
            _require_methods(callback)

    def start(self, trainer: Trainer) -> None:
        for method in self._start:
            method(trainer)

    def __call__(self, event: Event) -> Stop | None:
        match event:
            case StepDone():
                return _told(self._step, event._replace(log=self._log_step)) if self._step else None
            case EpochDone():
                log = partial(_log, event.record, frozenset(event.record))
                for name, (total, count) in self._sums.items():
                    log(name, total / count)
                self._sums.clear()
                return _told(self._epoch, event._replace(log=log))
            case TrainingDone():
                return _told(self._end, event)

    def _log_step(self, name: str, value: float) -> None:
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + float(value), count + 1)


class PrintProgress(Callback):
    """Prints a line for every epoch, or every so many."""

    def __init__(self, every: int = 1, stream: TextIO | None = None) -> None:
        """`stream` is standard output unless given."""
        self._every, self._stream = every, stream

    def on_epoch(self, epoch: EpochDone) -> None:
        number = int(epoch.record["epoch"])
        if number % self._every == 0 or number in (1, epoch.epochs):
            shown = "  ".join(f"{name} {value:.4g}" for name, value in epoch.record.items() if name not in UNPRINTED)
            print(f"epoch {number}/{epoch.epochs}  {shown}", file=self._stream or sys.stdout, flush=True)


class CSVLogger(Callback):
    """Keeps a CSV file with a row for every epoch and a column for every number, those of earlier callbacks in the list
    too. A run that goes on keeps its rows."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._records: list[Record] = []

    def on_start(self, trainer: Trainer) -> None:
        self._records = list(trainer.history.epochs)

    def on_epoch(self, epoch: EpochDone) -> None:
        self._records.append(epoch.record)
        text = StringIO(newline="")
        names = dict.fromkeys(name for record in self._records for name in record)
        writer = csv.DictWriter(text, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._records)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._path, text.getvalue())


class StopWhen(Callback):
    """Ends the run once a number of the record is good enough: `StopWhen("validation.accuracy", above=0.98)`."""

    def __init__(self, name: str, *, above: float = float("inf"), below: float = float("-inf")) -> None:
        self._name, self._above, self._below = name, above, below

    def on_epoch(self, epoch: EpochDone) -> Stop | None:
        if self._name not in epoch.record:
            raise ValueError(f"{self._name} is not measured; the record has {', '.join(epoch.record)}")
        value = epoch.record[self._name]
        return STOP if value > self._above or value < self._below else None


class TimeLimit(Callback):
    """Ends the run, in the middle of an epoch if need be, after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = float("inf")

    def on_start(self, trainer: Trainer) -> None:
        self._end = monotonic() + self._seconds

    def on_step(self, step: StepDone) -> Stop | None:
        return STOP if monotonic() >= self._end else None


def _methods(callbacks: Iterable[Any], name: str) -> list[Callable[[Any], Any]]:
    """The methods of that name which do something."""
    found = []
    for callback in callbacks:
        method = getattr(callback, name, None)
        if method is None and name == "on_epoch" and _is_function(callback):
            method = callback
        if method is not None and getattr(type(callback), name, None) is not getattr(Callback, name):
            found.append(method)
    return found


def _is_function(callback: Any) -> bool:
    return callable(callback) and not isinstance(callback, type)


def _require_methods(callback: Any) -> None:
    names = ("on_start", "on_step", "on_epoch", "on_end")
    if isinstance(callback, type) or not (callable(callback) or any(hasattr(callback, name) for name in names)):
        shown = f"the class {callback.__name__}" if isinstance(callback, type) else repr(callback)
        raise TypeError(f"a callback is a function or an object with {', '.join(names)}; got {shown}")


def _told(methods: Iterable[Callable[[Any], Any]], event: Event) -> Stop | None:
    """Tell all of them, and say whether one wants to stop."""
    asked = None
    for method in methods:
        try:
            if method(event) is STOP:
                asked = STOP
        except StopTraining:
            asked = STOP
    return asked


def _log(record: Record, measured: Collection[str], name: str, value: float) -> None:
    """Add a number to a record. Raises ValueError for the name of a measured one."""
    if name in measured:
        raise ValueError(f"{name!r} is measured by the trainer; log under another name")
    record[name] = float(value)
