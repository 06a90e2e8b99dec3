"""Batches as an iterable gives them, epoch after epoch. Import-light."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nnspec.data.tables import is_table
from nnspec.diagnostics.errors import DataError, Diagnostic


def is_stream(data: Any) -> bool:
    """Whether `data` is neither arrays by name nor a table nor a split, but can be iterated over."""
    return isinstance(data, Iterable) and not isinstance(data, Mapping | str) and not is_table(data)


class Stream:
    """The batches of an iterable, numbered.

    A list, a loader or whatever can be iterated anew begins again when it is at its end. An iterator, such as a
    generator, goes on from epoch to epoch and must not end before training does; it cannot be wound back, so a run that
    is resumed goes on with its next batch.
    """

    def __init__(self, batches: Iterable[Any], steps_per_epoch: int | None = None) -> None:
        """Raises ValueError where nothing says how many batches make an epoch."""
        count = steps_per_epoch if steps_per_epoch is not None else _length(batches)
        if count is None or count < 1:
            raise ValueError(
                "steps_per_epoch, the number of batches in an epoch, is needed for batches without a length"
                if count is None
                else f"an epoch has at least one batch, not {count}"
            )
        self._count = count
        self._source = batches
        self._batches: Iterator[Any] | None = None
        self._ahead: deque[Any] = deque()

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self._count

    def batch(self, epoch: int, number: int) -> Any:
        """The next batch, `number` of `epoch` from 0. Raises E609 where there is none."""
        if self._batches is None and iter(self._source) is not self._source:
            for _ in range(number):
                self._next(epoch, number)  # a resumed epoch goes on behind the batches that it had
        return self._ahead.popleft() if self._ahead else self._next(epoch, number)

    def first_epoch(self) -> list[Any]:
        """The batches of the first epoch, which `batch` gives again."""
        while len(self._ahead) < self._count:
            self._ahead.append(self._next(0, len(self._ahead)))
        return list(self._ahead)

    def _next(self, epoch: int, number: int) -> Any:
        if self._batches is None:
            self._batches = iter(self._source)
        try:
            return next(self._batches)
        except StopIteration:
            pass
        if iter(self._source) is not self._source:
            self._batches = iter(self._source)
            for batch in self._batches:
                return batch
        raise DataError([_ended(epoch, number, self._count)])


def _length(batches: Iterable[Any]) -> int | None:
    try:
        return len(batches)  # type: ignore[arg-type]
    except TypeError:
        return None


def _ended(epoch: int, number: int, count: int) -> Diagnostic:
    return Diagnostic(
        "E609",
        f"the batches ended after {number} of {count} in epoch {epoch + 1}",
        None,
        "give a generator that goes on, or something that can be iterated anew, such as a list",
    )
