"""What a model that is run step by step keeps of the steps before: inputs `past/…` and outputs `present/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.graph.dtypes import tensor_type
from nnspec.ir.dims import Dim, symbol

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

STEPS = "past/steps"
"""Input, an int64 scalar: how many steps there were."""
CACHED = symbol("cached_steps")
"""The same number, as a dimension."""


class Caches:
    """Tensors that grow along axis 2 by the steps of each run."""

    def __init__(self, g: Graph) -> None:
        self._g = g
        self.steps: Value = g.input(STEPS, tensor_type("int64", ()))
        self.grown: dict[str, Value] = {}
        """New contents by the name of the input that takes them in the next run."""

    def extended(self, name: str, new: Value) -> Value:
        """What was cached under `name` with `new` [N, H, T, D] behind it: [N, H, cached + T, D]."""
        past = self._g.input(f"past/{name}", new.type.with_shape(*new.shape[:2], CACHED, *new.shape[3:]))
        return self.grow(past, self._g.op("Concat", past, new, axis=2))

    def past(self, name: str, rows: Dim, heads: int, size: int) -> Value:
        """What was cached under `name`: float32 [N, heads, cached, size]."""
        return self._g.input(f"past/{name}", tensor_type("float32", (rows, heads, CACHED, size)))

    def grow(self, past: Value, whole: Value) -> Value:
        """State what takes the place of a value that `past` gave, in the next run."""
        self.grown[past.name] = whole
        return whole


def present_name(past: str) -> str:
    """The output that holds the new content of the input `past/…`."""
    return f"present/{past.removeprefix('past/')}"
