"""Fair times of several sides, each a process of its own.

They take turns in short slices, so that whatever else the machine does falls on all; a slice gives the median time of
its steps, and the ratio of two neighbouring slices is one sample.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

SLICE = 0.15
"""Seconds of a slice."""
WARM_UP = 20
"""Steps before the first slice; fewer where they take longer than LONGEST_WARM_UP."""
LONGEST_WARM_UP = 1.5
"""Seconds."""


def arguments(description: str | None, words: Sequence[str], cases: Iterable[str] = ()) -> argparse.Namespace:
    """The options of a benchmark; `worker` holds the words that tell one side what to do, where there are any, and
    `cases` those of `cases` that are to be measured."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", default=sys.executable, help="the interpreter that has torch")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cases", nargs="+", choices=list(cases), default=list(cases))
    parser.add_argument("--worker", nargs=len(words), metavar=tuple(words), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(module: str, sides: Sequence[tuple[str, Sequence[Any]]], rounds: int) -> list[tuple[float, ...]]:
    """Seconds of a step on every side, once for each round. A side is an interpreter, and words for the worker of the
    benchmark `module`."""
    workers = [
        subprocess.Popen(
            [python, "-m", f"benchmarks.{module}", "--worker", *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for python, words in sides
    ]
    times = [tuple(_slice(worker) for worker in workers) for _ in range(rounds + 1)]
    for worker in workers:
        _stream(worker.stdin).close()
        worker.wait()
    return times[1:]


def ratio(times: Sequence[tuple[float, ...]], above: int, below: int) -> float:
    """The median of the paired ratios of two sides."""
    return statistics.median(row[above] / row[below] for row in times)


def micros(times: Sequence[tuple[float, ...]]) -> list[float]:
    """The median of each side, in microseconds."""
    return [statistics.median(side) * 1e6 for side in zip(*times, strict=True)]


def answer(step: Callable[[], Any]) -> None:
    """Be a worker: answer every line of the input with the median time of a step in one slice."""
    start = time.perf_counter()
    for done in range(WARM_UP):
        if done < 3 or time.perf_counter() - start < LONGEST_WARM_UP:
            step()
    for _ in sys.stdin:
        times, end = [], time.perf_counter() + SLICE
        while time.perf_counter() < end:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(statistics.median(times), flush=True)


def _slice(worker: subprocess.Popen[str]) -> float:
    stdin, stdout = _stream(worker.stdin), _stream(worker.stdout)
    stdin.write("go\n")
    stdin.flush()
    return float(stdout.readline())


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
