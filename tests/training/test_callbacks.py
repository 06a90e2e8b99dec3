"""Callbacks: when they are called, what they may log, how they end a run; and the history that a run leaves."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_specs import classifier, rows

import nnspec
from nnspec import STOP, Callback, EpochDone, History, StepDone, Trainer, TrainingDone


class Recorder(Callback):
    """Writes down what it is told, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        self.calls.append(f"start {len(trainer.history)}")

    def on_step(self, step: StepDone) -> None:
        self.calls.append(f"step {step.step}/{step.steps}")

    def on_epoch(self, epoch: EpochDone) -> None:
        self.calls.append(f"epoch {epoch.record['epoch']}/{epoch.epochs}")

    def on_end(self, end: TrainingDone) -> None:
        self.calls.append(end.reason)


class Steps(Callback):
    """Ends the run in a step, in either way."""

    def __init__(self, last: int, *, by_raising: bool = False) -> None:
        self.last, self.by_raising = last, by_raising

    def on_step(self, step: StepDone) -> Any:
        if step.step == self.last:
            if self.by_raising:
                raise nnspec.StopTraining("enough")
            return STOP
        return None


def test_the_order_of_calls() -> None:
    recorder, told = Recorder(), []
    Trainer(classifier()).fit(rows(20), epochs=2, callbacks=[recorder], watcher=told.append)
    steps = ["step 1/4", "step 2/4", "epoch 1/2", "step 3/4", "step 4/4", "epoch 2/2"]
    assert recorder.calls == ["start 0", *steps, "finished"]
    assert [type(event) for event in told].count(StepDone) == 4, "a watcher is told as well"


def test_callbacks_change_no_bit() -> None:
    trainers = [Trainer(classifier(rate=0.3)) for _ in range(2)]
    for trainer, callbacks in zip(
        trainers, ([], [Recorder(), nnspec.PrintProgress(stream=io.StringIO())]), strict=True
    ):
        trainer.fit(rows(50), rows(20, seed=1), callbacks=callbacks)
    a, b = (trainer.parameters for trainer in trainers)
    assert all(np.array_equal(a[path], b[path]) for path in a) and trainers[0].history == trainers[1].history


@pytest.mark.parametrize("by_raising", [False, True])
def test_a_step_can_be_the_last(by_raising: bool) -> None:
    """In the middle of an epoch, which is then measured as far as it went; `fit` goes on where it stopped."""
    trainer, recorder = Trainer(classifier()), Recorder()
    stopped = trainer.fit(rows(50), rows(20), callbacks=[Steps(6, by_raising=by_raising), recorder])
    assert recorder.calls[-2:] == ["epoch 2/3", "stopped"]
    assert [record["step"] for record in stopped] == [4, 6] and "validation.loss" in stopped.epochs[-1]
    trainer.fit(rows(50), rows(20))
    straight = Trainer(classifier())
    straight.fit(rows(50), rows(20))
    assert trainer.history.epochs[-1]["step"] == straight.history.epochs[-1]["step"] == 12
    last = [t._memory.last for t in (trainer, straight)]
    assert last[0] is not None and last[1] is not None and np.array_equal(last[0].trained, last[1].trained)


def test_a_function_is_told_of_epochs_and_can_end_the_run() -> None:
    seen: list[EpochDone] = []

    def enough(epoch: EpochDone) -> Any:
        seen.append(epoch)
        return STOP if epoch.record["epoch"] == 2 else None

    history = Trainer(classifier(epochs=9)).fit(rows(20), callbacks=[enough])
    assert len(history) == len(seen) == 2 and isinstance(seen[0], EpochDone)


def test_every_callback_is_told_though_one_stops() -> None:
    recorder = Recorder()
    Trainer(classifier()).fit(rows(20), callbacks=[lambda epoch: STOP, recorder])
    assert recorder.calls[-2:] == ["epoch 1/3", "stopped"]


def test_a_watcher_may_stop_too() -> None:
    history = Trainer(classifier()).fit(rows(20), watcher=lambda event: STOP if isinstance(event, EpochDone) else None)
    assert len(history) == 1


class Logger(Callback):
    def on_step(self, step: StepDone) -> None:
        step.log("number", step.step)

    def on_epoch(self, epoch: EpochDone) -> None:
        epoch.log("twice", 2 * epoch.record["number"])


def test_numbers_are_logged_into_the_record_and_saved(tmp_path: Path) -> None:
    """Those of steps as their mean; metrics.jsonl and a resumed run have them."""
    trainer = Trainer(classifier())
    history = trainer.fit(rows(20), epochs=2, callbacks=[Logger()], run=tmp_path / "run")
    assert history.series("number") == (1.5, 3.5) and history.series("twice") == (3, 7)
    saved = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["twice"] for record in saved] == [3, 7]
    assert Trainer.resume(tmp_path / "run").history.series("twice") == (3, 7)


