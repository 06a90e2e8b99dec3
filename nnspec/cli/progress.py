"""What a person sees while a model trains: one line, written again and again, on a terminal; a few lines elsewhere."""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TextIO

from nnspec.training.history import EpochDone, Event, Record, StepDone, TrainingDone

LINES = 20
"""Plain lines in a run, about."""
REFRESH = 0.1
"""Seconds between two updates of a line on a terminal."""


class Progress:
    """A watcher for `Trainer.fit`."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty()
        self._started = monotonic()
        self._first_step: int | None = None
        self._shown = 0.0

    def __call__(self, event: Event) -> None:
        if self._quiet:
            return
        match event:
            case StepDone():
                self._step(event)
            case EpochDone():
                self._epoch(event)
            case TrainingDone():
                self._done(event)

    def _step(self, event: StepDone) -> None:
        if self._first_step is None:
            self._first_step = event.step - 1
        now = monotonic()
        if self._live and now - self._shown >= REFRESH:
            self._shown = now
            done = event.step - self._first_step
            rate = done / max(now - self._started, 1e-9)
            left = (event.steps - event.step) / max(rate, 1e-9)
            place = f"step {event.step}/{event.steps}  loss {event.loss:.4f}"
            self._write(f"\r\x1b[K{place}  {rate:.0f} steps/s  {_time(left)} left")

    def _epoch(self, event: EpochDone) -> None:
        epoch = int(event.record["epoch"])
        every = ceil(event.epochs / LINES)
        if epoch == 1 or epoch % every == 0 or epoch == event.epochs:
            self._write(
                ("\r\x1b[K" if self._live else "")
                + f"epoch {epoch:>{len(str(event.epochs))}}/{event.epochs}  {_numbers(event.record)}\n"
            )

    def _done(self, event: TrainingDone) -> None:
        best = event.history.best
        clear = "\r\x1b[K" if self._live else ""
        why = "stopped early, " if event.reason == "early_stop" else ""
        took = _time(monotonic() - self._started)
        self._write(f"{clear}trained  {why}{took}\n")
        if best:
            self._write(f"best     epoch {best['epoch']}  {_numbers(best)}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _numbers(record: Record) -> str:
    """The measurements of an epoch, training first."""
    shown = [(name, value) for name, value in record.items() if "." in name]
    return "  ".join(f"{name} {value:.4f}" for name, value in shown)


def _time(seconds: float) -> str:
    whole = int(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    return (
        f"{whole} s"
        if whole < 60
        else f"{whole // 60}:{whole % 60:02}"
        if whole < 3600
        else f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    )
