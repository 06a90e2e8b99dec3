"""Statistics of the training rows, set before the first step: each fitted layer in turn, from what the layers before
it make of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnspec.compiler.training_graphs import frozen_paths
from nnspec.data.rows import Dataset
from nnspec.ir import codec
from nnspec.ir.spec import Node, Spec
from nnspec.training.engine import Engine
from nnspec.training.evaluation import Forward

Array = np.ndarray[Any, Any]


def fitted_nodes(spec: Spec, library: Any) -> list[Node]:
    """The nodes whose parameters are statistics of the training rows, in order; without those that are frozen."""
    layers = library["layer"]
    held = frozen_paths(spec)
    found = [node for node in spec.nodes if node.kind == "layer" and layers[node.component].fitted]
    return [node for node in found if held.isdisjoint(node.parameters.values())]


def fit_statistics(engine: Engine, examples: Callable[[], Sequence[Dataset]]) -> None:
    """Set the parameters of all fitted layers, where there are any, from the rows that `examples` gives."""
    done: set[tuple[str, ...]] = set()
    for node in fitted_nodes(engine.spec, engine.library):
        paths = tuple(node.parameters.values())
        if paths in done:
            continue  # a shared layer has the statistics of its first use
        done.add(paths)
        layer = codec.build(engine.library, node.kind, node.component, node.options, {})
        found = layer.fit(_inputs(engine, node.inputs[0], examples()))
        engine.state.assign({node.parameters[leaf]: array for leaf, array in found.items()})


def _inputs(engine: Engine, value: str, datasets: Sequence[Dataset]) -> Iterator[Array]:
    forward = Forward(engine, {"fitted/input": value})
    for dataset in datasets:
        for found in forward.over(dataset):
            yield found["fitted/input"]
