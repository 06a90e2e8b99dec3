"""When a run is saved: after epochs, every so often within them, and when it ends."""

from __future__ import annotations

import re
from math import isfinite
from time import monotonic
from typing import NamedTuple

import numpy as np

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.buffers import squares
from nnspec.training.history import Record
from nnspec.training.memory import Memory
from nnspec.training.run_folder import RunFolder
from nnspec.training.state import TrainingState

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
PAUSE = 1.0
"""Seconds after a checkpoint in which an epoch ends without one: epochs of milliseconds would else take several times
as long, for the sake of less than a second's work."""


class Cadence(NamedTuple):
    """How often there is a checkpoint within an epoch."""

    steps: int | None = None
    seconds: float | None = 30.0

    @classmethod
    def parse(cls, text: str | int) -> Cadence:
        """`100` steps, or `30s`, `5m`, `1h`. Raises ValueError."""
        if found := re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", str(text)):
            return cls(None, float(found[1]) * UNITS[found[2]])
        if re.fullmatch(r"\d+", str(text)) and int(text) > 0:
            return cls(int(text), None)
        raise ValueError(f"{text!r} is neither a number of steps, such as 100, nor a time, such as 30s, 5m or 1h")


class Keeper:
    """Keeps a run directory up to date with a state."""

    def __init__(self, folder: RunFolder, state: TrainingState, memory: Memory, cadence: Cadence) -> None:
        self._folder, self._state, self._memory, self._cadence = folder, state, memory, cadence
        self._new_best = memory.best is not None or not memory.history.epochs
        self._saved: tuple[int, ...] = ()
        self._time, self._step = monotonic(), state.counters.step

    def begin(self) -> None:
        """Save where the run starts or goes on, so that from here on there is always something to go on from."""
        self.save()
        self._folder.journal.begin(self._memory.history.epochs, self._state.counters.step)

    def batch_done(self) -> None:
        """Save if it is time to."""
        steps, seconds = self._cadence
        if steps is not None:
            if self._state.counters.step - self._step >= steps:
                self.save()
        elif seconds is not None and monotonic() - self._time >= seconds:
            self.save()

    def epoch_done(self, record: Record, is_best: bool) -> None:
        """Note the record, and save unless that was done a moment ago."""
        self._new_best |= is_best
        self._folder.journal.add(record)
        if monotonic() - self._time >= PAUSE:
            self.save()

    def save(self) -> None:
        """Save what has not been saved yet. Raises E707, and E704 where the parameters are no longer finite: the
        checkpoints before stay."""
        state, memory = self._state, self._memory
        counters = state.counters
        now = (counters.epoch, counters.batch, counters.step, counters.draws, len(memory.history.epochs))
        if now != self._saved:
            require_finite(state)
            self._folder.write_state(state, memory, self._new_best)
            self._saved, self._new_best = now, False
        self._time, self._step = monotonic(), counters.step


def require_finite(state: TrainingState) -> None:
    """Raise E704 where a parameter is not finite."""
    if isfinite(squares(state.trained.flat)):
        return
    for path, array in state.trained.items():
        if not np.isfinite(array).all():
            raise Fault("E704", f"after step {state.counters.step} the parameter {path} is not finite", help=ADVICE)


ADVICE = "a smaller lr, clip_norm, or rows without extreme values may help; --on-nan skip leaves such updates out"
