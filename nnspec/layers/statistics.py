"""Mean and deviation over batches. Imported when a layer is fitted: this module needs NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CONSTANT = 10 * np.finfo(np.float64).eps
"""A deviation that is not above this part of the mean is rounding."""


def mean_and_deviation(batches: Iterator[Array], axis: int) -> tuple[Array, Array]:
    """float32 mean and population deviation of each feature; 0 and 1 where there are no rows, 1 for a constant feature.

    Each batch is done in two passes in float64, and batches are merged by the formula of Chan, Golub and LeVeque, 1979.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for batch in batches:
        rows = _columns(np.asarray(batch, np.float64), axis)
        if not len(rows):
            continue
        own = rows.mean(axis=0)
        off = rows - own
        own_squares = (off**2).sum(axis=0) - off.sum(axis=0) ** 2 / len(rows)
        total = count + len(rows)
        gap = own - mean
        squares = squares + own_squares + gap**2 * (count * len(rows) / total)
        mean = mean + gap * (len(rows) / total)
        count = total
    deviation = np.sqrt(squares / max(count, 1))
    return mean.astype(np.float32), np.where(deviation <= CONSTANT * np.abs(mean), 1, deviation).astype(np.float32)


def _columns(batch: Array, axis: int) -> Array:
    """[rows, features]: all axes but that of the features are rows."""
    if batch.ndim == 1:
        return batch[:, None]
    return np.moveaxis(batch, axis, -1).reshape(-1, batch.shape[axis])
