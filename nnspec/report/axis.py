"""Axes: from the numbers that are to be shown to a range, ticks and labels."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from nnspec.report.numbers import MINUS, scientific

LIMIT = 1e300
"""Numbers beyond this are drawn at it, so that no difference of two overflows."""
TINY = 1e-300
"""Ranges below this count as constant."""
SAME = 1e-9
"""Numbers that differ by less than this part of themselves count as equal."""
LOG_FROM = 60.0
"""A positive series is drawn on a logarithmic axis from this ratio of greatest to least on."""
MARGIN = 0.04
"""The part of the range that is left free above and below."""
FROM_ZERO = 0.35
"""A positive series whose least number is below this part of its greatest is drawn from zero."""


class Axis(NamedTuple):
    """A range, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """Where a number lies, 0 at `low` and 1 at `high`."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """Where to write numbers."""
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high)

    @property
    def labels(self) -> list[str]:
        """The text of every tick."""
        ticks = self.ticks
        if self.log:
            return [tick_label(tick, tick) for tick in ticks]
        step = min((b - a for a, b in pairwise(ticks)), default=self.high - self.low)
        return [tick_label(tick, step) for tick in ticks]


def axis_of(values: Iterable[float], *, log: bool = False) -> Axis:
    """The axis that shows all finite values; with `log`, a logarithmic one where they are positive and far apart."""
    finite = [min(max(value, -LIMIT), LIMIT) for value in values if isfinite(value)]
    if not finite:
        return Axis(0.0, 1.0)
    low, high = float(min(finite)), float(max(finite))
    if high - low <= max(SAME * max(abs(low), abs(high)), TINY):
        room = max(abs(low), abs(high)) * 0.1
        room = room if room > TINY else 1.0
        return Axis(low - room, high + room)
    if log and low > 0 and log10(high) - log10(low) >= log10(LOG_FROM):
        return _log_axis(max(log10(low), log10(TINY)), log10(high))
    room = (high - low) * MARGIN
    return Axis(0.0 if 0 <= low < FROM_ZERO * high else low - room, 0.0 if high == 0 else high + room)


def _log_axis(low: float, high: float) -> Axis:
    """The axis between two powers of ten."""
    room = (high - low) * MARGIN
    return Axis(10.0 ** max(low - room, log10(TINY)), 10.0 ** min(high + room, log10(LIMIT)), True)


def epochs_axis(first: float, last: float) -> Axis:
    """The axis of the epochs, without margins."""
    return Axis(first, last) if last > first else Axis(first - 0.5, first + 0.5)


def linear_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers from `low` to `high`, at equal distances of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [index * step for index in range(ceil(low / step - SAME), floor(high / step + SAME) + 1)]


def whole_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Whole numbers only, for epochs."""
    return [tick for tick in linear_ticks(low, high, count) if tick == round(tick)]


def log_ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Powers of ten, with twos and fives between where these are few; at most about `count`."""
    first, last = floor(log10(low)), ceil(log10(high))
    every = max(1, ceil((last - first) / count))
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    found = [float(f"{factor}e{power}") for power in range(first, last + 1, every) for factor in factors]
    return [tick for tick in found if low <= tick <= high]


def tick_label(value: float, step: float) -> str:
    """A tick with as many digits as tell it from its neighbours."""
    if value == 0 or abs(value) < step * SAME:
        return "0"
    order = floor(log10(abs(step)) + SAME)
    size = floor(log10(abs(value)) + SAME)
    if size >= 6 or order < -4:
        return scientific(value, size - order)
    return f"{value:,.{max(-order, 0)}f}".replace("-", MINUS)
