"""Loss and metrics of a model file: what the answers of the file itself are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.batch import batch_types, sizes_of
from nnspec.compiler.export import WATCHED, CompiledModel
from nnspec.compiler.lowering import Library, lower_loss, sized
from nnspec.compiler.training_graphs import LOSS, lower_metrics
from nnspec.data.rows import Dataset
from nnspec.graph import onnx_file
from nnspec.graph.graph import Graph
from nnspec.graph.passes import optimized
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.session import Session, available_cores
from nnspec.training.evaluation import batches
from nnspec.training.tally import Metrics, Tally

Array = np.ndarray[Any, Any]

BATCH = 64


class Drop(NamedTuple):
    """What a smaller form of a model costs, in what is monitored."""

    name: str
    before: float
    after: float
    worse: float
    """By how much it is worse, 0 or less where it is not: of an accuracy in its own units; of a loss or another number
    of which less is better, as a part of what it was."""


def watched_values(spec: Spec) -> tuple[str, ...]:
    """The computed values of a model that its loss and its metrics read."""
    train = spec.train
    assert train is not None
    read = {name for node in train.nodes for name in (*node.inputs, *node.arguments.values())}
    read |= {name for metric in train.metrics for name in (*metric.inputs, *metric.arguments.values())} | {train.loss}
    return tuple(value.name for value in spec.values if value.name in read)


def measure(model: CompiledModel, dataset: Dataset) -> dict[str, float]:
    """Loss and metrics over a dataset, of a model that was compiled with `watched_values`."""
    spec, library = model.spec, registries()
    session = Session(onnx_file.to_bytes(model.measurable), threads=available_cores(), beside=model.beside)
    types = onnx_file.signature(model.measurable)
    judges: dict[tuple[tuple[str, int], ...], Session] = {}
    tally = Tally(Metrics(spec, library))
    for rows in batches(dataset.rows, BATCH):
        batch = dataset.batch(rows)
        given = {name: _like(batch[name], str(types[name].dtype)) for name in session.inputs}
        found = {name.removeprefix(WATCHED): _wide(array) for name, array in session.run(given).items()}
        sizes = sizes_of(batch_types(spec), {name: array.shape for name, array in batch.items()})
        key = tuple(sorted(sizes.items()))
        if key not in judges:
            judges[key] = Session(onnx_file.to_bytes(onnx_file.to_model(_judge(spec, library, sizes))))
        judge = judges[key]
        tally.add(judge.run({name: {**batch, **found}[name] for name in judge.inputs}), len(rows))
    return tally.result()


def drop(spec: Spec, before: Mapping[str, float], after: Mapping[str, float]) -> Drop:
    """The first metric of the train section, or the loss where there is none, before and after."""
    name = spec.train.metrics[0].name if spec.train and spec.train.metrics else "loss"
    if Metrics(spec, registries()).mode(f"validation.{name}") == "max":
        worse = before[name] - after[name]
    else:
        worse = (after[name] - before[name]) / max(abs(before[name]), 1e-12)
    return Drop(name, before[name], after[name], worse)


def _judge(spec: Spec, library: Library, sizes: Mapping[str, int]) -> Graph:
    """Loss and parts of the metrics, from values of the model and targets."""
    assert spec.train is not None
    g, watched = Graph(f"{spec.name}_judge"), watched_values(spec)
    values = {
        item.name: g.input(item.name, sized(item.type, sizes))
        for item in (*spec.inputs, *spec.values)
        if item.name in watched or item in spec.inputs
    }
    g.output(LOSS, lower_loss(spec, library, g, values, sizes))
    lower_metrics(spec, library, g, values)
    return optimized(g)


def _like(array: Array, dtype: str) -> Array:
    return array.astype(np.float16) if dtype == "float16" else array


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float16 else array
