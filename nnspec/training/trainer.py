"""The trainer: the public interface of training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.initial import initial_values
from nnspec.compiler.weights import fitting_weights, read_weights, require_fit
from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.edge import run_errors
from nnspec.training.engine import Engine
from nnspec.training.evaluation import Forward, evaluate, predict
from nnspec.training.fitting import fit_statistics, fitted_nodes
from nnspec.training.history import History, Watcher
from nnspec.training.intake import Intake
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.loop import Loop, length_of
from nnspec.training.memory import Memory
from nnspec.training.programs import Device
from nnspec.training.rows import Batch, Rows
from nnspec.training.run_folder import RunFolder
from nnspec.training.tally import Metrics, Tally

Array = np.ndarray[Any, Any]


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
    ) -> None:
        """`seed` overrides that of the spec, `threads` is at most so many, `folder` is where the paths of the data
        section start."""
        self.spec = spec
        self.seed = seed if seed is not None else spec.train.seed if spec.train else 0
        self.folder = Path(folder) if folder is not None else Path(spec.path).parent
        self._engine = Engine(spec, registries(), self.seed, Device(device, threads))
        self._metrics = Metrics(spec, registries())
        self._memory = Memory(self._new_history())
        self._intake = Intake(spec, self._memory, self._engine.gradients_program)
        self._rows = Rows(spec, self.folder, self.seed, self._memory)
        self._engine.state.assign(initial_values(spec, registries(), self.seed))
        self._load_initial()

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
    def load_parameters(self, parameters: str | Path | Mapping[str, Array], *, strict: bool = True) -> None:
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
        engine.gradients(program, lambda: "in the batch given")
        engine.accept()
        engine.add(1.0, first=True)
        engine.update(self._lr.at(engine.state.counters.step))
        tally = Tally(self._metrics)
        tally.add(program.values, program.rows)
        return tally.result()

    @run_errors()
    def gradients(self, batch: Batch) -> dict[str, Array]:
        """The gradient of loss + penalty for each trained parameter. Nothing is updated."""
        self._engine.gradients(self._intake.load(batch), lambda: "in the batch given")
        return {path: view.copy() for path, view in self._engine.state.gradient.items()}

    @run_errors()
    def fit(
        self,
        train: Batch | None = None,
        validation: Batch | None = None,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        run: str | Path | None = None,
        watcher: Watcher | None = None,
    ) -> History:
        """Train on the data of the spec, or on these arrays, and keep the weights of the best epoch.

        `epochs` or `steps` is the length of the whole run, what is done already included; by default the spec's. With
        `run`, the run directory is kept up to date after every epoch. `watcher` is told of every step, every epoch and
        the end.
        """
        rows, held_out = self._rows.for_training(train, validation)
        self._prepare(rows)
        folder = RunFolder(run) if run is not None else None
        if folder:
            self._write_facts(folder)

        def keep(is_best: bool) -> None:
            if folder:
                folder.write_state(self._engine.state, self._memory, is_best)

        length = length_of(self._engine.train, rows.rows, epochs, steps)
        Loop(
            self._engine,
            self._metrics,
            self._memory,
            train=rows,
            validation=held_out,
            length=length,
            watcher=watcher,
            on_epoch=keep,
        ).run()
        self._use_best()
        if folder:
            folder.write_model(self.spec, self._engine.state, self._memory)
        return self._memory.history

    @run_errors()
    def evaluate(self, data: str | Batch | Dataset = "validation") -> dict[str, float]:
        """Loss (the mean over the rows) and metrics over `train`, `validation` or `test`, or over arrays."""
        return evaluate(self._engine, self._metrics, self._rows(data))

    @run_errors()
    def predict(self, inputs: Batch) -> dict[str, Array]:
        """The outputs of the model for arrays by input name."""
        dataset = dataset_from_arrays(self.spec, inputs, targets=False)
        return predict(self._outputs, self.spec, dataset.arrays, dataset.rows)

    @run_errors()
    def save(self, run: str | Path) -> None:
        """Write a run directory."""
        folder = RunFolder(run)
        self._write_facts(folder)
        folder.write_state(self._engine.state, self._memory, is_best=True)
        folder.write_model(self.spec, self._engine.state, self._memory)

    @classmethod
    @run_errors()
    def resume(cls, run: str | Path, *, device: str = "cpu", threads: int | None = None) -> Trainer:
        """The trainer of a run directory, where its last checkpoint left it; `fit` goes on to the end of the run."""
        folder = RunFolder(run)
        facts = folder.read_facts()
        trainer = cls(folder.read_spec(), seed=facts["seed"], device=device, threads=threads, folder=facts["folder"])
        folder.read_state(trainer.spec, trainer._engine.state, trainer._memory)
        return trainer

    def _load_initial(self) -> None:
        """Start from the weights that the train section names: for the whole model, or for a part of it."""
        init = self._engine.train.init
        if init is None:
            return
        file, into = (init, "") if isinstance(init, str) else (init.options["file"], init.options["into"])
        part = f"{into}." if into else ""
        arrays = {part + name: array for name, array in read_weights(self.folder / file).arrays.items()}
        require_fit(self.spec, arrays, part=part)
        self._assign(arrays)

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

    def _prepare(self, rows: Dataset) -> None:
        """Go on from the last weights, not from the best; before the first step, fit the statistics of the rows."""
        if self._memory.last:
            self._engine.state.restore(self._memory.last)
            self._memory.last = None
        if not self._memory.fitted:
            fit_statistics(self._engine, rows)
            self._memory.fitted = True

    def _use_best(self) -> None:
        if self._memory.best:
            self._memory.last = self._engine.state.weights()
            self._engine.state.restore(self._memory.best)

    def _write_facts(self, folder: RunFolder) -> None:
        folder.write_spec(self.spec)
        facts = {"folder": str(self.folder.resolve()), "seed": self.seed, "classes": self._memory.classes}
        folder.write_facts(self.spec, facts)
