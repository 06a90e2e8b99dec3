"""The trainer: the public interface of training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.initial import initial_values
from nnspec.compiler.starting import starting_weights
from nnspec.compiler.weights import Source, fitting_weights
from nnspec.data.arrays import Batch, dataset_from_arrays
from nnspec.data.labels import given_classes
from nnspec.data.rows import Dataset
from nnspec.data.slots import slots_of
from nnspec.data.stream import Stream, is_stream
from nnspec.data.text_ids import tokenizers_of
from nnspec.diagnostics.errors import Fault
from nnspec.ir import codec
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.recipe.starts import Start
from nnspec.runtime.edge import run_errors
from nnspec.training.anomaly import anomaly
from nnspec.training.callbacks import Callbacks
from nnspec.training.engine import Engine
from nnspec.training.evaluation import Forward, evaluate, predict
from nnspec.training.feeds import Feed, Place, RowFeed, StreamFeed
from nnspec.training.fitting import fit_statistics, fitted_nodes
from nnspec.training.history import History, Watcher
from nnspec.training.intake import Intake
from nnspec.training.keeper import Cadence
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.loop import Loop, OnNan, length_of
from nnspec.training.memory import Memory
from nnspec.training.programs import Device
from nnspec.training.rows import Rows
from nnspec.training.run_folder import RunFolder
from nnspec.training.runs import Origin, Run
from nnspec.training.tally import Metrics, Tally

Array = np.ndarray[Any, Any]
GIVEN = Place("in the batch given")

SEEDS = 1 << 63
"""Random numbers follow from so many seeds."""


class Trainer:
    """Trains, evaluates and applies the model of a spec.

    Raises a RunError (E701 to E712) where a run fails, a DataError (E601 to E609) where data does not fit.
    """

    @run_errors()
    def __init__(
        self,
        spec: Spec,
        *,
        seed: int | None = None,
        device: str = "cpu",
        threads: int | None = None,
        folder: str | Path | None = None,
        classes: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """`seed` overrides that of the spec, `threads` is at most so many, `folder` is where the paths of the data
        section start. `classes` are those of label targets, in order, where the first rows need not hold them all."""
        self._build(spec, seed, Device(device, threads), folder, classes or {})
        self._load_initial()

    def _build(
        self,
        spec: Spec,
        seed: int | None,
        device: Device,
        folder: str | Path | None,
        classes: Mapping[str, Sequence[Any]],
    ) -> None:
        """All but the weights to start from, which a run that goes on has itself."""
        self.spec = spec
        self.seed = seed if seed is not None else spec.train.seed if spec.train else 0
        if not isinstance(self.seed, int) or not 0 <= self.seed < SEEDS:
            raise Fault("E717", f"seed is a whole number from 0 to 2^63 - 1, got {self.seed!r}")
        self.folder = Path(folder) if folder is not None else Path(spec.path).parent
        self._engine = Engine(spec, registries(), self.seed, device)
        self._metrics = Metrics(spec, registries())
        known = given_classes(slots_of(spec), classes) | tokenizers_of(spec, self.folder)
        self._memory = Memory(self._new_history(), classes=known)
        self._intake = Intake(spec, self._memory, self._engine.gradients_program)
        self.rows = Rows(spec, self.folder, self.seed, self._memory)  # the splits of the spec, each read once
        self._engine.state.assign(initial_values(spec, registries(), self.seed))
        self._origin: Origin | None = None

    @property
    def parameters(self) -> dict[str, Array]:
        """Every parameter and statistic by path, as copies."""
        return {path: view.copy() for path, view in self._engine.state.parameters.items()}

    @property
    def history(self) -> History:
        """The records of the epochs so far."""
        return self._memory.history

    @property
    def classes(self) -> dict[str, tuple[Any, ...]]:
        """The classes of each label target in order, once data was seen."""
        return dict(self._memory.classes)

    @run_errors()
    def load_parameters(self, parameters: Source, *, strict: bool = True) -> None:
        """Set parameters from arrays by path, a run directory or a safetensors file; all of them, and with a run its
        classes, or with `strict = False` those given."""
        weights = fitting_weights(self.spec, parameters, strict=strict, classes=self._memory.classes)
        self._memory.classes |= weights.classes
        self._assign(weights.arrays)

    @run_errors()
    def step(self, batch: Batch) -> dict[str, float]:
        """One forward pass, backward pass and update. The loss, the penalty where there are regularizers, and the
        metrics of this batch.

        Outside `fit` a schedule counts every step as an epoch.
        """
        program = self._intake.load(batch)
        engine = self._engine
        self._memory.leave_best()
        if not engine.finite(engine.gradients(program)):
            raise anomaly(engine, program, GIVEN)
        engine.accept()
        engine.add(1.0, first=True)
        engine.update(self._lr.at(engine.state.counters.step))
        tally = Tally(self._metrics)
        tally.add(program.values, program.rows)
        return tally.result()

    @run_errors()
    def gradients(self, batch: Batch) -> dict[str, Array]:
        """The gradient of loss + penalty for each trained parameter. Nothing is updated."""
        program = self._intake.load(batch)
        if not self._engine.finite(self._engine.gradients(program)):
            raise anomaly(self._engine, program, GIVEN)
        return {path: view.copy() for path, view in self._engine.state.gradient.items()}

    @run_errors()
    def fit(
        self,
        train: Batch | Dataset | Iterable[Batch] | None = None,
        validation: Batch | Dataset | Iterable[Batch] | None = None,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        steps_per_epoch: int | None = None,
        run: str | Path | None = None,
        watcher: Watcher | None = None,
        callbacks: Sequence[Any] = (),
        checkpoint_every: int | str = "30s",
        on_nan: OnNan = "stop",
        overwrite: bool = False,
    ) -> History:
        """Train on the data of the spec, on these arrays, a table, or an iterable of batches, and keep the weights of
        the best epoch.

        `epochs` or `steps` is the length of the whole run, what is done already included; by default the spec's. With
        `run`, the run directory is kept up to date: a checkpoint follows every epoch, and within one every
        `checkpoint_every` steps (100) or time ("30s", "5m"). A loss or gradient that is not finite ends the run, or
        with `on_nan = "skip"` its update is left out and counted. An interrupt raises KeyboardInterrupt when the state
        is saved; another `fit` goes on. An epoch of an iterable has `steps_per_epoch` batches, by default its length.
        `watcher` is told of every step, every epoch and the end; `callbacks` (see `nnspec.Callback`) too, before an
        epoch is saved, so that what they log is saved with it. With `overwrite`, a run that `run` holds is removed
        when the rows to learn from were read.
        """
        cadence = Cadence.parse(checkpoint_every)
        kept = self._run(run) if run is not None else None
        with kept.writing() if kept else nullcontext():
            if kept and train is None:
                kept.look_at_data()
            feed, held_out = self._feeds(train, validation, steps_per_epoch)
            if kept and overwrite:
                kept.clear()
            self._prepare(feed)
            length = length_of(self._engine.train, len(feed), epochs, steps)
            told = Callbacks(callbacks) if callbacks else None
            if told:
                told.start(self)
            Loop(
                self._engine,
                self._metrics,
                self._memory,
                train=feed,
                validation=held_out,
                length=length,
                watcher=watcher,
                keeper=kept.begin(cadence, length) if kept else None,
                on_nan=on_nan,
                callbacks=told,
            ).run()
            self._use_best()
            if kept:
                kept.finish()
        return self._memory.history

    @run_errors()
    def evaluate(self, data: str | Batch | Dataset = "validation") -> dict[str, float]:
        """Loss (the mean over the rows) and metrics over `train`, `validation` or `test`, or over arrays."""
        return evaluate(self._engine, self._metrics, self.rows(data))

    @run_errors()
    def predict(self, inputs: Batch) -> dict[str, Array]:
        """The outputs of the model for arrays by input name, or for a table."""
        dataset = dataset_from_arrays(self.spec, inputs, self._memory.classes, targets=False)
        return predict(self._outputs, self.spec, dataset.arrays, dataset.rows)

    @run_errors()
    def save(self, run: str | Path) -> None:
        """Write a run directory."""
        kept = self._run(run)
        with kept.writing():
            kept.save()

    @classmethod
    @run_errors()
    def resume(
        cls,
        run: str | Path,
        *,
        device: str = "cpu",
        threads: int | None = None,
        folder: str | Path | None = None,
    ) -> Trainer:
        """The trainer of a run directory, where its newest checkpoint left it; `fit` goes on to the end of the run.

        A damaged checkpoint is named by a RunWarning, and the one before is used. `folder` is where the data is, if it
        has moved.
        """
        kept = RunFolder(run)
        origin = Origin(kept, kept.read_facts())
        trainer = cls.__new__(cls)
        on, data = Device(device, threads or origin.threads), folder or origin.facts["folder"]
        trainer._build(kept.read_spec(), origin.facts["seed"], on, data, {})
        origin.restore(trainer._engine, trainer._memory, trainer._metrics)
        trainer._origin = origin
        return trainer

    def _run(self, path: str | Path) -> Run:
        return Run(path, self._engine, self._memory, self.folder, self._origin)

    def _load_initial(self) -> None:
        """Start from the weights that the train section names: for the whole model, or for a part of it."""
        init = self._engine.train.init
        if init is not None:
            asked = Start(file=init) if isinstance(init, str) else codec.decode(registries(), "weights", init)
            self._assign(starting_weights(self.spec, self.folder / asked.file, asked, Path(self.spec.path).parent))

    def _assign(self, arrays: Mapping[str, Array]) -> None:
        self._memory.leave_best()
        self._engine.state.assign(arrays)
        fitted = {path for node in fitted_nodes(self.spec, registries()) for path in node.parameters.values()}
        self._memory.fitted |= fitted <= set(arrays)

    def _new_history(self) -> History:
        stop = self._engine.train.early_stop
        watches = registries()["stop"][stop.component](**stop.options).watches if stop else "validation.loss"
        return History(watches, self._metrics.mode(watches))

    @cached_property
    def _outputs(self) -> Forward:
        return Forward(self._engine, {item.name: item.value for item in self.spec.outputs})

    @cached_property
    def _lr(self) -> LearningRate:
        train = self._engine.train
        return LearningRate(self._engine.optimizer, Length(1, train.steps or train.epochs or 1))

    def _feeds(self, train: Any, validation: Any, steps_per_epoch: int | None) -> tuple[Feed, Dataset | None]:
        """What `fit` was given: the batches to learn from, and the rows to validate with."""
        if train is not None and not isinstance(train, Dataset) and is_stream(train):
            stream = StreamFeed(self._engine, self._intake, Stream(train, steps_per_epoch))
            return stream, None if validation is None else self.rows(validation)
        if steps_per_epoch is not None:
            raise ValueError("steps_per_epoch is for iterables of batches; batch_size in the spec divides rows")
        rows, held_out = self.rows.for_training(train, validation)
        return RowFeed(self._engine, rows), held_out

    def _prepare(self, feed: Feed) -> None:
        """Go on from the last weights, not from the best; before the first step, fit the statistics of the rows."""
        if self._memory.last:
            self._engine.state.restore(self._memory.last)
            self._memory.last = None
        if not self._memory.fitted:
            fit_statistics(self._engine, feed.examples)
            self._memory.fitted = True

    def _use_best(self) -> None:
        if self._memory.best:
            self._memory.last = self._engine.state.weights()
            self._engine.state.restore(self._memory.best)
