"""What a model that is run step by step keeps of the steps before: inputs `past/…` and outputs `present/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.graph.dtypes import tensor_type
from nnspec.ir.dims import symbol

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
        shape = (*new.shape[:2], CACHED, *new.shape[3:])
        past = self._g.input(f"past/{name}", new.type.with_shape(*shape))
        whole = self._g.op("Concat", past, new, axis=2)
        self.grown[past.name] = whole
        return whole


def present_name(past: str) -> str:
    """The output that holds the new content of the input `past/…`."""
    return f"present/{past.removeprefix('past/')}"