@pytest.mark.parametrize("name", ["train.loss", "epoch", "lr"])
def test_measured_numbers_cannot_be_logged_over(name: str) -> None:
    class Early(Callback):
        def on_step(self, step: StepDone) -> None:
            step.log(name, 1)

    for callback in (lambda epoch: epoch.log(name, 1), Early()):
        with pytest.raises(ValueError, match=f"'{name}' is measured by the trainer"):
            Trainer(classifier()).fit(rows(20), callbacks=[callback])


def test_a_callback_sees_the_weights_that_were_validated() -> None:
    """Also where a running average is what counts."""
    trainer, held_out = Trainer(classifier(more="average = ema(0.5)")), rows(20, seed=1)
    found: list[tuple[float, float]] = []
    trainer.fit(
        rows(50),
        held_out,
        callbacks=[lambda epoch: found.append((trainer.evaluate(held_out)["loss"], epoch.record["validation.loss"]))],
    )
    assert len(found) == 3 and all(a == b for a, b in found)


def test_its_errors_are_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        Trainer(classifier()).fit(rows(20), callbacks=[lambda epoch: 1 / 0])


@pytest.mark.parametrize("callback", [3, "print", Recorder])
def test_what_is_no_callback(callback: Any) -> None:
    with pytest.raises(TypeError, match="a callback is a function or an object with on_start"):
        Trainer(classifier()).fit(rows(20), callbacks=[callback])


def test_print_progress() -> None:
    stream = io.StringIO()
    Trainer(classifier(epochs=5)).fit(rows(20), callbacks=[Logger(), nnspec.PrintProgress(every=2, stream=stream)])
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["1/5", "2/5", "4/5", "5/5"]
    assert "train.loss" in lines[0] and lines[0].endswith("number 1.5  twice 3")


def test_csv_logger(tmp_path: Path) -> None:
    """A run that goes on keeps its rows."""
    trainer, path = Trainer(classifier()), tmp_path / "logs" / "run.csv"
    trainer.fit(rows(20), epochs=2, callbacks=[nnspec.CSVLogger(path)])
    trainer.fit(rows(20), epochs=3, callbacks=[Logger(), nnspec.CSVLogger(path)])
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["epoch"] for row in table] == ["1", "2", "3"] and [row["number"] for row in table] == ["", "", "5.5"]
    assert [float(row["train.loss"]) for row in table] == list(trainer.history.series("train.loss"))


def test_stop_when_and_time_limit() -> None:
    above = nnspec.StopWhen("train.accuracy", above=0.0)
    assert len(Trainer(classifier()).fit(rows(20), callbacks=[above])) == 1
    assert len(Trainer(classifier()).fit(rows(20), callbacks=[nnspec.StopWhen("train.loss", below=0.0)])) == 3
    with pytest.raises(ValueError, match=r"validation.loss is not measured; the record has epoch, .*train.loss"):
        Trainer(classifier()).fit(rows(20), callbacks=[nnspec.StopWhen("validation.loss", below=1)])
    assert Trainer(classifier()).fit(rows(50), callbacks=[nnspec.TimeLimit(0)]).epochs[-1]["step"] == 1
    assert len(Trainer(classifier()).fit(rows(20), callbacks=[nnspec.TimeLimit(1e9)])) == 3


# The history


def test_history_is_a_sequence_of_records_and_a_table() -> None:
    history = Trainer(classifier()).fit(rows(20), rows(10))
    assert len(history) == 3 and list(history) == history.epochs
    assert list(history.history) == list(history.epochs[0]) and "validation.accuracy" in history.history
    assert history.history["epoch"] == [1, 2, 3]
    best = history.best
    assert best is not None and best["validation.loss"] == min(history.series("validation.loss"))
    assert repr(history).startswith(f"History(3 epochs, best {best['epoch']}: train.loss ")
    assert json.loads(json.dumps(history.to_dict())) == {
        "monitor": "validation.loss",
        "mode": "min",
        "epochs": history.epochs,
        "best": best,
    }


def test_a_history_with_gaps_and_an_empty_one() -> None:
    history = History("validation.loss", "min", [{"epoch": 1, "train.loss": 2.0}, {"epoch": 2, "mine": 3.0}])
    columns = history.history
    assert columns["mine"][1] == 3.0 and np.isnan(columns["mine"][0]) and np.isnan(columns["train.loss"][1])
    empty = History("validation.loss", "min")
    assert repr(empty) == "History(0 epochs)" and empty.best is None and empty.to_dict()["best"] is None
    assert repr(History("x", "min", [{"epoch": 1, "train.loss": 2.0}])) == "History(1 epoch, best 1: train.loss 2)"
