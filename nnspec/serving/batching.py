"""Requests that wait are computed together: whatever of one shape is there when the model becomes free.

A request never waits for others while the model is free, unless `max_delay` says so. The queue is filled by the event
loop and emptied by threads, in which ONNX Runtime computes; what they find goes back to the loop once per batch.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.session import Brake, Stopped, available_cores
from nnspec.serving.metrics import ModelMetrics
from nnspec.serving.model import Model
from nnspec.serving.refusal import Refusal, bad

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]


@dataclass(slots=True)
class Job:
    """A request that waits."""

    inputs: Mapping[str, Array]
    rows: int
    room: int
    """Rows of this shape that find room in one run."""
    shape: tuple[tuple[int, ...], ...]
    """Of a row of each input: jobs of one shape share a run."""
    answer: asyncio.Future[Outputs]
    gone: Callable[[], bool]
    """Whether nobody waits for the answer any more."""
    arrived: float = 0.0


@dataclass(slots=True)
class Report:
    """What became of a batch."""

    jobs: Sequence[Job]
    results: Sequence[Outputs | Exception | None]
    """None for a job whose client has gone."""
    rows: int = 0
    started: float = 0.0
    seconds: float = 0.0


class Batcher:
    """The queue of a model, and the threads that empty it."""

    def __init__(self, model: Model, metrics: ModelMetrics, loop: asyncio.AbstractEventLoop) -> None:
        self.model = model
        self._metrics = metrics
        self._loop = loop
        self._limits = model.limits
        self._queue: deque[Job] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._filling: int | None = None
        self._ended = False
        count = self._limits.workers or (1 if model.batch is not None else available_cores())
        self._brakes = [Brake() for _ in range(count)]
        self._running: list[float | None] = [None] * count
        self._threads = [
            threading.Thread(target=self._work, args=(index,), name=f"nnspec {model.name} {index}", daemon=True)
            for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, inputs: Mapping[str, Array], room: int, gone: Callable[[], bool]) -> asyncio.Future[Outputs]:
        """The outputs, in the future. Raises a Refusal, 429, where too many wait already."""
        if len(self._queue) >= self._limits.max_queue:
            raise Refusal(429, f"{len(self._queue)} requests wait already", retry=self._patience())
        together = self.model.batch is not None
        rows = len(next(iter(inputs.values()))) if together else 1
        shape = tuple(inputs[name].shape[1:] for name in self.model.inputs) if together else ()
        job = Job(inputs, rows, room, shape, self._loop.create_future(), gone, time.monotonic())
        with self._changed:
            self._queue.append(job)
            if self._idle or (self._filling is not None and len(self._queue) >= self._filling):
                self._changed.notify()
        return job.answer

    def watch(self) -> None:
        """End runs that take longer than they may; called by the loop now and then."""
        now = time.monotonic()
        for brake, started in zip(self._brakes, tuple(self._running), strict=True):
            if started is not None and now - started > self._limits.timeout:
                brake.pull()

    def end(self) -> None:
        """Let the threads end once the queue is empty."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _patience(self) -> float:
        """Seconds until the queue of now is likely empty."""
        return max(1.0, self._metrics.seconds_per_job() * len(self._queue))

    # ---- in the threads

    def _work(self, index: int) -> None:
        while (jobs := self._next()) is not None:
            self._running[index] = time.monotonic()
            report = self._computed(jobs, self._brakes[index])
            self._running[index] = None
            self._brakes[index].release()
            try:
                self._loop.call_soon_threadsafe(self._deliver, report)
            except RuntimeError:  # the loop has ended without waiting for its answers
                return

    def _next(self) -> list[Job] | None:
        """The jobs of the next run: the oldest one, and what fits to it; None at the end."""
        with self._changed:
            while not self._queue:
                if self._ended:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            while self._limits.max_delay and self.model.batch is not None and not self._ended and self._queue:
                left = self._queue[0].arrived + self._limits.max_delay - time.monotonic()
                if left <= 0 or sum(job.rows for job in self._queue) >= self._queue[0].room:
                    break
                self._filling = self._limits.max_batch
                self._changed.wait(left)
                self._filling = None
            return self._taken() if self._queue else []

    def _taken(self) -> list[Job]:
        first = self._queue.popleft()
        if self.model.batch is None or first.rows >= first.room:
            return [first]
        jobs, rows, left = [first], first.rows, deque[Job]()
        while self._queue:
            job = self._queue.popleft()
            if job.shape == first.shape and rows + job.rows <= first.room:
                jobs.append(job)
                rows += job.rows
                if rows == first.room:
                    break
            else:
                left.append(job)
        self._queue.extendleft(reversed(left))
        return jobs

    def _computed(self, jobs: Sequence[Job], brake: Brake) -> Report:
        """Run the jobs whose clients still wait; each alone where they fail together, so that one harms no other."""
        started = time.monotonic()
        results: list[Outputs | Exception | None] = [self._hopeless(job, started) for job in jobs]
        live = [i for i, job in enumerate(jobs) if results[i] is None and not job.gone()]
        found = self._together([jobs[i] for i in live], brake)
        for i, result in zip(live, found, strict=True):
            results[i] = result
        rows = sum(jobs[i].rows for i in live)
        return Report(jobs, results, rows, started, time.monotonic() - started)

    def _hopeless(self, job: Job, now: float) -> Refusal | None:
        waited = now - job.arrived
        if waited <= self._limits.timeout:
            return None
        return Refusal(503, f"it waited {waited:.0f} seconds for the model to become free", retry=self._patience())

    def _together(self, jobs: Sequence[Job], brake: Brake) -> Sequence[Outputs | Exception]:
        if not jobs:
            return []
        try:
            if len(jobs) == 1:
                return [self.model.run(jobs[0].inputs, brake)]
            names = jobs[0].inputs
            outputs = self.model.run(
                {name: np.concatenate([job.inputs[name] for job in jobs]) for name in names}, brake
            )
            ends = np.cumsum([job.rows for job in jobs]).tolist()
            if any(len(array) != ends[-1] for array in outputs.values()):
                raise Fault("E705", "an output has not a row for each row of the inputs")
            spans = [slice(end - job.rows, end) for job, end in zip(jobs, ends, strict=True)]
            return [{name: array[span] for name, array in outputs.items()} for span in spans]
        except Stopped:
            late = Refusal(503, f"the model computed longer than {self._limits.timeout:g} seconds")
            return [late for _ in jobs]
        except Fault as fault:
            if len(jobs) == 1:
                return [bad("inputs", fault.message)]
            return [result for job in jobs for result in self._together([job], brake)]
        except Exception as error:  # a defect of ours is the answer to these requests, and the thread lives on
            return [error for _ in jobs]

    # ---- in the loop

    def _deliver(self, report: Report) -> None:
        self._metrics.batch(report)
        for job, result in zip(report.jobs, report.results, strict=True):
            if job.answer.done():
                continue
            if isinstance(result, Exception):
                job.answer.set_exception(result)
            elif result is not None:
                job.answer.set_result(result)
            else:
                job.answer.cancel()
