"""Where the batches of an epoch come from: rows in memory, or an iterable of batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnspec.data.batching import Batches
from nnspec.data.rows import Dataset
from nnspec.data.stream import Stream
from nnspec.training.engine import Engine, shapes_of
from nnspec.training.intake import Intake
from nnspec.training.programs import BatchProgram

Array = np.ndarray[Any, Any]


class Place(NamedTuple):
    """Where in the data a batch is from."""

    batch: str
    """All of it: `epoch 2`, `in the batch given`."""
    row: Callable[[int], str] = "index {}".format
    """A row of it by its number: `data/iris.csv, line 17`."""


class Loaded(NamedTuple):
    """A batch in the buffers of the program that computes its gradients."""

    program: BatchProgram
    rows: int
    place: Place
    """The rows, for messages."""


class Feed(Protocol):
    """Gives the batches of an epoch by their numbers, in order from any one on."""

    def __len__(self) -> int:
        """Batches in an epoch."""

    def batch(self, epoch: int, number: int) -> Loaded:
        """Batch `number` of an epoch, both from 0."""

    def examples(self) -> Sequence[Dataset]:
        """Rows that statistics of the training rows are taken from."""


class RowFeed:
    """Batches of the rows of a dataset, in an order that is a function of seed and epoch."""

    def __init__(self, engine: Engine, dataset: Dataset) -> None:
        shuffle = engine.spec.data is None or engine.spec.data.shuffle
        self._engine, self._dataset = engine, dataset
        self._batches = Batches(dataset.rows, engine.train.batch_size, engine.state.seed, shuffle)
        self._order: tuple[int, Array] = (-1, np.empty(0, np.int64))
        self._require_trainable()

    def __len__(self) -> int:
        return len(self._batches)

    def batch(self, epoch: int, number: int) -> Loaded:
        if self._order[0] != epoch:
            self._order = epoch, self._batches.epoch_order(epoch)
        start = number * self._batches.batch_size
        rows = self._order[1][start : start + self._batches.batch_size]
        program = self._engine.gradients_program(shapes_of(self._dataset.arrays, len(rows)))
        program.gather(self._dataset.arrays, rows)
        return Loaded(program, len(rows), Place(f"epoch {epoch + 1}", lambda row: self._dataset.where(int(rows[row]))))

    def examples(self) -> Sequence[Dataset]:
        return [self._dataset]

    def _require_trainable(self) -> None:
        """Raise E718 before the first step, and not at the end of the epoch, where its last batch is a single row."""
        if self._dataset.rows % self._batches.batch_size == 1:
            self._engine.require_trainable(shapes_of(self._dataset.arrays, 1))


class StreamFeed:
    """Batches as an iterable gives them."""

    def __init__(self, intake: Intake, stream: Stream) -> None:
        self._intake, self._stream = intake, stream

    def __len__(self) -> int:
        return len(self._stream)

    def batch(self, epoch: int, number: int) -> Loaded:
        program = self._intake.load(self._stream.batch(epoch, number))
        return Loaded(program, program.rows, Place(f"epoch {epoch + 1}, batch {number + 1}"))

    def examples(self) -> Sequence[Dataset]:
        """Those of the first epoch, in memory at once."""
        return [self._intake.read(batch) for batch in self._stream.first_epoch()]
