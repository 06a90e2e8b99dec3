"""What a history knows of its records is found by looking at each of them once."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from math import nan
from typing import Any

from nnspec.recipe.schedules import Plateau
from nnspec.recipe.stops import Patience
from nnspec.training.history import History, Record, followed
from nnspec.training.learning_rate import LearningRate, Length

EPOCHS = 300
LOOKED: Counter[int] = Counter()


class Watched(dict[str, Any]):
    """A record that counts how often its loss is read."""

    def __getitem__(self, name: str) -> Any:
        LOOKED[id(self)] += name == "validation.loss"
        return super().__getitem__(name)


def records() -> list[Record]:
    return [Watched({"epoch": n + 1, "validation.loss": 1 / (n + 1)}) for n in range(EPOCHS)]


def test_every_record_is_looked_at_once_however_often_the_best_is_asked_for() -> None:
    LOOKED.clear()
    history = History("validation.loss", "min")
    stop = followed(Patience(epochs=3), "min")
    for record in records():
        history.epochs.append(record)
        for _ in range(3):
            assert history.best is record and not Patience(epochs=3).stops(stop.over(history.epochs))
    assert set(LOOKED.values()) == {2} and len(LOOKED) == EPOCHS  # once for the best, once for the stop


def test_a_schedule_looks_at_every_record_once() -> None:
    LOOKED.clear()
    history = History("validation.loss", "min")
    rate = LearningRate(type("Sgd", (), {"lr": Plateau(lr=0.1, patience=2)})(), Length(4, 4 * EPOCHS))
    for epoch, record in enumerate(records()):
        history.epochs.append(record)
        rate.observe(history, "min")
        assert [rate.at(epoch * 4 + batch) for batch in range(4)] == [0.1] * 4
    assert set(LOOKED.values()) == {1}


def test_the_best_is_the_first_of_equal_ones_and_nan_is_never_better() -> None:
    losses = (nan, 3.0, 1.0, nan, 1.0, 2.0)
    history = History("validation.loss", "min")
    best = []
    for epoch, loss in enumerate(losses, 1):
        history.epochs.append({"epoch": epoch, "validation.loss": loss})
        best.append(history.best["epoch"])  # type: ignore[index]
    assert best == [1, 2, 3, 3, 3, 3]
    assert History("validation.loss", "max", history.epochs).best is history.epochs[1]


def test_epochs_without_the_number_do_not_count() -> None:
    """Found: the best was looked up by its place among the measured epochs."""
    history = History("validation.loss", "min", [{"epoch": 1}, {"epoch": 2}])
    assert history.best == {"epoch": 2}
    history.epochs += [{"epoch": 3, "validation.loss": 1.0}, {"epoch": 4, "validation.loss": 2.0}, {"epoch": 5}]
    assert history.best == {"epoch": 3, "validation.loss": 1.0}


def test_records_that_were_put_in_the_place_of_others_are_seen() -> None:
    history = History("validation.loss", "min", records())
    assert history.best is history.epochs[-1]
    history.epochs[:] = [{"epoch": 1, "validation.loss": 2.0}, {"epoch": 2, "validation.loss": 3.0}]
    assert history.best is history.epochs[0]
    history.epochs.clear()
    assert history.best is None


def test_copies_go_on_by_themselves() -> None:
    history = History("validation.loss", "min", [{"epoch": 1, "validation.loss": 2.0}])
    assert history.best
    for other in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert other == history
        other.epochs.append({"epoch": 2, "validation.loss": 1.0})
        assert other.best is other.epochs[1] and history.best is history.epochs[0]
