"""The order of rows and their batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nnspec.data.randomness import ORDER, permutation

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Batches:
    """Batches of row numbers, epoch after epoch; the last batch of an epoch may be smaller.

    Everything is a function of the numbers given here and of (epoch, batch): there is no state to save for an exact
    resume.
    """

    def __init__(self, rows: int, batch_size: int, seed: int, shuffle: bool = True) -> None:
        if rows < 1 or batch_size < 1:
            raise ValueError(f"rows and batch_size must be positive, got {rows} and {batch_size}")
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self._kept: tuple[int, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        """Batches per epoch."""
        return (self.rows + self.batch_size - 1) // self.batch_size

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that occur: the full one, and that of the last batch where it differs."""
        full, last = min(self.batch_size, self.rows), self.rows % self.batch_size or self.batch_size
        return (full,) if last >= full else (full, last)

    def epoch_order(self, epoch: int) -> NDArray[np.int64]:
        """The order of the rows in an epoch, int64 [rows]; the order of the data where nothing is shuffled."""
        if not self.shuffle:
            return np.arange(self.rows, dtype=np.int64)
        return permutation(self.rows, self.seed, ORDER, epoch)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[NDArray[np.int64]]:
        """The row numbers of each batch of an epoch, from batch `first` on."""
        order = self.epoch_order(epoch)
        for start in range(first * self.batch_size, self.rows, self.batch_size):
            yield order[start : start + self.batch_size]

    def at(self, step: int) -> NDArray[np.int64]:
        """The row numbers of the batch at a step counted from 0 over all epochs."""
        epoch, batch = divmod(step, len(self))
        if self._kept is None or self._kept[0] != epoch:
            self._kept = epoch, self.epoch_order(epoch)
        return self._kept[1][batch * self.batch_size : (batch + 1) * self.batch_size]
