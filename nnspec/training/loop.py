"""The training loop: epochs of batches, validation, the best weights, and when to stop."""

from __future__ import annotations

from contextlib import suppress
from math import nan
from typing import Literal

from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault
from nnspec.ir import codec
from nnspec.ir.spec import Train
from nnspec.recipe.base import EarlyStop
from nnspec.runtime.session import Stopped
from nnspec.runtime.signals import Interrupted, Interruption
from nnspec.training.anomaly import anomaly
from nnspec.training.engine import Engine
from nnspec.training.evaluation import evaluate
from nnspec.training.feeds import Feed, Loaded
from nnspec.training.history import STOP, EpochDone, Event, Record, StepDone, TrainingDone, Watcher, followed
from nnspec.training.keeper import Keeper
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.memory import Memory
from nnspec.training.tally import Metrics, Tally

OnNan = Literal["stop", "skip"]
"""What to do about a loss or a gradient that is not finite: end the run, or leave the update out and count it."""


class Loop:
    """One call of `fit`: goes on where the counters of the state are, up to the length of the run.

    The order of the rows is a function of seed and epoch, and random numbers of seed and draw, so nothing but the
    counters and what was measured so far is needed to go on.
    """

    def __init__(
        self,
        engine: Engine,
        metrics: Metrics,
        memory: Memory,
        *,
        train: Feed,
        validation: Dataset | None,
        length: Length,
        watcher: Watcher | None,
        keeper: Keeper | None = None,
        on_nan: OnNan = "stop",
        callbacks: Watcher | None = None,
    ) -> None:
        """`keeper` saves an epoch after `callbacks` and before `watcher` are told of it. Each of these two may return
        STOP."""
        self._engine, self._metrics, self._memory = engine, metrics, memory
        self._train, self._validation = train, validation
        self._length = length
        self._lr = LearningRate(engine.optimizer, self._length)
        stop = engine.train.early_stop
        self._stop: EarlyStop | None = codec.decode(engine.library, "stop", stop) if stop else None
        self._watching = followed(self._stop, metrics.mode(self._stop.watches)) if self._stop else None
        self._watcher, self._keeper, self._callbacks, self._on_nan = watcher, keeper, callbacks, on_nan
        self._each_step = [told for told in (callbacks, watcher) if told]
        self._asked = False  # whether a callback or watcher has asked for the end
        self._require_measured()

    def run(self) -> None:
        """Train to the end. Raises E704 at the first loss or gradient that is not finite, and Interrupted at a signal;
        the state is saved then, and always one that can be gone on from."""
        with Interruption(self._engine.brake) as self._signals:
            try:
                while self._goes_on():
                    self._lr.observe(self._memory.history, self._metrics.mode(self._lr.watches or ""))
                    self._epoch()
            except Stopped:  # nothing that the run of ONNX Runtime had done was taken over
                self._leave()
            finally:
                self._train.close()
            if self._keeper:
                self._keeper.save()
        reason = "stopped" if self._asked else "early_stop" if self._stopped() else "finished"
        for watcher in (self._callbacks, self._watcher):
            self._tell(watcher, TrainingDone(reason, self._memory.history))

    def _goes_on(self) -> bool:
        """Whether there is anything to do: steps, or the end of an epoch whose steps are done."""
        if self._memory.tally is not None:
            return True
        return self._engine.state.counters.step < self._length.steps and not self._asked and not self._stopped()

    def _leave(self) -> None:
        """Save, and end the run at a signal."""
        if self._keeper:
            self._keeper.save()
        number = self._signals.received or 0
        raise Interrupted(number, f"interrupted after step {self._engine.state.counters.step}")

    def _tell(self, watcher: Watcher | None, event: Event) -> None:
        if watcher and watcher(event) is STOP:
            self._asked = True

    def _stopped(self) -> bool:
        """Whether what was measured up to now ends the run early."""
        if self._stop is None or self._watching is None:
            return False
        return self._stop.stops(self._watching.over(self._memory.history.epochs))

    def _epoch(self) -> None:
        """The rest of the epoch under way, and its record."""
        counters = self._engine.state.counters
        tally = self._memory.tally = self._memory.tally or Tally(self._metrics)
        while counters.batch < len(self._train) and counters.step < self._length.steps and not self._asked:
            self._batch(tally)
            if self._signals.received is not None:
                self._leave()
            if self._keeper:
                self._keeper.batch_done()
        self._end_of_epoch(tally)
        if self._signals.received is not None:
            self._leave()

    def _end_of_epoch(self, tally: Tally) -> None:
        """Validate, remember, save, tell. Until the record is made the epoch counts as under way, so that an
        interrupted validation begins anew."""
        counters, history = self._engine.state.counters, self._memory.history
        with self._engine.averaged():
            is_best = self._remember(self._record(tally))
            done = EpochDone(history.epochs[-1], self._length.epochs, is_best)
            self._memory.tally = None
            if counters.batch == len(self._train):
                counters.epoch += 1
                counters.batch = 0
            self._tell(self._callbacks, done)
        if self._keeper:
            self._keeper.epoch_done(done.record, is_best)
        self._tell(self._watcher, done)

    def _batch(self, tally: Tally) -> None:
        """Gradients of one batch, and the update if it completes a group of batches."""
        engine, counters = self._engine, self._engine.state.counters
        batch = self._train.batch(counters.epoch, counters.batch)
        loss = engine.gradients(batch.program)
        group = engine.train.accumulate
        first = counters.batch - counters.batch % group
        last = min(first + group, len(self._train)) - 1
        if engine.finite(loss):
            engine.accept()
            tally.add(batch.program.values, batch.rows)
            tally.add_norm(engine.gradient_norm)
            engine.add(1 / (last - first + 1), first=counters.batch == first)
        else:
            self._refuse(batch)
        counters.batch += 1
        if counters.batch > last:
            engine.update(lr := self._lr.at(counters.step))
            for watcher in self._each_step:
                self._tell(watcher, self._step_done(loss, lr, tally))

    def _step_done(self, loss: float, lr: float, tally: Tally) -> StepDone:
        counters, norm = self._engine.state.counters, self._engine.gradient_norm
        return StepDone(
            counters.epoch, counters.step, self._length.steps, loss, lr=lr, rows=tally.rows, gradient_norm=norm
        )

    def _refuse(self, batch: Loaded) -> None:
        """Leave a batch out, or raise E704 with the state before it saved."""
        if self._on_nan == "stop":
            fault = anomaly(self._engine, batch.program, batch.place)
            if self._keeper:
                with suppress(Fault):  # why the run ends matters more than why it cannot be saved
                    self._keeper.save()
            raise fault
        self._engine.reject()

    def _record(self, tally: Tally) -> Record:
        counters = self._engine.state.counters
        epoch = counters.epoch + (counters.batch > 0)  # an epoch cut short by `steps` counts
        lr = self._lr.at(max(counters.step - 1, 0))
        record: Record = {"epoch": epoch, "step": counters.step, "rows": tally.rows, "lr": lr, **tally.norms()}
        if self._on_nan == "skip":
            record["skipped"] = counters.skipped
        record |= {f"train.{name}": value for name, value in self._measured(tally).items()}
        if self._validation:
            found = evaluate(self._engine, self._metrics, self._validation)
            record |= {f"validation.{name}": value for name, value in found.items()}
        return record

    def _measured(self, tally: Tally) -> dict[str, float]:
        """The results of the epoch; NaN where all of its batches were left out since the epoch before was cut short.
        Raises E704 where they were those of a whole epoch."""
        if tally.rows:
            return tally.result()
        counters, done = self._engine.state.counters, self._memory.history.epochs
        if counters.step - (done[-1]["step"] if done else 0) >= self._length.steps_per_epoch:
            raise Fault("E704", f"no batch of epoch {counters.epoch + 1} had a finite loss and finite gradients")
        return dict.fromkeys(("loss", *self._metrics.by_name), nan)

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


def length_of(train: Train, batches: int, epochs: int | None, steps: int | None) -> Length:
    """The length of a run of so many batches an epoch: as asked for, else as the spec says. Raises E717."""
    for name, value in (("epochs", epochs), ("steps", steps)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise Fault("E717", f"{name} is a whole number of at least 1, got {value!r}")
    if epochs is not None and steps is not None:
        raise Fault("E717", "epochs and steps both say how long to train", help="give one of them")
    per_epoch = -(-batches // train.accumulate)
    if epochs is None and steps is None:
        epochs, steps = train.epochs, train.steps
    return Length(per_epoch, steps if steps is not None else (epochs or 1) * per_epoch)
