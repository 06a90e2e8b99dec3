"""The order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnspec.data.batching import Batches
from nnspec.data.randomness import ORDER, SPLIT, permutation


@given(st.integers(1, 50), st.integers(1, 60), st.integers(-(2**70), 2**70), st.booleans(), st.integers(0, 10**9))
def test_every_row_once_per_epoch(rows: int, batch_size: int, seed: int, shuffle: bool, epoch: int) -> None:
    batches = Batches(rows, batch_size, seed, shuffle)
    parts = list(batches.epoch(epoch))
    assert len(parts) == len(batches)
    assert sorted(np.concatenate(parts)) == list(range(rows))
    assert {len(part) for part in parts} == set(batches.sizes)
    assert all(len(part) == batches.sizes[0] for part in parts[:-1])


def test_orders_are_functions_of_seed_and_epoch() -> None:
    batches = Batches(100, 8, seed=7)
    order = batches.epoch_order(3)
    assert order.dtype == np.int64
    assert np.array_equal(order, Batches(100, 8, seed=7).epoch_order(3))
    assert not np.array_equal(order, batches.epoch_order(4))
    assert not np.array_equal(order, Batches(100, 8, seed=8).epoch_order(3))
    assert not np.array_equal(permutation(100, 7, SPLIT), permutation(100, 7, ORDER))
    assert np.array_equal(Batches(5, 2, seed=7, shuffle=False).epoch_order(9), np.arange(5))


def test_a_golden_order() -> None:
    assert Batches(8, 8, seed=7).epoch_order(0).tolist() == GOLDEN


GOLDEN = [6, 7, 4, 0, 1, 5, 3, 2]


def test_steps_count_through_epochs_and_can_start_anywhere() -> None:
    batches = Batches(10, 4, seed=1)
    straight = [batch for epoch in range(3) for batch in batches.epoch(epoch)]
    fresh = Batches(10, 4, seed=1)
    for step in (8, 0, 5, 3):
        assert np.array_equal(fresh.at(step), straight[step])
    assert [part.tolist() for part in batches.epoch(1, first=2)] == [straight[5].tolist()]


def test_no_rows() -> None:
    with pytest.raises(ValueError, match="rows and batch_size must be positive, got 0 and 4"):
        Batches(0, 4, seed=1)
