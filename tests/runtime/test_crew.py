"""Runs that several threads share."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from nnspec.runtime.crew import Crew


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_every_run_is_done_once(threads: int, count: int) -> None:
    done: list[int] = []
    crew = Crew(threads)
    for _ in range(3):
        crew([partial(done.append, number) for number in range(count)])
    assert sorted(done) == sorted(list(range(count)) * 3)


def test_threads_work_at_the_same_time() -> None:
    """Each run waits for the other."""
    meeting = threading.Barrier(2, timeout=20)
    Crew(2)([meeting.wait, meeting.wait])  # type: ignore[list-item]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_run_raises_is_raised(threads: int) -> None:
    def fail() -> None:
        raise OSError("no")

    done: list[int] = []
    with pytest.raises(OSError, match="no"):
        Crew(threads)([partial(done.append, 1), fail, fail])
    assert done == [1]
