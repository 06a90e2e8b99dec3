"""Training as files: what computes the gradients of a batch, what updates the parameters by them, and where to begin.

All that changes lies in a few flat vectors, in the layout of `TrainingState`: `parameters`, a vector per slot of the
optimizer, and `statistics`. Whatever runs ONNX can train with these files, and gets the numbers of the Trainer, bit for
bit where its operators do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.training_graphs import (
    LOSS,
    PENALTY,
    SEED,
    STEP,
    forward_graph,
    gradient_name,
    gradients_graph,
    norm_graph,
    state_name,
    update_slots,
)
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.passes import drop_dead, optimized
from nnspec.graph.rewrite import with_nodes
from nnspec.runtime.buffers import FlatBuffer
from nnspec.training.engine import Engine

Array = np.ndarray[Any, Any]

PARAMETERS, STATISTICS, GRADIENT, TOTAL = "parameters", "statistics", "gradient", "total"
NAMES = {SEED: "seed", STEP: "draw"}


def step_graph(engine: Engine, sizes: Mapping[str, int]) -> Graph:
    """Loss and gradient of a batch.

    Inputs: the batch, `parameters`, `statistics` where there are some, `seed` and `draw`, the number of gradients
    computed before. Outputs: `loss`, `penalty` where there are regularizers, `gradient`, and `new/statistics`. Where
    several batches make one update, `total` and `weight` come in too, and `new/total` = total + weight · gradient goes
    out.
    """
    state, old = engine.state, gradients_graph(engine.spec, engine.library, sizes)
    g, known = _from_flat(engine, old)
    for value in g.inputs:
        value.name = NAMES.get(value.name, value.name)
    made = {name: known.get(value, value) for name, value in old.outputs.items()}
    g.output("loss", made[LOSS])
    if PENALTY in made:
        g.output("penalty", made[PENALTY])
    gradient = _joined(g, state.trained, {path: made[gradient_name(path)] for path in state.trained})
    g.output(GRADIENT, gradient)
    if engine.train.accumulate > 1:
        total, weight = g.input(TOTAL, gradient.type), g.input("weight", tensor_type("float32", ()))
        g.output(f"new/{TOTAL}", g.op("Add", total, g.op("Mul", gradient, weight)))
    if state.held:
        new = {
            path: made.get(state_name(path), known.get(old.parameters[path]) if path in old.parameters else None)
            for path in state.held
        }
        whole = next(value for value in g.inputs if value.name == STATISTICS)
        g.output(f"new/{STATISTICS}", _joined(g, state.held, new, whole))
    return drop_dead(g)


def whole_update_graph(engine: Engine) -> Graph:
    """One update of all parameters.

    Inputs: `parameters`, `gradient`, a vector per slot of the optimizer, `lr`, and `step`, the number of this update
    from 1. Outputs: `new/parameters` and `new/<slot>`.
    """
    train, state = engine.train, engine.state
    g = Graph(f"{engine.spec.name}_update")
    flat = tensor_type("float32", (state.trained.flat.size,))
    slots = update_slots(engine.optimizer, engine.average)
    before = {name: g.input(name, flat) for name in (PARAMETERS, *slots)}
    gradient = g.input(GRADIENT, flat)
    lr, step = g.input("lr", tensor_type("float32", ())), g.input("step", tensor_type("int64", ()))
    if train.clip_norm is not None:
        gradient = g.op("Mul", gradient, _scale(g, gradient, train.clip_norm))
    if train.clip_value is not None:
        gradient = g.op("Clip", gradient, -train.clip_value, train.clip_value)
    parts: dict[str, list[Value]] = {name: [] for name in before}
    end = 0
    for rule, place in engine.updater.places():
        if place.start > end:
            for name, value in before.items():
                parts[name].append(g.slice(value, 0, end, place.start))
        own = {name: _part(g, value, place) for name, value in before.items()}
        parameter, found = rule.update(g, own.pop(PARAMETERS), _part(g, gradient, place), own, lr, step)
        if engine.average:
            found = {**found, "average": engine.average.update(g, own["average"], parameter, step)}
        for name, value in {PARAMETERS: parameter, **found}.items():
            parts[name].append(value)
        end = place.stop
    for name, value in before.items():
        if end < state.trained.flat.size:
            parts[name].append(g.slice(value, 0, end, state.trained.flat.size))
        g.output(f"new/{name}", parts[name][0] if len(parts[name]) == 1 else g.op("Concat", *parts[name], axis=0))
    return optimized(g)


def predict_graph(engine: Engine, outputs: Mapping[str, str] | None = None) -> Graph:
    """The outputs of the model, or values of it by name, as in inference, from `parameters` and `statistics`; free
    sizes stay free."""
    own = {item.name: item.value for item in engine.spec.outputs}
    old = forward_graph(engine.spec, engine.library, outputs or own)
    g, known = _from_flat(engine, old)
    for name, value in old.outputs.items():
        g.output(name, known.get(value, value))
    return drop_dead(g)


def _scale(g: Graph, gradient: Value, limit: float) -> Value:
    """What `norm_graph` gives."""
    inner = norm_graph(limit)
    known: dict[Value, Value] = {inner.inputs[0]: gradient}
    for node in inner.nodes:
        operands = [None if x is None else known.get(x, x) for x in node.inputs]
        known[node.outputs[0]] = g.op(node.op_type, *operands, **node.attributes)
    return known[inner.outputs["scale"]]


def _from_flat(engine: Engine, old: Graph) -> tuple[Graph, dict[Value, Value]]:
    """A graph whose parameters are pieces of flat inputs, without outputs, and what stands for the parameters."""
    g = with_nodes(old, [], {})
    g.outputs, g.parameters, g.state, g.inputs = {}, {}, {}, []
    known: dict[Value, Value] = {}
    for name, buffer in ((PARAMETERS, engine.state.trained), (STATISTICS, engine.state.held)):
        if not buffer:
            continue
        flat = g.input(name, tensor_type("float32", (buffer.flat.size,)))
        for path, part in _pieces(g, flat, buffer).items():
            if path in old.parameters:
                known[old.parameters[path]] = g.reshape(part, buffer.shapes[path])
    g.inputs += old.inputs
    g.nodes += [_reading(node, known) for node in old.nodes]
    return g, known


def _reading(node: Node, known: Mapping[Value, Value]) -> Node:
    read = tuple(None if x is None else known.get(x, x) for x in node.inputs)
    return Node(node.op_type, read, node.outputs, node.attributes, node.origin)


def _pieces(g: Graph, flat: Value, buffer: FlatBuffer) -> dict[str, Value]:
    """Each tensor of a buffer as a vector, without the padding behind it."""
    names, sizes = _layout(buffer)
    return {name: part for name, part in zip(names, g.split(flat, sizes, 0), strict=True) if name}


def _joined(g: Graph, buffer: FlatBuffer, values: Mapping[str, Value | None], old: Value | None = None) -> Value:
    """Tensors as one vector in the layout of a buffer. Padding is 0; what has no value comes from `old`."""
    parts, end = [], 0
    for name, size in zip(*_layout(buffer), strict=True):
        value = values.get(name)
        if value is not None:
            parts.append(g.reshape(value, (size,)))
        elif name and old is not None:
            parts.append(g.slice(old, 0, end, end + size))
        else:
            parts.append(g.constant(np.zeros(size, np.float32)))
        end += size
    return parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=0)


def _layout(buffer: FlatBuffer) -> tuple[list[str], list[int]]:
    """Names and sizes of the pieces of a buffer; padding has no name."""
    names, sizes, end = [], [], 0
    for name, place in buffer.slices.items():
        if place.start > end:
            names.append("")
            sizes.append(place.start - end)
        names.append(name)
        sizes.append(place.stop - place.start)
        end = place.stop
    if end < buffer.flat.size:
        names.append("")
        sizes.append(buffer.flat.size - end)
    return names, sizes


def _part(g: Graph, value: Value, place: slice) -> Value:
    whole = (place.start, place.stop) == (0, value.static_shape[0])
    return value if whole else g.slice(value, 0, place.start, place.stop)
