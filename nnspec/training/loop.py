"""The training loop: epochs of batches, validation, the best weights, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nnspec.data.batching import Batches
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault
from nnspec.ir import codec
from nnspec.ir.spec import Train
from nnspec.recipe.base import EarlyStop
from nnspec.training.engine import Engine, shapes_of
from nnspec.training.evaluation import evaluate
from nnspec.training.history import EpochDone, Record, StepDone, TrainingDone, Watcher
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.memory import Memory
from nnspec.training.tally import Metrics, Tally

Array = np.ndarray[Any, Any]


class Loop:
    """One call of `fit`: goes on where the counters of the state are, up to the length of the run.

    The order of the rows is a function of seed and epoch, and random numbers of seed and draw, so nothing but the
    counters is needed to go on.
    """

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        memory: Memory,
        *,
        train: Dataset,
        validation: Dataset | None,
        length: Length,
        watcher: Watcher | None,
        on_epoch: Callable[[bool], None],
    ) -> None:
        """`on_epoch` is told after each epoch whether it was the best, before `watcher` is."""
        self._engine, self._metrics, self._memory = engine, metrics, memory
        self._train, self._validation = train, validation
        self._batches = Batches(
            train.rows, engine.train.batch_size, engine.state.seed, engine.spec.data is None or engine.spec.data.shuffle
        )
        self._length = length
        self._lr = LearningRate(engine.optimizer, self._length)
        stop = engine.train.early_stop
        self._stop: EarlyStop | None = codec.decode(engine.library, "stop", stop) if stop else None
        self._watcher, self._on_epoch = watcher, on_epoch
        self._require_measured()

    def run(self) -> None:
        """Train to the end. Raises E704 at the first loss that is not finite."""
        counters, history = self._engine.state.counters, self._memory.history
        while counters.step < self._length.steps and not self._stopped():
            self._lr.observe(history, self._metrics.mode(self._lr.watches or ""))
            tally = self._epoch()
            with self._engine.averaged():
                is_best = self._remember(self._record(tally))
            self._on_epoch(is_best)
            if self._watcher:
                self._watcher(EpochDone(history.epochs[-1], self._length.epochs, is_best))
        if self._watcher:
            self._watcher(TrainingDone("early_stop" if self._stopped() else "finished", history))

    def _stopped(self) -> bool:
        """Whether what was measured up to now ends the run early."""
        if self._stop is None:
            return False
        watched = self._stop.watches
        return self._stop.stops(self._memory.history.series(watched), self._metrics.mode(watched))

    def _epoch(self) -> Tally:
        """The rest of the epoch under way; what was measured in it."""
        counters = self._engine.state.counters
        order = self._batches.epoch_order(counters.epoch)
        tally = Tally(self._metrics)
        while counters.batch < len(self._batches) and counters.step < self._length.steps:
            start = counters.batch * self._batches.batch_size
            self._batch(order[start : start + self._batches.batch_size], tally)
        if counters.batch == len(self._batches):
            counters.epoch += 1
            counters.batch = 0
        return tally

    def _batch(self, rows: Array, tally: Tally) -> None:
        """Gradients of one batch, and the update if it completes a group of batches."""
        engine, counters = self._engine, self._engine.state.counters
        program = engine.gradients_program(shapes_of(self._train.arrays, len(rows)))
        program.gather(self._train.arrays, rows)
        loss = engine.gradients(program, lambda: self._places(rows))
        engine.accept()
        tally.add(program.values, len(rows))
        group = engine.train.accumulate
        first = counters.batch - counters.batch % group
        last = min(first + group, len(self._batches)) - 1
        engine.add(1 / (last - first + 1), first=counters.batch == first)
        counters.batch += 1
        if counters.batch > last:
            engine.update(self._lr.at(counters.step))
            if self._watcher:
                self._watcher(StepDone(counters.epoch, counters.step, self._length.steps, loss))

    def _record(self, tally: Tally) -> Record:
        counters = self._engine.state.counters
        epoch = counters.epoch + (counters.batch > 0)  # an epoch cut short by `steps` counts
        record: Record = {"epoch": epoch, "step": counters.step, "lr": self._lr.at(max(counters.step - 1, 0))}
        record |= {f"train.{name}": value for name, value in tally.result().items()}
        if self._validation:
            found = evaluate(self._engine, self._metrics, self._validation)
            record |= {f"validation.{name}": value for name, value in found.items()}
        return record

    def _remember(self, record: Record) -> bool:
        """Add the record of an epoch, and keep the weights if they are the best so far; whether they are."""
        history = self._memory.history
        history.epochs.append(record)
        is_best = history.best is record
        if is_best:
            self._memory.best = self._engine.state.weights()
        return is_best

    def _require_measured(self) -> None:
        """Raise E712 where the early stop or the schedule watches what this run does not measure."""
        watched = [name for name in (self._stop and self._stop.watches, self._lr.watches) if name]
        measured = [f"train.{name}" for name in ("loss", *self._metrics.by_name)]
        measured += [f"validation.{name}" for name in ("loss", *self._metrics.by_name)] if self._validation else []
        for name in watched:
            if name not in measured:
                raise Fault(
                    "E712", f"{name} is monitored, but not measured", help=f"this run measures {', '.join(measured)}"
                )

    def _places(self, rows: Array) -> str:
        shown = "; ".join(self._train.where(int(row)) for row in rows[:4])
        others = " and others" if len(rows) > 4 else ""
        return f"epoch {self._engine.state.counters.epoch + 1}, rows {shown}{others}"


def length_of(train: Train, rows: int, epochs: int | None, steps: int | None) -> Length:
    """The length of a run over so many rows: as asked for, else as the spec says."""
    batches = -(-rows // train.batch_size)
    per_epoch = -(-batches // train.accumulate)
    if epochs is None and steps is None:
        epochs, steps = train.epochs, train.steps
    return Length(per_epoch, steps if steps is not None else (epochs or 1) * per_epoch)
