"""Random numbers of rows, many rows at a time.

Philox gives one stream per object, and making one for each row takes longer than most augmentations. Here a word is
splitmix64's mixing of (seed, augmentation, epoch, row, number of the draw), for all rows at once: Steele et al., 2014,
with the constants of Stafford's variant 13.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
QUANTILES = 4096
"""Points between which the inverse of a distribution function is linear."""


class Draws:
    """The random numbers of one augmentation for the rows of a batch: none depends on which rows these are."""

    def __init__(self, seed: int, stream: int, epoch: int, rows: NDArray[np.int64]) -> None:
        """`stream` is the place of the augmentation in the list; `rows` are numbers in the whole split."""
        key = np.zeros(1, np.uint64)
        for number in (seed & (2**64 - 1), stream, epoch):
            key = _mixed(key + np.full(1, number, np.uint64) * STEP + STEP)
        self._keys = _mixed(key + rows.astype(np.uint64) * STEP + STEP)
        self._count = 0

    def words(self, count: int) -> Words:
        """Uniform words, uint64 [rows, count]."""
        found = self._at(slice(None), count)
        self._count += count
        return found

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Numbers in [0, 1), float64 [rows, count]."""
        return (self.words(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, low: float, high: float) -> NDArray[np.float64]:
        """A number in [low, high) for each row."""
        return low + (high - low) * self.uniform(1)[:, 0]

    def integers(self, count: int) -> NDArray[np.int64]:
        """A whole number below `count` for each row."""
        return (self.uniform(1)[:, 0] * count).astype(np.int64)

    def normal(self, count: int, rows: slice) -> NDArray[np.float32]:
        """Standard normal numbers, float32 [rows, count], for some of the rows: the same until `skip` is called.

        They have 65 536 values up to 4.2 deviations: a look-up, since bytes show no more.
        """
        words = self._at(rows, -(-count // 4)).view(np.uint16)[:, :count]
        return _normal_quantiles().take(words)

    def skip(self, count: int) -> None:
        """Leave behind what `normal` gave."""
        self._count += -(-count // 4)

    def partners(self) -> NDArray[np.int64]:
        """Another row of the batch for each, by its place: each is the partner of one."""
        order = np.argsort(self.words(1)[:, 0], kind="stable")
        found = np.empty(len(order), np.int64)
        found[order] = np.roll(order, -1)
        return found

    def beta(self, alpha: float) -> NDArray[np.float32]:
        """A number from Beta(alpha + 1, alpha) for each row."""
        places, values = _beta_quantiles(alpha)
        return np.interp(self.uniform(1)[:, 0], places, values).astype(np.float32)

    def _at(self, rows: slice, count: int) -> Words:
        numbers = np.arange(self._count + 1, self._count + count + 1, dtype=np.uint64)
        return _mixed(self._keys[rows, None] + numbers * STEP)


def _mixed(words: Words) -> Words:
    """splitmix64's output function, in place; products are modulo 2^64."""
    words ^= words >> np.uint64(30)
    words *= FIRST
    words ^= words >> np.uint64(27)
    words *= SECOND
    words ^= words >> np.uint64(31)
    return words


@cache
def _normal_quantiles() -> NDArray[np.float32]:
    """The standard normal numbers below which lie (i + ½) / 65 536 of all."""
    from statistics import NormalDist

    half = [NormalDist().inv_cdf((i + 0.5) / 65536) for i in range(32768)]
    return np.array([*half, *(-value for value in reversed(half))], np.float32)


@cache
def _beta_quantiles(alpha: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distribution function of Beta(alpha + 1, alpha) at some values.

    Its density x^a (1-x)^(a-1) is without bounds at 1 where alpha is below 1. With 1-x = s^(1/a) it is that of s times
    (1 - s^(1/a))^a, which has no such place.
    """
    s = np.linspace(1, 0, QUANTILES)
    values = 1 - s ** (1 / alpha)
    density = values**alpha
    areas = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return areas / areas[-1], values
