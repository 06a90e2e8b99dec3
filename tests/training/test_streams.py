"""Learning from iterables of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec import DataError, RunError, Trainer

PARTS = [{name: array[start : start + 16] for name, array in rows(64).items()} for start in range(0, 64, 16)]


def endless() -> Iterator[dict[str, Any]]:
    while True:
        yield from PARTS


def same(a: Trainer, b: Trainer) -> bool:
    return all(np.array_equal(a.parameters[path], b.parameters[path]) for path in a.parameters)


def test_a_list_and_a_generator_of_the_same_batches_are_one() -> None:
    """Statistics of `standardize` come from the first epoch, whose batches are then learned from."""
    listed, generated = Trainer(classifier(rate=0.3)), Trainer(classifier(rate=0.3))
    history = listed.fit(PARTS, rows(20, seed=1))
    assert generated.fit(endless(), rows(20, seed=1), steps_per_epoch=4) == history
    assert same(listed, generated)
    assert [record["step"] for record in history] == [4, 8, 12]
    mean = listed.parameters["standardize_1.mean"]
    np.testing.assert_allclose(mean, rows(64)["x"].mean(axis=0), rtol=1e-5)


def test_steps_per_epoch_cuts_anew() -> None:
    """An epoch of three batches of a list of four: the next one goes on with the fourth."""
    seen: list[int] = []

    class Watched(list[dict[str, Any]]):
        def __iter__(self) -> Iterator[dict[str, Any]]:
            for number in range(len(self)):
                seen.append(number)
                yield self[number]

    Trainer(classifier()).fit(Watched(PARTS), steps_per_epoch=3, epochs=2)
    assert seen == [0, 1, 2, 3, 0, 1]


def test_batches_of_many_sizes_and_accumulation() -> None:
    sizes = [{name: array[:count] for name, array in rows(30).items()} for count in (3, 30, 7)]
    history = Trainer(classifier(more="accumulate = 2")).fit(sizes, epochs=2)
    assert [record["step"] for record in history] == [2, 4]


def test_a_list_goes_on_where_it_was() -> None:
    """After a stop in the middle of an epoch, behind the batches that the epoch had."""
    straight, twice = Trainer(classifier()), Trainer(classifier())
    straight.fit(PARTS, steps=6)
    twice.fit(PARTS, steps=3)
    twice.fit(PARTS, steps=6)
    assert same(straight, twice)


def test_all_batches_of_an_iterable_are_measured() -> None:
    trainer = Trainer(classifier())
    trainer.fit(PARTS, PARTS, epochs=1)
    assert trainer.evaluate(iter(PARTS)) == trainer.evaluate(rows(64))
    assert trainer.history.epochs[0]["validation.loss"] == trainer.evaluate(rows(64))["loss"]


def test_batches_that_end_too_soon() -> None:
    with pytest.raises(DataError, match=r"E609.*the batches ended after 2 of 3 in epoch 2"):
        Trainer(classifier()).fit(iter([*PARTS, PARTS[0]]), steps_per_epoch=3)
    with pytest.raises(DataError, match=r"E609.*the batches ended after 0 of 2 in epoch 1"):
        Trainer(classifier()).fit(iter([]), steps_per_epoch=2)
    with pytest.raises(DataError, match=r"E609.*gives no batches"):
        Trainer(classifier()).evaluate([])


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="steps_per_epoch, the number of batches in an epoch, is needed"):
        Trainer(classifier()).fit(endless())
    with pytest.raises(ValueError, match="at least one batch, not 0"):
        Trainer(classifier()).fit([])
    with pytest.raises(ValueError, match="steps_per_epoch is for iterables of batches"):
        Trainer(classifier()).fit(rows(20), steps_per_epoch=3)
    with pytest.raises(DataError, match=r"E602.*a dictionary of arrays by name or a table, got int"):
        Trainer(classifier()).fit([1, 2])
    with pytest.raises(DataError, match=r"E602.*got ndarray"):
        Trainer(classifier()).fit(np.zeros((4, 5)))
    with pytest.raises(DataError, match=r"E605.*x, index 1 is nan"):
        Trainer(classifier()).fit([{"x": [[0] * 5, [np.nan] * 5], "y": [0, 1]}])


def test_a_loss_that_is_not_finite_names_the_batch() -> None:
    text = "nnspec 1\nmodel line {\n  input x: float32[N, 1]\n  output y = dense(1)\n}\ntrain {\n"
    text += "  target t: float32[N, 1]\n  loss = mse(y, t)\n  optimizer = sgd(lr = 0.1)\n  epochs = 1\n}\n"
    batches = [{"x": np.full((2, 1), value), "t": np.ones((2, 1))} for value in (1, 1e38)]
    with pytest.raises(RunError, match=r"E704.*epoch 1, batch 2"):
        Trainer(nnspec.loads(text)).fit(batches)
