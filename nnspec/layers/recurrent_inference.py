"""Recurrent layers as ONNX's own operators: the form for inference, with sizes that may be symbolic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnspec.layers.lengths import steps_that_count

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value
    from nnspec.layers.recurrent import Recurrent

Built = tuple["Value", "Value", tuple["Value", ...]]
"""All outputs [N, T, D H], the last ones [N, D H], the states [N, H] or [N, L D, H]."""


def build(
    g: Graph,
    layer: Recurrent,
    x: Value,
    initial: Sequence[Value],
    lengths: Value | None,
    weights: Mapping[str, Value],
) -> Built:
    """ONNX Runtime has these operators with the steps first only: [T, N, *]."""
    if lengths is not None:
        x = g.op("Where", steps_that_count(g, x, lengths), x, 0)
    sequence = g.transpose(x, (1, 0, 2))
    starts = [_by_layer(g, layer, value) for value in initial]
    limits = g.cast(lengths, "int32") if lengths is not None else None
    ends: list[tuple[Value, ...]] = []
    for number in range(layer.layers):
        y, *last = _operator(g, layer, number, sequence, [states[number] for states in starts], limits, weights)
        sequence = _joined(g, layer, y)
        ends.append(tuple(last))
    every = g.transpose(sequence, (1, 0, 2))
    states = tuple(_state(g, [end[i] for end in ends]) for i in range(len(layer.states)))
    return every, _last(g, layer, ends[-1][0]), states


def _operator(
    g: Graph,
    layer: Recurrent,
    number: int,
    x: Value,
    states: Sequence[Value],
    lengths: Value | None,
    weights: Mapping[str, Value],
) -> tuple[Value, ...]:
    """One layer in all its directions: all outputs [T, D, N, H], the last states [D, N, H]."""
    sides = [[_reordered(g, layer, weight) for weight in side] for side in layer.weights_of(number, dict(weights))]
    w, r = (_stacked(g, [side[i] for side in sides]) for i in range(2))
    bias = _stacked(g, [g.op("Concat", *side[2:], axis=0) for side in sides]) if layer.bias else None
    options: dict[str, Any] = {"hidden_size": layer.units, **layer.onnx_options()}
    if layer.bidirectional:
        options["direction"] = "bidirectional"
    y, *last = g.op(layer.name.upper(), x, w, r, bias, lengths, *states, outputs=1 + len(layer.states), **options)
    if lengths is not None and states:
        last = [_kept(g, lengths, start, end) for start, end in zip(states, last, strict=True)]
    return y, *last


def _kept(g: Graph, lengths: Value, start: Value, end: Value) -> Value:
    """The last state, for a row without steps the initial one: ONNX Runtime gives 0 there."""
    empty = g.op("Unsqueeze", g.op("Equal", lengths, 0), g.constant([0, 2], "int64"))
    return g.op("Where", empty, start, end)


def _reordered(g: Graph, layer: Recurrent, weight: Value) -> Value:
    """A weight or offset with its gates in ONNX's order."""
    order = layer.onnx_gates
    if len(order) == 1:
        return weight
    parts = g.split(weight, [layer.units] * len(order), 0)
    return g.op("Concat", *(parts[i] for i in order), axis=0)


def _stacked(g: Graph, values: Sequence[Value]) -> Value:
    """Values side by side along a new first axis."""
    single = [g.op("Unsqueeze", value, g.constant([0], "int64")) for value in values]
    return g.op("Concat", *single, axis=0) if len(single) > 1 else single[0]


def _by_layer(g: Graph, layer: Recurrent, state: Value) -> list[Value]:
    """An initial state [N, H] or [N, L D, H] as [D, N, H] for each layer."""
    if state.rank == 2:
        return [g.op("Unsqueeze", state, g.constant([0], "int64"))]
    return list(g.split(g.transpose(state, (1, 0, 2)), [layer.directions] * layer.layers, 0))


def _joined(g: Graph, layer: Recurrent, y: Value) -> Value:
    """[T, D, N, H] as [T, N, D H]."""
    steps, directions, rows, size = y.shape
    if layer.directions == 1:
        return g.op("Squeeze", y, g.constant([1], "int64"))
    return g.reshape(g.transpose(y, (0, 2, 1, 3)), (steps, rows, directions * size))


def _last(g: Graph, layer: Recurrent, h: Value) -> Value:
    """[D, N, H] as [N, D H]."""
    directions, rows, size = h.shape
    if layer.directions == 1:
        return g.op("Squeeze", h, g.constant([0], "int64"))
    return g.reshape(g.transpose(h, (1, 0, 2)), (rows, directions * size))


def _state(g: Graph, ends: Sequence[Value]) -> Value:
    """[D, N, H] of each layer as [N, L D, H], or [N, H] where that is one."""
    joined = g.op("Concat", *ends, axis=0) if len(ends) > 1 else ends[0]
    if joined.shape[0] == 1:
        return g.op("Squeeze", joined, g.constant([0], "int64"))
    return g.transpose(joined, (1, 0, 2))
