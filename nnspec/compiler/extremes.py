"""The extremes that values of a graph reach on rows of data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.graph import onnx_file
from nnspec.graph.graph import Graph, Value
from nnspec.graph.rewrite import with_nodes
from nnspec.runtime.session import Session, available_cores

Array = np.ndarray[Any, Any]

BATCH = 64


class Range(NamedTuple):
    """The extremes of a tensor, 0 among them."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        return float(np.float32((self.high - self.low) / 255 or 1.0))

    @property
    def zero(self) -> int:
        return round(min(max(-self.low / self.scale, 0), 255))


def measured(
    g: Graph, arrays: Mapping[str, Array], rows: Mapping[str, Array], wanted: Collection[Value]
) -> dict[Value, Range]:
    """The extremes of values over rows of data."""
    order = [x for x in (*g.inputs, *(y for node in g.nodes for y in node.outputs)) if x in wanted]
    watched = with_nodes(g, g.nodes, {})
    watched.outputs = {f"range/{i}": value for i, value in enumerate(order)}
    beside: dict[str, Array] = {}
    model = onnx_file.to_bytes(onnx_file.to_model(watched, arrays, beside=beside))
    session = Session(model, threads=available_cores(), beside=beside)
    found = {value: Range(0.0, 0.0) for value in order}
    count = min((len(array) for array in rows.values() if array.ndim), default=0)
    for start in range(0, count, BATCH):
        part = {name: array[start : start + BATCH] if array.ndim else array for name, array in rows.items()}
        batch = {name: array for name, array in part.items() if name in session.inputs}
        for value, array in zip(order, session.run(batch, list(watched.outputs)).values(), strict=True):
            before = found[value]
            found[value] = Range(min(before.low, float(array.min())), max(before.high, float(array.max())))
    return found
