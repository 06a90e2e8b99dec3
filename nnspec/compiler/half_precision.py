"""float16 weights and arithmetic: half the file, and half the memory that a processor with such arithmetic reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from nnspec.compiler.extremes import measured
from nnspec.diagnostics.errors import Fault
from nnspec.graph.graph import Graph, Node, Value
from nnspec.ir.types import TensorType

Array = np.ndarray[Any, Any]

LIMIT = float(np.finfo(np.float16).max)
INFINITE = 1e29
"""What is larger stands for infinity, as the -1e30 that a mask adds to scores does."""
WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Gather", "LayerNormalization")
"""Operators that begin the part in float16. What stands before them prepares inputs, which may be far outside of what
float16 holds."""
WIDE = ("Range", "DynamicQuantizeLinear")
"""Operators that ONNX has for float32 alone."""
RECURRENT = ("LSTM", "GRU", "RNN")
"""Computed in float32 from weights that are stored in float16: ONNX Runtime 1.32 has no such kernel in float16 for
processors, and crashes where it looks for one."""
WIDE_OPERANDS = (("Resize", 2),)
"""Operands that are float32 whatever the others are: the scales of Resize."""


def in_half_precision(
    g: Graph, weights: Mapping[str, Array], rows: Mapping[str, Array], *, ends: bool = False
) -> tuple[Graph, dict[str, Array]]:
    """The graph in float16 from the first operator with weights on, and its weights. Inputs and outputs stay float32
    unless `ends` asks for theirs. Weights and constants beyond ±65504 become that; E722 where a result is beyond, for
    the inputs in `rows`. `g` must not be used any more."""
    narrowing = _Narrowing(g, weights)
    found = narrowing.run(g, ends)
    _require_small(g, weights, rows, [x for node in g.nodes for x in node.outputs if x in narrowing.computed])
    return found


def _require_small(g: Graph, weights: Mapping[str, Array], rows: Mapping[str, Array], values: Sequence[Value]) -> None:
    """ONNX Runtime computes in float32 where a processor has no float16: what overflows elsewhere shows here alone."""
    for value, (low, high) in measured(g, weights, rows, values).items():
        largest = max(-low, high)
        if LIMIT < largest < INFINITE:
            raise Fault(
                "E722",
                f"{value.name.partition('/')[0]} reaches {largest:.3g}, float16 ends at {LIMIT:.0f}",
                help="scale it down, or leave the precision at float32",
            )


class _Narrowing:
    """Writes a graph anew. A value of the old one has a form in float32, in float16, or both."""

    def __init__(self, g: Graph, weights: Mapping[str, Array]) -> None:
        self._g, self._weights, self._arrays = copy(g), weights, dict[str, Array]()
        self._paths = {value: path for path, value in g.parameters.items()}
        self._g.nodes, self._g.parameters = [], {}
        self._wide = {value: value for value in g.inputs}
        self._half: dict[Value, Value] = {}
        self.computed: set[Value] = set()
        """What is computed in float16."""

    def run(self, old: Graph, ends: bool) -> tuple[Graph, dict[str, Array]]:
        g = self._g
        if ends:
            g.inputs = [self._entrance(value) for value in old.inputs]
        for node in old.nodes:
            with g.at(node.origin):
                self._write(node)
        g.outputs = {name: self._exit(value, ends) for name, value in old.outputs.items()}
        return g, self._arrays

    def _entrance(self, value: Value) -> Value:
        if value.dtype != "float32":
            return value
        del self._wide[value]
        self._half[value] = Value(value.name, _half(value.type))
        self.computed.add(value)
        return self._half[value]

    def _exit(self, value: Value, ends: bool) -> Value:
        return self.half(value) if ends and value.dtype == "float32" else self.wide(value)

    def _write(self, node: Node) -> None:
        numbers = [x for x in node.inputs if x is not None and x.dtype == "float32"]
        half = node.op_type not in (*WIDE, *RECURRENT) and not self.computed.isdisjoint(numbers)
        half |= node.op_type in WITH_WEIGHTS and bool(numbers)
        half |= any(x in self._paths for x in numbers) and all(
            x in self._paths or x.constant is not None for x in numbers
        )
        operands = [None if x is None else self._operand(node, i, x, half) for i, x in enumerate(node.inputs)]
        results = [Value(x.name, _half(x.type) if half and not _casts(node) else x.type) for x in node.outputs]
        new = replace(node, inputs=tuple(operands), outputs=tuple(results))
        for before, result in zip(node.outputs, results, strict=True):
            result.node = new
            if result.dtype == before.dtype:
                self._wide[before] = result
            else:
                self._half[before] = result
                self.computed.add(before)
        self._g.nodes.append(new)

    def wide(self, value: Value) -> Value:
        """A value in its own dtype."""
        if value not in self._wide:
            if value.constant is not None:
                self._wide[value] = value
            elif value in self._paths:
                self._wide[value] = self._stored(self._paths[value], self._weights[self._paths[value]], value.type)
            else:
                self._wide[value] = self._g.op("Cast", self._half[value], to="float32")
        return self._wide[value]

    def half(self, value: Value) -> Value:
        """A value in float16, where it is a float32."""
        if value.dtype != "float32":
            return self.wide(value)
        if value not in self._half:
            if value.constant is not None:
                self._half[value] = self._g.constant(_rounded(value.constant), "float16")
            elif value in self._paths:
                path = self._paths[value]
                self._half[value] = self._stored(path, _rounded(self._weights[path]), _half(value.type))
            else:
                self._half[value] = self._g.op("Cast", self._wide[value], to="float16")
        return self._half[value]

    def _operand(self, node: Node, index: int, x: Value, half: bool) -> Value:
        if node.op_type in RECURRENT and x in self._paths and x.dtype == "float32":
            return self._g.op("Cast", self.half(x), to="float32")
        return self.half(x) if half and (node.op_type, index) not in WIDE_OPERANDS else self.wide(x)

    def _stored(self, path: str, content: Array, type: TensorType) -> Value:
        name = path if path not in self._arrays else f"{path}/{type.dtype}"
        self._arrays[name] = content
        self._g.parameters[name] = Value(name, type)
        return self._g.parameters[name]


def _half(type: TensorType) -> TensorType:
    return type.with_dtype("float16") if type.dtype == "float32" else type


def _casts(node: Node) -> bool:
    return node.op_type == "Cast"


def _rounded(content: Array) -> Array:
    """A mask is half of the limit: a score may be added to it."""
    found = np.where(np.abs(content) > INFINITE, np.sign(content) * LIMIT / 2, np.clip(content, -LIMIT, LIMIT))
    return found.astype(np.float16)
