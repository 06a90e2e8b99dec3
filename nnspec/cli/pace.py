"""How fast a run goes, and how numbers are written on a terminal."""

from __future__ import annotations

from time import monotonic

from nnspec.training.history import Record, StepDone


class Pace:
    """Counts from the first update it sees, which is slower than the others: graphs are built for it."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._first = (0, 0)
        self._before = 0  # rows of the epochs that are done
        self._now = (0, 0)
        self.steps_per_second = 0.0
        self.rows_per_second = 0.0

    def step(self, event: StepDone) -> None:
        """Take in an update."""
        self._now = (event.step, self._before + event.rows)
        if self._started is None:
            self._started, self._first = monotonic(), self._now
            return
        seconds = max(monotonic() - self._started, 1e-9)
        self.steps_per_second = (self._now[0] - self._first[0]) / seconds
        self.rows_per_second = (self._now[1] - self._first[1]) / seconds

    def epoch(self, record: Record) -> None:
        """Take in the end of an epoch."""
        self._before += int(record.get("rows", 0))

    def left(self, steps: int) -> float | None:
        """Seconds to the end of a run of so many steps; None before there is a speed."""
        return (steps - self._now[0]) / self.steps_per_second if self.steps_per_second else None


def status(event: StepDone, pace: Pace, separator: str = "  ") -> str:
    """The state of a run in a line."""
    parts = [
        f"step {event.step:,}/{event.steps:,}",
        f"loss {measured(event.loss)}",
        f"lr {event.lr:.3g}",
        f"|g| {event.gradient_norm:.3g}",
    ]
    left = pace.left(event.steps)
    if left is not None:
        parts += [f"{pace.steps_per_second:,.0f} steps/s", f"{pace.rows_per_second:,.0f} rows/s", f"{clock(left)} left"]
    return separator.join(parts)


def measured(value: float) -> str:
    """A measurement: four digits behind the point where these say something."""
    return f"{abs(value) if value == 0 else value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"


def clock(seconds: float) -> str:
    """`7.3 s`, `41 s`, `3:20`, `2:05:09`."""
    whole = int(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
