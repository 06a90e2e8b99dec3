"""Graphs bound to the buffers of a training run. Each is built once per batch signature or once per run; a call is one
run of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.lowering import Library, Sizes
from nnspec.compiler.training_graphs import SEED, STEP, evaluation_graph, gradient_name, gradients_graph, state_name
from nnspec.graph.graph import Graph, Value, numpy_dtype
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.graph.schedule import in_the_shape_they_are_made_in
from nnspec.ir.dims import substitute
from nnspec.ir.spec import Spec
from nnspec.runtime.buffers import aligned
from nnspec.runtime.session import Brake, Memory, Session, available_cores, threads_for
from nnspec.training.state import TrainingState

Array = np.ndarray[Any, Any]


class Device(NamedTuple):
    """Where graphs run."""

    name: str = "cpu"
    limit: int | None = None
    """At most so many threads; None for the available cores."""

    @property
    def threads(self) -> int:
        return self.limit or available_cores()

    def session(self, graph: Graph, threads: int, memory: Memory = "default") -> Session:
        return Session(to_bytes(to_model(graph)), threads=threads, device=self.name, memory=memory)


def work(spec: Spec, sizes: Sizes) -> int:
    """Multiply-accumulate operations of one forward pass."""
    total = 0
    for node in (*spec.nodes, *(spec.train.nodes if spec.train else ())):
        macs = substitute(node.macs, dict(sizes))
        total += macs if isinstance(macs, int) else 0
    return total


LARGE = 100_000_000
"""Bytes of all results of a graph from which its memory counts more than a few percent of its time."""


def memory_for(graph: Graph) -> Memory:
    """How a session should hold the results of a graph whose shapes are numbers."""
    results = (value for node in graph.nodes for value in node.outputs)
    size = sum(prod(value.static_shape) * numpy_dtype(value.dtype).itemsize for value in results)
    return "lean" if size > LARGE else "fast"


class BatchProgram:
    """A graph over one batch signature, with buffers of its own for the batch and for the outputs in `values`."""

    def __init__(
        self, graph: Graph, session: Session, given: Mapping[str, Array], results: Mapping[str, Array], brake: Brake
    ) -> None:
        self.batch = {value.name: _buffer(value) for value in graph.inputs if value.name not in given}
        self.values = {name: _buffer(value) for name, value in graph.outputs.items() if name not in results}
        self.rows: int = next((buffer.shape[0] for buffer in self.batch.values() if buffer.ndim), 1)
        self.run = session.bind({**given, **self.batch}, {**results, **self.values}, brake)

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Copy a batch of this signature into the buffers."""
        for name, buffer in self.batch.items():
            np.copyto(buffer, arrays[name])

    def gather(self, arrays: Mapping[str, Array], rows: Array) -> None:
        """Copy rows of whole arrays into the buffers."""
        for name, buffer in self.batch.items():
            arrays[name].take(rows, 0, buffer, "clip")  # the rows exist; "raise" would copy twice


def gradients_program(
    spec: Spec, library: Library, sizes: Sizes, state: TrainingState, device: Device, brake: Brake
) -> BatchProgram:
    """The gradients graph, reading the parameters of `state` and writing its gradients and next statistics."""
    views = {gradient_name(path): view for path, view in state.gradient.items()}
    graph = in_the_shape_they_are_made_in(gradients_graph(spec, library, sizes), views)
    given = {**state.parameters, SEED: state.seed_word, STEP: state.draw_word}
    results = {name: view.reshape(graph.outputs[name].static_shape) for name, view in views.items()}
    results |= {state_name(path): state.next_held[path] for path in state.held if state_name(path) in graph.outputs}
    session = device.session(graph, threads_for(work(spec, sizes), len(graph.nodes), device.threads), memory_for(graph))
    return BatchProgram(graph, session, given, results, brake)


def evaluation_program(
    spec: Spec, library: Library, sizes: Sizes, state: TrainingState, device: Device, brake: Brake
) -> BatchProgram:
    """The evaluation graph, reading the parameters of `state`."""
    graph = evaluation_graph(spec, library, sizes)
    session = device.session(graph, threads_for(work(spec, sizes), len(graph.nodes), device.threads), memory_for(graph))
    return BatchProgram(graph, session, state.parameters, {}, brake)


def _buffer(value: Value) -> Array:
    """Memory for a value of the graph; text is an array of `str` objects."""
    if value.dtype == "string":
        return np.empty(value.static_shape, object)
    return aligned(value.static_shape, numpy_dtype(value.dtype))
