"""All that changes while a model trains: flat buffers and a few whole numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.training_graphs import frozen_paths, trained_parameters
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.buffers import FlatBuffer, squares

Array = np.ndarray[Any, Any]


@dataclass
class Counters:
    """How far training is. With the seed, these numbers fix every random draw and every batch to come."""

    epoch: int = 0
    """Epochs completed."""
    batch: int = 0
    """Batches done in the epoch under way."""
    step: int = 0
    """Updates of the parameters, those left out included: what the schedule counts."""
    draws: int = 0
    """Gradients computed; random numbers in the graph are a function of it."""
    skipped: int = 0
    """Steps whose update was left out, since something was not finite."""
    spoiled: bool = False
    """Whether a batch of the group under way was not finite, so that its update is left out."""

    @property
    def updates(self) -> int:
        """Updates that were made: what the optimizer counts."""
        return self.step - self.skipped


class Weights(NamedTuple):
    """A copy of all parameters."""

    trained: Array
    held: Array


class TrainingState:
    """Parameters, gradients and the optimizer's state of a spec.

    `trained` holds the parameters that the optimizer changes; `gradient`, `total` (accumulated gradients) and every
    slot have its layout. `held` holds the others, statistics first and then what is frozen; `next_held` takes the new
    running statistics of a step until it is accepted.
    """

    def __init__(self, spec: Spec, slots: Iterable[str], seed: int) -> None:
        _require_float32(spec)
        trained = {item.path: item.shape for item in trained_parameters(spec)}
        self.trained = FlatBuffer(trained)
        self.gradient = self.trained.like()
        self.total = self.trained.like() if spec.train and spec.train.accumulate > 1 else self.gradient
        self.slots = {slot: self.trained.like() for slot in slots}
        held, frozen = [item for item in spec.parameters if item.path not in trained], frozen_paths(spec)
        held.sort(key=lambda item: item.path in frozen)
        self.held = FlatBuffer({item.path: item.shape for item in held})
        self.next_held = self.held.like()
        self.statistics = tuple(item.path for item in held if item.path not in frozen)
        """The paths of what is neither trained nor frozen: fitted and running statistics."""
        end = self.held.slices[self.statistics[-1]].stop if self.statistics else 0
        self._next_statistics = self.next_held.flat[:end]
        both = {**self.trained, **self.held}
        self.parameters: dict[str, Array] = {item.path: both[item.path] for item in spec.parameters}
        """Every parameter by path, in the order of the spec: views of the buffers."""
        self.counters = Counters()
        self.seed = seed
        self.seed_word = np.array((seed ^ seed >> 32) & 0xFFFFFFFF, np.uint32)
        self.draw_word = np.array(0, np.uint32)

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set parameters; names and shapes are those of the spec."""
        for path, value in values.items():
            self.parameters[path][...] = value
        self.next_held.flat[:] = self.held.flat

    def finite_statistics(self) -> bool:
        """Whether the running statistics of the last gradients are finite."""
        found = self._next_statistics
        return isfinite(squares(found)) or bool(np.isfinite(found).all())

    def accept_statistics(self) -> None:
        """Make the running statistics of the last gradients the current ones."""
        np.copyto(self.held.flat, self.next_held.flat)

    def weights(self) -> Weights:
        return Weights(self.trained.flat.copy(), self.held.flat.copy())

    def restore(self, weights: Weights) -> None:
        self.trained.flat[:] = weights.trained
        self.held.flat[:] = weights.held
        self.next_held.flat[:] = weights.held


def _require_float32(spec: Spec) -> None:
    """Raise E708 for parameters of another dtype than training works in."""
    for item in spec.parameters:
        if item.dtype != "float32":
            raise Fault(
                "E708",
                f"{item.path} is {item.dtype}; training works in float32",
                help='cast("float32") before the layer',
            )
