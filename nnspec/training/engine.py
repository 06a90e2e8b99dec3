"""Gradients and updates of one spec: programs per batch signature over one state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np

from nnspec.compiler.batch import batch_types, sizes_of
from nnspec.compiler.lowering import Library
from nnspec.compiler.training_graphs import AVERAGE, LOSS, require_trainable, update_slots
from nnspec.diagnostics.errors import Fault
from nnspec.ir import codec
from nnspec.ir.spec import Spec, Train
from nnspec.recipe.base import Average, Optimizer
from nnspec.runtime.buffers import squares
from nnspec.runtime.session import Brake
from nnspec.training.programs import BatchProgram, Device, evaluation_program, gradients_program
from nnspec.training.state import TrainingState
from nnspec.training.update import Rule, Update

Array = np.ndarray[Any, Any]
Shapes = dict[str, tuple[int, ...]]


class Engine:
    """Runs the training graphs of a spec over a `TrainingState`. Programs are built when a batch signature is first
    seen."""

    def __init__(self, spec: Spec, library: Library, seed: int, device: Device) -> None:
        if spec.train is None:
            raise Fault("E711", f"{spec.name} has no train section", help="add one, with a loss and an optimizer")
        self.spec = spec
        self.train: Train = spec.train
        self.library = library
        self.device = device
        self.brake = Brake()
        """Ends the run of a batch program that is under way. Updates, which work in place, always end by themselves."""
        self.optimizer: Optimizer = codec.decode(library, "optimizer", spec.train.optimizer)
        self.average: Average | None = (
            codec.decode(library, "average", spec.train.average) if spec.train.average else None
        )
        self.state = TrainingState(spec, update_slots(self.optimizer, self.average), seed)
        self.gradient_norm = nan
        """The L2 norm of the gradients that `finite` looked at last."""
        self._update: Update | None = None
        self._gradients: dict[tuple[Any, ...], BatchProgram] = {}
        self._evaluations: dict[tuple[Any, ...], BatchProgram] = {}

    def gradients_program(self, shapes: Shapes) -> BatchProgram:
        """The program that computes gradients for batches of these shapes."""
        return self._program(self._gradients, gradients_program, shapes)

    def evaluation_program(self, shapes: Shapes) -> BatchProgram:
        """The program that computes loss and metrics for batches of these shapes."""
        return self._program(self._evaluations, evaluation_program, shapes)

    def require_trainable(self, shapes: Shapes) -> None:
        """Raise now what stops the model from learning from batches of these shapes: E718 for too few rows."""
        require_trainable(self.spec, self.library, sizes_of(batch_types(self.spec), shapes))

    def gradients(self, program: BatchProgram) -> float:
        """Compute the gradients for the batch in the program's buffers; the loss. It and they may be anything."""
        self.state.draw_word[...] = self.state.counters.draws & 0xFFFFFFFF
        program.run()
        return float(program.values[LOSS])

    def finite(self, loss: float) -> bool:
        """Whether the loss, the gradients and the running statistics just computed are finite. The norm of the
        gradients comes with it."""
        flat = self.state.gradient.flat
        total = squares(flat)
        self.gradient_norm = sqrt(total)
        finite = isfinite(loss) and (isfinite(total) or bool(np.isfinite(flat).all()))
        return finite and self.state.finite_statistics()

    def accept(self) -> None:
        """Count the gradients just computed as part of training: their random draw and their running statistics."""
        self.state.counters.draws += 1
        self.state.accept_statistics()

    def reject(self) -> None:
        """Leave the gradients just computed out of training, but for their random draw."""
        self.state.counters.draws += 1
        self.state.counters.spoiled = True

    def add(self, weight: float, *, first: bool) -> None:
        """Where gradients of several batches make one update: add those just computed, times `weight`, to the total."""
        if self.state.total is self.state.gradient:
            return
        if first:
            self.state.total.flat.fill(0)
        self.updater.accumulate(weight)

    def update(self, lr: float) -> None:
        """Change the parameters by the gradients, or leave the update out where some of them were rejected."""
        counters = self.state.counters
        if counters.spoiled:
            counters.spoiled = False
            counters.step += 1
            counters.skipped += 1
        else:
            self.updater(lr)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the parameters are their running average, where the spec asks for one and there was an update."""
        if self.average is None or self.state.counters.updates == 0:
            yield
            return
        trained = self.state.trained.flat
        last = trained.copy()
        trained[:] = self.state.slots[AVERAGE].flat
        try:
            yield
        finally:
            trained[:] = last

    @property
    def updater(self) -> Update:
        """The update, built when it is first needed."""
        if self._update is None:
            rule = Rule(self.optimizer, self.average)
            self._update = Update(self.train, rule, self.state, self.device)
        return self._update

    def _program(
        self, known: dict[tuple[Any, ...], BatchProgram], build: Callable[..., BatchProgram], shapes: Shapes
    ) -> BatchProgram:
        key = tuple(sorted(shapes.items()))
        if key not in known:
            sizes = sizes_of(batch_types(self.spec), shapes)
            known[key] = build(self.spec, self.library, sizes, self.state, self.device, self.brake)
        return known[key]


def shapes_of(arrays: Mapping[str, Array], rows: int | None = None) -> Shapes:
    """The shapes of a batch; with `rows`, those of so many rows of whole arrays."""
    return {name: array.shape if rows is None else (rows, *array.shape[1:]) for name, array in arrays.items()}
