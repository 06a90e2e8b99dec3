"""Counter-based random numbers.

Pure functions of (seed, domain, index), so that a resumed run needs no generator state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT, ORDER, SYNTHETIC = 1, 2, 3
"""Domains: streams that never overlap for one seed."""


def philox(seed: int, domain: int, index: int = 0) -> np.random.Philox:
    """NumPy's Philox-4x64 keyed by seed and domain.

    `index` is the highest word of the counter, so streams of 2^192 draws never meet.
    """
    word = 2**64
    return np.random.Philox(
        key=np.array([seed % word, domain], np.uint64), counter=np.array([0, 0, 0, index % word], np.uint64)
    )


def permutation(rows: int, seed: int, domain: int, index: int = 0) -> NDArray[np.int64]:
    """A random order of `rows` rows, int64 [rows].

    It sorts raw Philox words, which NumPy fixes for ever, where `Generator.permutation` may change between versions.
    """
    words: NDArray[Any] = np.asarray(philox(seed, domain, index).random_raw(rows))
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)
