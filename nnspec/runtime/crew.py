"""Threads that share runs which do not depend on one another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait

from nnspec.runtime.session import Run


class Crew:
    """Does many runs, each on one thread, the calling one included.

    Whoever is free takes the next, so a thread that the machine holds up holds up nobody. ONNX Runtime lets other
    threads of Python go on while it works.
    """

    def __init__(self, threads: int) -> None:
        self._helpers = ThreadPoolExecutor(threads - 1, "nnspec-crew") if threads > 1 else None
        self._count = threads - 1

    def __call__(self, runs: Iterable[Run]) -> None:
        """Returns when all are done. Raises what a run raises."""
        left = deque(runs)
        if self._helpers is None or len(left) < 2:
            _work(left)
            return
        helping = [self._helpers.submit(_work, left) for _ in range(min(self._count, len(left) - 1))]
        try:
            _work(left)
        finally:
            wait(helping)
        for helper in helping:
            helper.result()


def _work(left: deque[Run]) -> None:
    while left:
        try:
            run = left.popleft()
        except IndexError:  # another thread was faster
            return
        run()
