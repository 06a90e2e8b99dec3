"""The update: optimizer, clipping and accumulation over the flat buffers of a run, in place."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.hoisting import scalars_apart
from nnspec.compiler.training_graphs import accumulation_graph, norm_graph, update_graph
from nnspec.graph.graph import Graph, numpy_dtype
from nnspec.ir.spec import Train
from nnspec.recipe.base import Average, Optimizer
from nnspec.runtime.buffers import aligned
from nnspec.runtime.crew import Crew
from nnspec.runtime.session import Run, Session
from nnspec.training.programs import Device
from nnspec.training.state import TrainingState

Arrays = dict[str, np.ndarray[Any, Any]]

TILE = 1 << 16
"""Floats in one run of the update, which a thread does alone: 256 kB of each buffer. Milliseconds for adamw over 8.4 M
parameters on one thread, by floats in a run: 2^14 17.4, 2^15 15.5, 2^16 13.5, 2^17 14.4, all at once 37.
What is the same for all tiles is computed before them, which saves 0.7 of 12.9."""

LARGE_TILE, LARGE = 1 << 17, 1 << 21
"""Floats in a run where there are at least so many parameters, so that the threads still share the work evenly. On
another day 11 M parameters took 18.5 ms in runs of 2^16 and 17.2 in runs of 2^17, on two threads 10.5 and 9.2."""

CACHE_LINE = 16
"""Floats."""

SERIAL_UPDATE = 1 << 16
"""Parameters up to which one thread does it all. Microseconds for adamw, on a machine with other work and, behind the
comma, on a quiet one:

| parameters | one thread | two, by tiles | two, by ONNX Runtime |
|------------|------------|---------------|----------------------|
| 2^16       | 76         | 93            | 77                   |
| 101 770    | -, 138     | -, 102        | -                    |
| 2^17       | 147        | 165           | 165                  |
| 2^18       | 317        | 312           | 322                  |
| 2^19       | 632        | 456           | 654                  |

Threads of ONNX Runtime wait for one another after each operator, and double the time where another process has one of
the cores; those that take tile after tile do not."""


class Rule(NamedTuple):
    """How parameters change."""

    optimizer: Optimizer
    average: Average | None = None


class Update:
    """Changes the parameters of a state by its gradients.

    Large buffers are done in tiles, so that the intermediate results stay in the cache, and several threads can share
    the work; that changes no bit of the result. Where weight decay leaves some parameters alone, these are updated by
    the same rule without it. A rule that works with norms gets one parameter at a time.
    """

    def __init__(self, train: Train, rule: Rule, state: TrainingState, device: Device, tile: int | None = None) -> None:
        self._state = state
        self._optimizer = rule.optimizer
        self._device = device
        large = state.trained.flat.size > SERIAL_UPDATE and device.name == "cpu"
        self._threads = device.threads if large else 1
        self._crew = Crew(self._threads)
        self._tile = tile or (LARGE_TILE if state.trained.flat.size >= LARGE else TILE)
        dtypes = {"lr": "float32", "scale": "float32", "weight": "float32", "step": "int64"}
        self._scalars = {name: aligned((), dtype) for name, dtype in dtypes.items()}
        self._before = self._norm_run(train.clip_norm)
        self._accumulation = self._accumulation_runs()
        self._updates = self._update_runs(rule, train)

    def __call__(self, lr: float) -> None:
        """Update by `state.total`, which is the gradient itself where nothing is accumulated."""
        self._state.counters.step += 1
        self._scalars["lr"][...] = lr
        self._scalars["step"][...] = self._state.counters.updates
        for run in self._before:
            run()
        self._crew(self._updates)

    def accumulate(self, weight: float) -> None:
        """Add the gradient, times `weight`, to the total."""
        self._scalars["weight"][...] = weight
        self._crew(self._accumulation)

    def places(self) -> Iterator[tuple[Optimizer, slice]]:
        """The rules, and the parts of the buffers that each sees at once, before they are cut into tiles."""
        for optimizer, paths in self._groups(self._optimizer):
            places = [self._state.trained.slices[path] for path in paths]
            whole = [slice(places[0].start, places[-1].stop)]
            yield from ((optimizer, place) for place in (places if optimizer.per_tensor else whole))

    def _norm_run(self, limit: float | None) -> tuple[Run, ...]:
        if limit is None:
            return ()
        session = self._device.session(norm_graph(limit), self._threads)
        return (session.bind({"gradient": self._state.total.flat}, {"scale": self._scalars["scale"]}),)

    def _accumulation_runs(self) -> tuple[Run, ...]:
        total, gradient = self._state.total, self._state.gradient
        if total is gradient:
            return ()
        session = self._device.session(accumulation_graph(), 1)
        scalars = {"weight": self._scalars["weight"]}
        return tuple(
            session.bind(
                {"total": total.flat[tile], "gradient": gradient.flat[tile], **scalars}, {"new/total": total.flat[tile]}
            )
            for tile in self._tiles(slice(0, total.flat.size))
        )

    def _update_runs(self, rule: Rule, train: Train) -> tuple[Run, ...]:
        runs: list[Run] = []
        for optimizer, paths in self._groups(rule.optimizer):
            graph = update_graph(
                optimizer, average=rule.average, scaled=train.clip_norm is not None, clip_value=train.clip_value
            )
            places = [self._state.trained.slices[path] for path in paths]
            if not optimizer.per_tensor:
                places = list(self._tiles(slice(places[0].start, places[-1].stop)))
            scalars = self._scalars
            if len(places) > 1:
                graph, scalars = self._hoisted(graph)
            session = self._device.session(graph, 1)
            runs += [self._bound(session, place, scalars) for place in places]
        return tuple(runs)

    def _hoisted(self, graph: Graph) -> tuple[Graph, Arrays]:
        """The graph without what is the same for every tile, which is done before them, and the scalars it reads."""
        first, rest = scalars_apart(graph)
        if not first.outputs:
            return rest, self._scalars
        found = {name: aligned((), numpy_dtype(value.dtype)) for name, value in first.outputs.items()}
        self._before += (self._device.session(first, 1).bind(self._scalars, found),)
        return rest, self._scalars | found

    def _groups(self, optimizer: Optimizer) -> Iterator[tuple[Optimizer, list[str]]]:
        """The rules, and the parameters that each is for; they lie side by side."""
        paths = list(self._state.trained)
        decayed = [path for path in paths if optimizer.weight_decay == 0 or optimizer.decays(path)]
        alone = paths[len(decayed) :]
        yield from ((rule, own) for rule, own in ((optimizer, decayed), (optimizer.without_decay(), alone)) if own)

    def _bound(self, session: Session, tile: slice, scalars: Arrays) -> Run:
        """The update of one tile: every result is bound over the buffer that it follows from."""
        state = self._state
        changed = {"parameter": state.trained.flat[tile]} | {
            slot: buffer.flat[tile] for slot, buffer in state.slots.items()
        }
        return session.bind(
            {**scalars, **changed, "gradient": state.total.flat[tile]},
            {f"new/{name}": array for name, array in changed.items()},
        )

    def _tiles(self, place: slice) -> Iterator[slice]:
        """Parts as even as can be, as many for each thread, which begin at a line of the cache."""
        size = place.stop - place.start
        count = ceil(size / self._tile / self._threads) * self._threads
        tile = ceil(size / count / CACHE_LINE) * CACHE_LINE
        starts = range(place.start, place.stop, tile)
        return (slice(start, min(start + tile, place.stop)) for start in starts)
