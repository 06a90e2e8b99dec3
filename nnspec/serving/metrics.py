"""Numbers for Prometheus, in its text format. Everything is counted in the event loop, so nothing is locked."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from nnspec import __version__

if TYPE_CHECKING:
    from nnspec.serving.batching import Report

TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """How often a number was at most each bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value
        self.count += 1

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The samples of a family."""
        below = 0
        for bound, count in zip(map(_number, self._bounds), self._counts, strict=False):
            below += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {below}'
        yield f'{name}_bucket{{{labels},le="+Inf"}} {self.count}'
        yield f"{name}_sum{{{labels}}} {self.total:.9g}"
        yield f"{name}_count{{{labels}}} {self.count}"


class ModelMetrics:
    """What is counted of one model."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()
        self.duration = Histogram(SECONDS)
        self.waiting = Histogram(SECONDS)
        self.computing = Histogram(SECONDS)
        self.rows = Histogram(ROWS)

    def batch(self, report: Report) -> None:
        if not report.rows:
            return
        self.rows.add(report.rows)
        self.computing.add(report.seconds)
        for job in report.jobs:
            self.waiting.add(report.started - job.arrived)

    def seconds_per_job(self) -> float:
        """What a request of the queue takes, so far."""
        return self.computing.total / self.waiting.count if self.waiting.count else 0.0


HISTOGRAMS = {
    "duration": ("request_duration_seconds", "Time from the last byte of a request to its answer."),
    "waiting": ("queue_duration_seconds", "Time that requests waited for the model."),
    "computing": ("compute_duration_seconds", "Time of one run of the model."),
    "rows": ("batch_rows", "Rows of one run of the model."),
}


class Metrics:
    """What is counted of all models, and of requests to none."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.models = {name: ModelMetrics() for name in names}
        self.others: Counter[int] = Counter()
        self.in_flight = 0
        self._begun = time.time()

    def text(self, queues: Mapping[str, int], ready: bool) -> str:
        """The page of /metrics; `queues` says how many requests wait for each model."""
        lines = [*_head("info", "gauge", "The version of nnspec."), f'nnspec_info{{version="{__version__}"}} 1']
        lines += [*_head("ready", "gauge", "Whether the server takes requests."), f"nnspec_ready {int(ready)}"]
        lines += _head(
            "requests_total", "counter", "Answers, by model and HTTP status; without a model where none is asked."
        )
        for name, counts in (*((n, m.answers) for n, m in self.models.items()), ("", self.others)):
            lines += [f'nnspec_requests_total{{model="{name}",code="{c}"}} {n}' for c, n in sorted(counts.items())]
        lines += _head("requests_in_flight", "gauge", "Requests that are being read, wait, or are computed.")
        lines.append(f"nnspec_requests_in_flight {self.in_flight}")
        lines += _head("queue_requests", "gauge", "Requests that wait for the model.")
        lines += [f'nnspec_queue_requests{{model="{name}"}} {count}' for name, count in queues.items()]
        lines += _head("rows_total", "counter", "Rows that were computed.")
        lines += [f'nnspec_rows_total{{model="{name}"}} {m.rows.total:.0f}' for name, m in self.models.items()]
        for key, (family, help) in HISTOGRAMS.items():
            lines += _head(family, "histogram", help)
            for name, model in self.models.items():
                lines += getattr(model, key).lines(f"nnspec_{family}", f'model="{name}"')
        return "\n".join([*lines, *self._process(), ""])

    def _process(self) -> Iterator[str]:
        used = os.times()
        yield from _head("process_cpu_seconds_total", "counter", "Processor time of the server.", "")
        yield f"process_cpu_seconds_total {used.user + used.system:.2f}"
        yield from _head("process_start_time_seconds", "gauge", "When the server began, in seconds since 1970.", "")
        yield f"process_start_time_seconds {self._begun:.2f}"
        if (resident := _resident()) is not None:
            yield from _head("process_resident_memory_bytes", "gauge", "Memory of the server.", "")
            yield f"process_resident_memory_bytes {resident}"


def _head(name: str, kind: str, help: str, prefix: str = "nnspec_") -> list[str]:
    return [f"# HELP {prefix}{name} {help}", f"# TYPE {prefix}{name} {kind}"]


def _number(value: float) -> str:
    return f"{value:g}"


def _resident() -> int | None:
    """Bytes of memory; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of anybody's
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
