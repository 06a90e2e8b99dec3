"""Loss, metrics and outputs of a model as it is used: no dropout, no noise, running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnspec.compiler.training_graphs import forward_graph
from nnspec.data.ahead import reading
from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec
from nnspec.runtime.session import Session
from nnspec.training.engine import Engine, shapes_of
from nnspec.training.tally import Metrics, Tally

Array = np.ndarray[Any, Any]


def evaluate(engine: Engine, metrics: Metrics, dataset: Dataset) -> dict[str, float]:
    """Loss (the mean over the rows) and metrics over a whole dataset."""
    tally = Tally(metrics)
    with reading(dataset, batches(dataset.rows, engine.train.batch_size), engine.device.threads) as found:
        for arrays, rows in found:
            program = engine.evaluation_program(shapes_of(arrays, len(rows)))
            program.gather(arrays, rows)
            program.run()
            tally.add(program.values, len(rows))
    return tally.result()


class Forward:
    """The model up to some of its values, for batches of any size, with the current parameters."""

    def __init__(self, engine: Engine, outputs: Mapping[str, str]) -> None:
        """`outputs` maps names of results to values of the spec."""
        graph = forward_graph(engine.spec, engine.library, outputs)
        self._session: Session = engine.device.session(graph, engine.device.threads)
        self._names = tuple(outputs)
        self._engine = engine

    def __call__(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The results for a batch of inputs."""
        feeds = {**self._engine.state.parameters, **arrays}
        return self._session.run({name: feeds[name] for name in self._session.inputs}, self._names)

    def over(self, dataset: Dataset) -> Iterator[dict[str, Array]]:
        """The results for a whole dataset, batch by batch."""
        size, threads = self._engine.train.batch_size, self._engine.device.threads
        with reading(dataset, batches(dataset.rows, size), threads) as found:
            for arrays, rows in found:
                yield self({name: array[rows] for name, array in arrays.items() if name in self._session.inputs})


def predict(forward: Forward, spec: Spec, arrays: Mapping[str, Array], rows: int) -> dict[str, Array]:
    """The outputs of the model for whole arrays: in batches where every output has a row for every row of the inputs,
    else at once."""
    leading = {item.shape[:1] for item in spec.inputs}
    shapes = {item.name: item.shape for item in (*spec.inputs, *spec.values)}
    if leading != {shapes[item.value][:1] for item in spec.outputs}:
        return forward(arrays)
    found = list(forward.over(Dataset(arrays, rows)))
    return {item.name: np.concatenate([part[item.name] for part in found]) for item in spec.outputs}


def batches(rows: int, batch_size: int) -> Iterator[Array]:
    """The row numbers of one batch after another, in order."""
    return (np.arange(start, min(start + batch_size, rows)) for start in range(0, rows, batch_size))
