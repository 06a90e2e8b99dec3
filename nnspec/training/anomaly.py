"""Where a NaN or an infinity comes from: the graph of the step once more, with every value in sight.

From the bad loss or gradient the way leads back through bad operands, NaN before infinite ones, since a mask may hold
infinities on purpose, to the first value that is bad though its operands are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.batch import batch_types, sizes_of
from nnspec.compiler.training_graphs import LOSS, PENALTY, SEED, STEP, gradient_name, gradients_graph, state_name
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph, Node, Value
from nnspec.training.engine import Engine, shapes_of
from nnspec.training.feeds import Place
from nnspec.training.keeper import ADVICE
from nnspec.training.programs import BatchProgram

Array = np.ndarray[Any, Any]
SHOWN = 4
"""Rows that a message names."""


def anomaly(engine: Engine, program: BatchProgram, place: Place) -> Fault:
    """E704 for gradients just computed that are not finite: the step, the rows, and the first bad value."""
    values = _values(engine, program)
    name = _worst(engine, values)
    cause = _cause(values.graph.outputs[name], values.found)
    array = values.found[cause.name]
    message = f"{_wording(name)} is {_kind(values.found[values.graph.outputs[name].name])}"
    rows = _rows(array, program.rows)
    where = f"{place.batch}, {_listed(rows, place.row)}" if rows else place.batch
    step = engine.state.counters.step + 1
    return Fault(
        "E704", f"{message} in step {step}, {where}: {_origin(cause)} is the first that is {_kind(array)}", help=ADVICE
    )


class _Values(NamedTuple):
    graph: Graph
    found: dict[str, Array]
    """Every value of the graph by name."""


def _values(engine: Engine, program: BatchProgram) -> _Values:
    """The gradients graph, evaluated with the same batch and the same random numbers."""
    sizes = sizes_of(batch_types(engine.spec), shapes_of(program.batch))
    graph = gradients_graph(engine.spec, engine.library, sizes)
    state = engine.state
    fed = {**state.parameters, SEED: state.seed_word, STEP: state.draw_word, **program.batch}
    probed = {f"probe/{number}": value for number, value in enumerate(_computed(graph))}
    wanted = dict(graph.outputs)
    for name, value in probed.items():
        graph.output(name, value)
    session = engine.device.session(graph, 1)
    results = session.run({name: fed[name] for name in session.inputs}, tuple(probed))
    graph.outputs = wanted
    found = {probed[name].name: array for name, array in results.items()}
    return _Values(graph, {**fed, **found})


def _computed(graph: Graph) -> list[Value]:
    return [value for node in graph.nodes for value in node.outputs if value.dtype.startswith(("float", "bfloat"))]


def _worst(engine: Engine, values: _Values) -> str:
    """The output to explain: the loss, else the penalty, else the first bad gradient, else a statistic."""
    names = [LOSS, PENALTY, *map(gradient_name, engine.state.gradient), *map(state_name, engine.state.statistics)]
    known = [name for name in names if name in values.graph.outputs]
    return next((name for name in known if _bad(values.found.get(values.graph.outputs[name].name))), LOSS)


def _cause(value: Value, found: Mapping[str, Array]) -> Value:
    """The first bad value on the way that leads to `value`."""
    while value.node is not None:
        bad = [item for item in value.node.inputs if item is not None and _bad(_content(item, found))]
        if not bad:
            return value
        value = next((item for item in bad if np.isnan(_content(item, found)).any()), bad[0])
    return value


def _content(value: Value, found: Mapping[str, Array]) -> Any:
    return value.constant if value.constant is not None else found.get(value.name)


def _bad(array: Any) -> bool:
    return array is not None and array.dtype.kind == "f" and not np.isfinite(array).all()


def _kind(array: Array) -> str:
    """`nan`, `inf` or `-inf`, whichever is worst."""
    for kind, test in (("nan", np.isnan), ("inf", np.isposinf), ("-inf", np.isneginf)):
        if test(array).any():
            return kind
    return "finite"


def _rows(array: Array, rows: int) -> list[int]:
    """The rows of the batch that are bad in an array, if it has a row for each and not all of them are."""
    if not array.ndim or len(array) != rows:
        return list(range(rows))
    bad = ~np.isfinite(array.reshape(rows, -1)).all(axis=1)
    return [int(row) for row in np.flatnonzero(bad)]


def _listed(rows: list[int], where: Callable[[int], str]) -> str:
    more = len(rows) - SHOWN
    return f"rows {'; '.join(where(row) for row in rows[:SHOWN])}" + (f" and {more} others" if more > 0 else "")


def _wording(output: str) -> str:
    """The name of an output of the graph, for a person."""
    if output == LOSS:
        return "the loss"
    kind, _, path = output.partition("/")
    return (
        "the penalty" if output == PENALTY else f"the gradient of {path}" if kind == "gradient" else f"the new {path}"
    )


def _origin(value: Value) -> str:
    node: Node | None = value.node
    if node is None:
        return value.name
    return f"the {node.op_type} of {node.origin}" if node.origin else f"the value {value.name}"
