"""The learning rate of every update, from a number or a schedule."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnspec.recipe.base import Mode, Optimizer, Progress, Schedule
from nnspec.training.history import Fold, History, followed


class Length(NamedTuple):
    """How long a run is."""

    steps_per_epoch: int
    """Updates in an epoch."""
    steps: int
    """Updates in the whole run."""

    @property
    def epochs(self) -> int:
        """Epochs of the run, the last one maybe in part."""
        return -(-self.steps // self.steps_per_epoch)


class LearningRate:
    """The learning rate as a function of the updates done and of the history."""

    def __init__(self, optimizer: Optimizer, length: Length) -> None:
        self._lr: float | Schedule = optimizer.lr
        self._length = length
        self._watching: Fold | None = None
        self._known: Any = None

    @property
    def watches(self) -> str | None:
        """What the schedule must be told after each epoch."""
        return self._lr.watches if isinstance(self._lr, Schedule) else None

    def observe(self, history: History, mode: Mode) -> None:
        """Take in what was measured up to now."""
        if isinstance(self._lr, Schedule) and self._lr.watches:
            self._watching = self._watching or followed(self._lr, mode)
            self._known = self._watching.over(history.epochs)

    def at(self, step: int) -> float:
        """The learning rate of the update after `step` others."""
        if not isinstance(self._lr, Schedule):
            return self._lr
        return self._lr.value(Progress(step, self._length.steps_per_epoch, self._length.steps, self._known))
