"""The update: optimizer, clipping and accumulation over the flat buffers of a run, in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nnspec.compiler.training_graphs import accumulation_graph, norm_graph, update_graph
from nnspec.graph.graph import Graph
from nnspec.ir.spec import Train
from nnspec.recipe.base import Average, Optimizer
from nnspec.runtime.buffers import aligned
from nnspec.runtime.session import Run, Session
from nnspec.training.programs import Device
from nnspec.training.state import TrainingState

TILE = 1 << 17
"""Floats per thread in one run of the update. Microseconds for adamw over 8.4 M parameters, 2 threads, by floats in a
run: 2^16 15900, 2^17 10700, 2^18 9400, all at once 23200; on 1 thread 2^16 15000, 2^17 16300, 2^18 16700, all at once
36700."""

SERIAL_UPDATE = 1 << 16
"""Parameters up to which the update is faster on one thread."""


class Rule(NamedTuple):
    """How parameters change."""

    optimizer: Optimizer
    average: Average | None = None


class Update:
    """Changes the parameters of a state by its gradients.

    Large buffers are done in tiles, so that the intermediate results stay in the cache; that changes no bit of the
    result.
    """

    def __init__(self, train: Train, rule: Rule, state: TrainingState, device: Device, tile: int | None = None) -> None:
        self._state = state
        self._device = device
        self._threads = 1 if state.trained.flat.size <= SERIAL_UPDATE else device.threads
        self._tile = tile or TILE * self._threads
        dtypes = {"lr": "float32", "scale": "float32", "weight": "float32", "step": "int64"}
        self._scalars = {name: aligned((), dtype) for name, dtype in dtypes.items()}
        self._norm = self._norm_run(train.clip_norm)
        self._accumulation = self._accumulation_runs()
        self._updates = self._update_runs(rule, train)

    def __call__(self, lr: float) -> None:
        """Update by `state.total`, which is the gradient itself where nothing is accumulated."""
        self._state.counters.step += 1
        self._scalars["lr"][...] = lr
        self._scalars["step"][...] = self._state.counters.step
        for run in (*self._norm, *self._updates):
            run()

    def accumulate(self, weight: float) -> None:
        """Add the gradient, times `weight`, to the total."""
        self._scalars["weight"][...] = weight
        for run in self._accumulation:
            run()

    def _norm_run(self, limit: float | None) -> tuple[Run, ...]:
        if limit is None:
            return ()
        session = self._session(norm_graph(limit))
        return (session.bind({"gradient": self._state.total.flat}, {"scale": self._scalars["scale"]}),)

    def _accumulation_runs(self) -> tuple[Run, ...]:
        total, gradient = self._state.total, self._state.gradient
        if total is gradient:
            return ()
        session = self._session(accumulation_graph())
        scalars = {"weight": self._scalars["weight"]}
        return tuple(
            session.bind(
                {"total": total.flat[tile], "gradient": gradient.flat[tile], **scalars}, {"new/total": total.flat[tile]}
            )
            for tile in self._tiles()
        )

    def _update_runs(self, rule: Rule, train: Train) -> tuple[Run, ...]:
        graph = update_graph(
            rule.optimizer,
            average=rule.average,
            scaled=train.clip_norm is not None,
            clip_value=train.clip_value,
        )
        session = self._session(graph)
        return tuple(self._bound(session, tile) for tile in self._tiles())

    def _bound(self, session: Session, tile: slice) -> Run:
        """The update of one tile: every result is bound over the buffer that it follows from."""
        state = self._state
        changed = {"parameter": state.trained.flat[tile]} | {
            slot: buffer.flat[tile] for slot, buffer in state.slots.items()
        }
        return session.bind(
            {**self._scalars, **changed, "gradient": state.total.flat[tile]},
            {f"new/{name}": array for name, array in changed.items()},
        )

    def _tiles(self) -> Iterator[slice]:
        size = self._state.trained.flat.size
        return (slice(start, min(start + self._tile, size)) for start in range(0, size, self._tile))

    def _session(self, graph: Graph) -> Session:
        return self._device.session(graph, self._threads)
