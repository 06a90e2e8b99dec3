"""Reading ahead: threads prepare the next batches while the present one is computed with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np

from nnspec.data.rows import Dataset, Stop

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_THREADS = 8
"""Beyond, Python's lock is what threads wait for."""
SPARE = 2
"""Batches that may wait, beside one in the hands of each thread: one is taken, another stands by."""

Item = TypeVar("Item")
Made = TypeVar("Made")


class Ahead(Generic[Item, Made]):
    """What `work` makes of one item after another, made by threads before it is asked for.

    The results come in the order of the items, whichever thread is done first. Never are there more of them than
    threads and two. What `work` raises is raised where its result is asked for. `work` is also given a function that
    says whether to break off, since nobody will ask.
    """

    def __init__(self, work: Callable[[Item, Stop], Made], items: Iterable[Item], threads: int) -> None:
        count = max(1, min(threads, MOST_THREADS))
        self._work, self._items = work, iter(items)
        self._pool = ThreadPoolExecutor(count, "nnspec-ahead")
        self._depth = count + SPARE
        self._waiting: deque[tuple[Item, Future[Made]]] = deque()
        self._closed = False
        self._fill()

    def __iter__(self) -> Iterator[tuple[Item, Made]]:
        return self

    def __next__(self) -> tuple[Item, Made]:
        """The next item and what became of it."""
        if not self._waiting:
            raise StopIteration
        item, made = self._waiting[0]
        result = made.result()
        self._waiting.popleft()
        self._fill()
        return item, result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads; returns when they have, after at most a row each."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

    def _fill(self) -> None:
        while len(self._waiting) < self._depth and not self._closed:
            try:
                item = next(self._items)
            except StopIteration:
                return
            self._waiting.append((item, self._pool.submit(self._work, item, lambda: self._closed)))


Batch = tuple[dict[str, "NDArray[Any]"], "NDArray[np.int64]"]
"""Arrays, and where the rows of a batch are in them."""


@contextmanager
def reading(dataset: Dataset, batches: Iterable[NDArray[np.int64]], threads: int) -> Iterator[Iterator[Batch]]:
    """Inside, the batches of these row numbers: of rows in memory the whole arrays, of others read ahead by threads."""
    if not dataset.late:
        arrays = dict(dataset.arrays)
        yield ((arrays, rows) for rows in batches)
        return
    with Ahead(dataset.batch, batches, threads) as ahead:
        yield ((batch, np.arange(len(rows))) for rows, batch in ahead)
