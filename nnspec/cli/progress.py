"""What a person sees while a model trains: a live table or a line on a terminal, a few lines elsewhere."""

from __future__ import annotations

import os
from importlib.util import find_spec
from math import ceil
from shutil import get_terminal_size
from time import monotonic
from types import TracebackType
from typing import TextIO

from nnspec.cli.pace import Pace, clock, measured, status
from nnspec.training.history import EpochDone, Event, Record, StepDone, TrainingDone

LINES = 20
"""Plain lines in a run, about."""
REFRESH = 0.1
"""Seconds between two updates of a line on a terminal."""
REASONS = {"early_stop": "stopped early, ", "stopped": "stopped by a callback, "}


class Progress:
    """A watcher for `Trainer.fit` that prints nothing; the base of those that do. Leaving it mends the terminal."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to mend."""

    def __call__(self, event: Event) -> None:
        """Take in what happened."""


class Lines(Progress):
    """Lines of text; on a terminal the last one is rewritten while an epoch goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = is_screen(stream)
        self._started = monotonic()
        self._pace = Pace()
        self._shown = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and kind is not None:
            self._write("\n")  # what follows begins a line of its own

    def __call__(self, event: Event) -> None:
        match event:
            case StepDone():
                self._step(event)
            case EpochDone():
                self._epoch(event)
            case TrainingDone():
                self._done(event)

    def _step(self, event: StepDone) -> None:
        self._pace.step(event)
        now = monotonic()
        if self._live and now - self._shown >= REFRESH:
            self._shown = now
            self._write(self._fresh + status(event, self._pace)[: get_terminal_size().columns - 1])

    def _epoch(self, event: EpochDone) -> None:
        self._pace.epoch(event.record)
        epoch = int(event.record["epoch"])
        every = ceil(event.epochs / LINES)
        if epoch == 1 or epoch % every == 0 or epoch == event.epochs:
            width = len(str(event.epochs))
            self._write(f"{self._fresh}epoch {epoch:>{width}}/{event.epochs}  {measurements(event.record)}\n")

    def _done(self, event: TrainingDone) -> None:
        self._write(self._fresh + summary(event, monotonic() - self._started))

    @property
    def _fresh(self) -> str:
        """What empties the line on a terminal."""
        return "\r\x1b[K" if self._live else ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def progress_for(stream: TextIO, *, quiet: bool = False) -> Progress:
    """What suits the stream: nothing if `quiet`, a table where a terminal watches and rich is installed, else lines."""
    if quiet:
        return Progress()
    if is_screen(stream) and find_spec("rich"):
        from nnspec.cli.live import Live

        return Live(stream)
    return Lines(stream)


def is_screen(stream: TextIO) -> bool:
    """Whether what was written can be written over."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


def summary(event: TrainingDone, seconds: float) -> str:
    """How a run ended, and its best epoch."""
    best = event.history.best
    text = f"trained  {REASONS.get(event.reason, '')}{clock(seconds)}\n"
    return text + (f"best     epoch {best['epoch']}  {measurements(best)}\n" if best else "")


def measurements(record: Record) -> str:
    """The measurements of an epoch, training first."""
    return "  ".join(f"{name} {measured(value)}" for name, value in record.items() if "." in name)
