"""ONNX's recurrent operators in NumPy, after its specification.

Those of onnx's reference evaluator know neither lengths nor, for LSTM, two directions, and its Scan goes forward only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_scan import Scan as ForwardScan

Array = np.ndarray[Any, Any]
Cell = Callable[[Array, list[Array], Array, Array], list[Array]]
"""A row's step: W x + b [gates H], states, R [gates H, H], the offsets of the state [gates H]; the new states."""


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def run(
    cell: Callable[[int], Cell],
    x: Array,
    w: Array,
    r: Array,
    bias: Array | None,
    lengths: Array | None,
    initial: list[Array | None],
    direction: str,
) -> tuple[Array, ...]:
    """Each row by itself, in each direction, over its own steps."""
    steps, rows, _ = x.shape
    directions, wide, size = r.shape
    offsets = np.zeros((directions, 2 * wide), x.dtype) if bias is None else bias
    y = np.zeros((steps, directions, rows, size), x.dtype)
    starts = [np.zeros((directions, rows, size), x.dtype) if s is None else s for s in initial]
    ends = [np.array(start) for start in starts]
    for d in range(directions):
        own = cell(d)
        for row in range(rows):
            count = steps if lengths is None else int(lengths[row])
            order = range(count)[:: -1 if d or direction == "reverse" else 1]
            states = [start[d, row] for start in starts]
            for t in order:
                states = own(w[d] @ x[t, row] + offsets[d, :wide], states, r[d], offsets[d, wide:])
                y[t, d, row] = states[0]
            for end, state in zip(ends, states, strict=True):
                end[d, row] = state
    return y, *ends


class RNN(OpRun):
    op_domain = ""

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        bias: Array | None = None,
        lengths: Array | None = None,
        h: Array | None = None,
        activations: list[str] | None = None,
        direction: str = "forward",
        **_: Any,
    ) -> tuple[Array, ...]:
        names = activations or ["Tanh"] * 2

        def cell(d: int) -> Cell:
            f = {"Tanh": np.tanh, "Relu": lambda z: np.maximum(z, 0)}[names[d]]
            return lambda z, states, r, b: [f(z + r @ states[0] + b)]

        return run(cell, x, w, r, bias, lengths, [h], direction)[: len(self.onnx_node.output)]


class LSTM(OpRun):
    op_domain = ""

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        bias: Array | None = None,
        lengths: Array | None = None,
        h: Array | None = None,
        c: Array | None = None,
        direction: str = "forward",
        **_: Any,
    ) -> tuple[Array, ...]:
        def cell(z: Array, states: list[Array], r: Array, b: Array) -> list[Array]:
            enter, out, keep, new = np.split(z + r @ states[0] + b, 4)
            c = sigmoid(keep) * states[1] + sigmoid(enter) * np.tanh(new)
            return [sigmoid(out) * np.tanh(c), c]

        return run(lambda d: cell, x, w, r, bias, lengths, [h, c], direction)[: len(self.onnx_node.output)]


class GRU(OpRun):
    op_domain = ""

    def _run(
        self,
        x: Array,
        w: Array,
        r: Array,
        bias: Array | None = None,
        lengths: Array | None = None,
        h: Array | None = None,
        direction: str = "forward",
        linear_before_reset: int = 0,
        **_: Any,
    ) -> tuple[Array, ...]:
        def cell(z: Array, states: list[Array], r: Array, b: Array) -> list[Array]:
            (before,), size = states, len(states[0])
            pair = sigmoid(z[: 2 * size] + r[: 2 * size] @ before + b[: 2 * size])
            keep, reset = np.split(pair, 2)
            own, offset = r[2 * size :], b[2 * size :]
            inner = reset * (own @ before + offset) if linear_before_reset else own @ (reset * before) + offset
            return [(1 - keep) * np.tanh(z[2 * size :] + inner) + keep * before]

        return run(lambda d: cell, x, w, r, bias, lengths, [h], direction)[: len(self.onnx_node.output)]


class Scan(ForwardScan):
    """Backwards as well: forwards over mirrored sequences."""

    op_domain = ""

    def __init__(self, node: Any, parameters: Any) -> None:
        mine = type(node)()
        mine.CopyFrom(node)
        self._inputs = self._outputs = False
        for attribute in list(mine.attribute):
            if attribute.name in ("scan_input_directions", "scan_output_directions"):
                backwards = all(attribute.ints)
                if attribute.name == "scan_input_directions":
                    self._inputs = backwards
                else:
                    self._outputs = backwards
                mine.attribute.remove(attribute)
        super().__init__(mine, parameters)

    def _run(self, *args: Array, **options: Any) -> tuple[Array, ...]:
        states = len(args) - self.num_scan_inputs
        given = [x[::-1] if self._inputs and i >= states else x for i, x in enumerate(args)]
        made = super()._run(*given, **options)
        return tuple(y[::-1] if self._outputs and i >= states else y for i, y in enumerate(made))


RECURRENT = [RNN, LSTM, GRU, Scan]
