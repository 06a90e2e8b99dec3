"""Graphs from rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, pi, sqrt
from typing import Any

import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from operator_cases import Case, Real
from reference_convolution import REPLACED
from reference_pooling import MaxPool
from reference_recurrent import RECURRENT

from nnspec.graph import onnx_file
from nnspec.graph.dtypes import is_float, tensor_type
from nnspec.graph.graph import Array, Graph, Value


def applied(g: Graph, row: Case, dtype: str) -> tuple[list[Value], list[Value], dict[str, Array]]:
    """Put the row into `g`: its inputs (`x0`, …) for the sampled operands, its results, and the feeds. Other operands
    are constants.
    """
    feeds: dict[str, Array] = {}
    operands: list[Value | None] = []
    for kind, array in zip(row.operands, row.arrays(dtype), strict=True):
        if array is None:
            operands.append(None)
        elif isinstance(kind, Real):
            feeds[f"x{len(feeds)}"] = array
            operands.append(g.input(f"x{len(feeds) - 1}", tensor_type(dtype, array.shape)))
        else:
            operands.append(g.constant(array))
    results: Any = g.op(row.op_type, *operands, outputs=row.outputs, **row.options(dtype))
    return g.inputs, [results] if row.outputs == 1 else list(results), feeds


def forward(row: Case, dtype: str, opset: int) -> tuple[Graph, dict[str, Array]]:
    """The operator alone; its results are the outputs `y0`, …."""
    g = Graph(row.op_type.lower(), opset=opset)
    _, results, feeds = applied(g, row, dtype)
    for i, value in enumerate(results):
        g.output(f"y{i}", value)
    return g, feeds


def projected(g: Graph, results: list[Value]) -> Value:
    """A scalar that weighs every floating-point element of the results differently."""
    random = np.random.default_rng(7)
    total = None
    for value in results:
        if not is_float(value.dtype):
            continue
        weights = g.constant(random.uniform(0.5, 1.5, value.static_shape) * random.choice([-1, 1]), value.dtype)
        term = g.reduce("ReduceSum", g.op("Mul", value, weights), list(range(value.rank)))
        total = term if total is None else g.op("Add", total, term)
    assert total is not None
    return total


class Erf(OpRun):
    """ONNX's own gives float32."""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.vectorize(erf, otypes=[x.dtype])(x),)


class Gelu(OpRun):
    """As Erf."""

    def _run(self, x: Array, approximate: str = "none") -> tuple[Array]:
        if approximate == "tanh":
            return (0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),)
        return (0.5 * x * (1 + np.vectorize(erf, otypes=[x.dtype])(x / sqrt(2))),)


class Pad(OpRun):
    """ONNX's own cannot crop with negative pads."""

    def _run(
        self, x: Array, pads: Array, value: Array | None = None, axes: Array | None = None, mode: str = "constant"
    ) -> tuple[Array]:
        around = np.zeros((x.ndim, 2), int)
        around[slice(None) if axes is None else axes] = pads.reshape(2, -1).T
        x = x[
            tuple(
                slice(max(-begin, 0), size - max(-end, 0)) for (begin, end), size in zip(around, x.shape, strict=True)
            )
        ]
        fill = {"constant_values": 0 if value is None else value} if mode == "constant" else {}
        return (np.pad(x, np.maximum(around, 0), mode, **fill),)


def reference(g: Graph) -> Callable[[dict[str, Array]], list[Array]]:
    own = [Erf, Gelu, Pad, MaxPool, *REPLACED, *RECURRENT]
    evaluator = ReferenceEvaluator(onnx_file.to_model(g), new_ops=own)
    return lambda feeds: [np.asarray(result) for result in evaluator.run(None, feeds)]


def on_reference(g: Graph, feeds: dict[str, Array]) -> list[Array]:
    return reference(g)(feeds)


def session(g: Graph, threads: int = 1) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    content = onnx_file.to_bytes(onnx_file.to_model(g))
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
