"""Where the batches of an epoch come from: rows in memory, or an iterable of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnspec.data.ahead import Ahead
from nnspec.data.augment.augmenter import Augmenter
from nnspec.data.batching import Batches
from nnspec.data.rows import Dataset, Stop
from nnspec.data.stream import Stream
from nnspec.training.engine import Engine
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

    def close(self) -> None:
        """End what goes on beside the caller."""


class Turn(NamedTuple):
    """A batch to come."""

    epoch: int
    number: int
    rows: Array


class RowFeed:
    """Batches of the rows of a dataset, in an order that is a function of seed and epoch.

    Rows that are not in memory, and those that are augmented, are prepared by threads while earlier ones are learned
    from; which thread prepares what changes nothing.
    """

    def __init__(self, engine: Engine, dataset: Dataset) -> None:
        shuffle = engine.spec.data is None or engine.spec.data.shuffle
        self._engine, self._dataset = engine, dataset
        self._batches = Batches(dataset.rows, engine.train.batch_size, engine.state.seed, shuffle)
        self._order: tuple[int, Array] = (-1, np.empty(0, np.int64))
        self._augment = Augmenter(engine.spec, engine.library, engine.state.seed)
        self._ahead: Ahead[Turn, dict[str, Array]] | None = None
        self._next = (-1, -1)
        self._require_trainable()

    def __len__(self) -> int:
        return len(self._batches)

    def batch(self, epoch: int, number: int) -> Loaded:
        turn, arrays = self._prepared(epoch, number) if self._dataset.late or self._augment else (None, None)
        rows = turn.rows if turn else self._rows(epoch, number)
        program = self._engine.gradients_program(self._dataset.shapes(len(rows)))
        if arrays is None:
            program.gather(self._dataset.arrays, rows)
        else:
            program.load(arrays)
        return Loaded(program, len(rows), Place(f"epoch {epoch + 1}", lambda row: self._dataset.where(int(rows[row]))))

    def examples(self) -> Sequence[Dataset]:
        return [self._dataset]

    def close(self) -> None:
        if self._ahead:
            self._ahead.close()
            self._ahead = None

    def _require_trainable(self) -> None:
        """Raise E718 before the first step, and not at the end of the epoch, where its last batch is a single row."""
        if self._dataset.rows % self._batches.batch_size == 1:
            self._engine.require_trainable(self._dataset.shapes(1))

    def _rows(self, epoch: int, number: int) -> Array:
        if self._order[0] != epoch:
            self._order = epoch, self._batches.epoch_order(epoch)
        start = number * self._batches.batch_size
        return self._order[1][start : start + self._batches.batch_size]

    def _prepared(self, epoch: int, number: int) -> tuple[Turn, dict[str, Array]]:
        """A batch that was prepared ahead; the first one, and one out of the order, is prepared now."""
        if self._ahead is None or self._next != (epoch, number):
            self.close()
            self._ahead = Ahead(self._prepare, self._turns(epoch, number), self._engine.device.threads)
        found = next(self._ahead)
        self._next = (epoch, number + 1) if number + 1 < len(self) else (epoch + 1, 0)
        return found

    def _turns(self, epoch: int, number: int) -> Iterator[Turn]:
        """This batch and all that follow, epoch after epoch."""
        for later in count(epoch):
            for place in range(number if later == epoch else 0, len(self)):
                yield Turn(later, place, self._rows(later, place))

    def _prepare(self, turn: Turn, stop: Stop) -> dict[str, Array]:
        batch = self._dataset.batch(turn.rows, stop)
        if not stop():
            self._augment(batch, turn.epoch, turn.rows)
        return batch


class StreamFeed:
    """Batches as an iterable gives them."""

    def __init__(self, engine: Engine, intake: Intake, stream: Stream) -> None:
        self._intake, self._stream = intake, stream
        self._augment = Augmenter(engine.spec, engine.library, engine.state.seed)

    def __len__(self) -> int:
        return len(self._stream)

    def batch(self, epoch: int, number: int) -> Loaded:
        program = self._intake.load(self._stream.batch(epoch, number))
        self._augment(program.batch, epoch, np.arange(program.rows) + (number << 32))
        return Loaded(program, program.rows, Place(f"epoch {epoch + 1}, batch {number + 1}"))

    def examples(self) -> Sequence[Dataset]:
        """Those of the first epoch, in memory at once."""
        return [self._intake.read(batch) for batch in self._stream.first_epoch()]

    def close(self) -> None:
        """Nothing goes on beside the caller."""
