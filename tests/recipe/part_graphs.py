"""Small graphs of losses, metrics, optimizers and averages, run in ONNX Runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from nnspec.graph.graph import Graph, Value
from nnspec.graph.onnx_file import to_model
from nnspec.ir.dims import Size, symbol
from nnspec.ir.types import TensorType

sys.path.append(str(Path(__file__).parents[1] / "layers"))
from library_cases import build

__all__ = ["N", "build", "compute", "session", "type_of"]

N = symbol("N")


def type_of(array: Any, rows: Size | None = None) -> TensorType:
    """The type of an array, with a symbol for its first dimension if one is given."""
    shape = array.shape if rows is None else (rows, *array.shape[1:])
    return TensorType(str(array.dtype), shape)  # type: ignore[arg-type]


def session(make: Callable[..., Mapping[str, Value]], types: Mapping[str, TensorType]) -> ort.InferenceSession:
    """A session of the graph that `make(g, *inputs)` builds."""
    g = Graph("part", training=True)
    for name, value in make(g, *(g.input(name, type) for name, type in types.items())).items():
        g.output(name, value)
    return ort.InferenceSession(to_model(g).SerializeToString(), providers=["CPUExecutionProvider"])


def compute(component: Any, method: str, *arrays: Any, rows: Size | None = None, **named: Any) -> dict[str, Any]:
    """What `component.lower` or `.parts` makes of arrays; those that are options by their names."""

    def make(g: Graph, *inputs: Value) -> Mapping[str, Value]:
        options = dict(zip(named, inputs[len(inputs) - len(named) :], strict=True))
        made = getattr(component, method)(g, *inputs[: len(inputs) - len(named)], **options)
        return made if isinstance(made, dict) else {"result": made}

    arrays = (*arrays, *named.values())
    names = [f"x{i}" for i in range(len(arrays))]
    run = session(make, {name: type_of(array, rows) for name, array in zip(names, arrays, strict=True)})
    outputs = [item.name for item in run.get_outputs()]
    return dict(zip(outputs, run.run(None, dict(zip(names, map(np.asarray, arrays), strict=True))), strict=True))
