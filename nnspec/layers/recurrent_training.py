"""Recurrent layers in the form that trains: cells in a Scan for each layer and direction. All sizes are numbers.

Rows with different lengths need nothing inside of a step. Padding follows the end of a row, so a state that runs on
through it disturbs nobody: outputs there are set to 0, so that no gradient comes from there, and the last states are
taken where the row ends. The other direction reads each row reversed within its length, so its padding comes last too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nnspec.graph.random import keep_mask
from nnspec.layers.lengths import last_that_counts, steps_that_count

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value
    from nnspec.layers.recurrent import Recurrent
    from nnspec.layers.recurrent_inference import Built


def build(
    g: Graph,
    layer: Recurrent,
    x: Value,
    initial: Sequence[Value],
    lengths: Value | None,
    weights: Mapping[str, Value],
) -> Built:
    rows = x.static_shape[0]
    count = layer.layers * layer.directions
    starts = _starts(g, layer, initial, rows)
    padding = Padding(g, x, lengths) if lengths is not None else None
    sequence = g.transpose(padding.cleared(x) if padding else x, (1, 2, 0))
    ends: list[Sequence[Value]] = []
    for number in range(layer.layers):
        if number and layer.dropout:
            sequence = g.op("Mul", sequence, keep_mask(g, sequence.static_shape, layer.dropout, sequence.dtype))
        outputs = []
        for direction, side in enumerate(layer.weights_of(number, dict(weights))):
            begin = [of_all[number * layer.directions + direction] for of_all in starts]
            y, last = _direction(g, layer, sequence, side, begin, direction == 1, padding)
            outputs.append(y)
            ends.append(last)
        sequence = g.op("Concat", *outputs, axis=1) if len(outputs) > 1 else outputs[0]
    every = g.transpose(sequence, (2, 0, 1))
    final = [end[0] for end in ends[-layer.directions :]]
    joined = g.op("Concat", *final, axis=0) if len(final) > 1 else final[0]
    states = tuple(_state(g, [end[i] for end in ends], count) for i in range(len(layer.states)))
    return every, g.transpose(joined, (1, 0)), states


def _direction(
    g: Graph,
    layer: Recurrent,
    x: Value,
    weights: Sequence[Value],
    states: Sequence[Value],
    backwards: bool,
    padding: Padding | None,
) -> tuple[Value, Sequence[Value]]:
    """All outputs [T, H, N] and the last states [H, N] of one layer in one direction, from x [T, in, N]."""
    mirrored = backwards and padding is not None
    if mirrored:
        assert padding is not None
        x = padding.mirrored(x)
    weight, recurrent, *offsets = weights
    own, other = offsets or [g.expand(g.constant(0, x.dtype), weight.shape[:1])] * 2
    if offsets:
        weight, x = _with_offset(g, weight, g.op("Add", own, other) if layer.joins_offsets() else own, x)
    z = g.op("MatMul", weight, x)
    last, every = layer.run(g, z, recurrent, states, other, backwards and not mirrored)
    if padding is None:
        return every[0], last
    last = tuple(padding.at_the_end(steps, start) for steps, start in zip(every, states, strict=True))
    y = padding.mirrored(every[0]) if mirrored else every[0]
    return padding.zeroed(y), last


def _with_offset(g: Graph, weight: Value, offset: Value, x: Value) -> tuple[Value, Value]:
    """[W b] and [x; 1], whose product is W x + b: no pass over all steps for b, and none for its gradient."""
    steps, _, rows = x.static_shape
    ones = g.expand(g.constant(1, x.dtype), (steps, 1, rows))
    column = g.op("Unsqueeze", offset, g.constant([1], "int64"))
    return g.op("Concat", weight, column, axis=1), g.op("Concat", x, ones, axis=1)


class Padding:
    """What follows the end of each row. Sequences are [T, A, N], but for x [N, T, in] as the layer gets it."""

    def __init__(self, g: Graph, x: Value, lengths: Value) -> None:
        self._g = g
        self._mask = steps_that_count(g, x, lengths)
        self._real = g.transpose(self._mask, (1, 2, 0))
        self._last = g.transpose(last_that_counts(g, x, lengths), (1, 2, 0))
        whole = g.cast(lengths, "int64")
        self._empty = g.op("Equal", whole, 0)
        # ONNX Runtime reverses at least one step.
        self._lengths = g.op("Max", whole, 1)

    def cleared(self, x: Value) -> Value:
        """x with 0 for padding, whatever stood there."""
        return self._g.op("Where", self._mask, x, 0)

    def zeroed(self, y: Value) -> Value:
        return self._g.op("Where", self._real, y, 0)

    def mirrored(self, y: Value) -> Value:
        """The steps of each row in the opposite order, and padding after them as before."""
        g = self._g
        turned = g.op("ReverseSequence", g.transpose(y, (0, 2, 1)), self._lengths, time_axis=0, batch_axis=1)
        return g.transpose(turned, (0, 2, 1))

    def at_the_end(self, steps: Value, start: Value) -> Value:
        """The state after the last step of each row; that before the first for a row without steps."""
        g = self._g
        found = g.reduce("ReduceSum", g.op("Where", self._last, steps, 0), [0])
        return g.op("Where", self._empty, start, found)


def _starts(g: Graph, layer: Recurrent, initial: Sequence[Value], rows: int) -> list[list[Value]]:
    """For each kind of state: [H, N] for each layer and direction."""
    count = layer.layers * layer.directions
    if not initial:
        zeros = g.expand(g.constant(0, "float32"), (layer.units, rows))
        return [[zeros] * count for _ in layer.states]
    flat = [g.transpose(g.reshape(value, (rows, count * layer.units)), (1, 0)) for value in initial]
    return [list(g.split(value, [layer.units] * count, 0)) for value in flat]


def _state(g: Graph, ends: Sequence[Value], count: int) -> Value:
    """[H, N] of each layer and direction as [N, L D, H], or [N, H] where that is one."""
    joined = g.transpose(g.op("Concat", *ends, axis=0) if count > 1 else ends[0], (1, 0))
    size, rows = ends[0].static_shape
    return g.reshape(joined, (rows, count, size)) if count > 1 else joined
