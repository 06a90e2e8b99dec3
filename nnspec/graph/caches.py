"""What a model that is run step by step keeps of the steps before: inputs `past/…` and outputs `present/…`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.graph.dtypes import tensor_type
from nnspec.ir.dims import Dim, symbol

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value
    from nnspec.ir.types import DType

STEPS = "past/steps"
"""Input, an int64 scalar: how many steps there were."""
PAST, PRESENT = "past/", "present/"
END = 2**62


class Caches:
    """Tensors that grow along axis 2 by the steps of each run."""

    def __init__(self, g: Graph) -> None:
        self._g = g
        self.steps: Value = g.input(STEPS, tensor_type("int64", ()))
        self.grown: dict[str, Value] = {}
        """New contents by the name of the input that takes them in the next run."""

    def extended(self, name: str, new: Value, keep: int | None = None) -> Value:
        """What was cached under `name` with `new` [N, H, T, D] behind it: [N, H, cached + T, D]. The next run gets all
        of it, or the last `keep` steps."""
        rows, heads, _, size = new.shape
        past = self.past(name, rows, heads, size, keep, new.type.dtype)
        return self.grow(past, self._g.op("Concat", past, new, axis=2), keep)

    def past(
        self, name: str, rows: Dim, heads: Dim, size: Dim, keep: int | None = None, dtype: DType = "float32"
    ) -> Value:
        """What was cached under `name`: [N, heads, cached, size]."""
        steps = symbol("cached" if keep is None else f"cached_{keep}")
        return self._g.input(f"{PAST}{name}", tensor_type(dtype, (rows, heads, steps, size)))

    def grow(self, past: Value, whole: Value, keep: int | None = None) -> Value:
        """State what takes the place of a value that `past` gave, in the next run."""
        self.grown[past.name] = whole if keep is None else self._last(whole, keep)
        return whole

    def _last(self, whole: Value, keep: int) -> Value:
        """At most `keep` steps, the last ones."""
        g, kept = self._g, (*whole.shape[:2], symbol(f"kept_{keep}"), whole.shape[3])
        bounds = [g.constant([n], "int64") for n in ((-keep, END, 2) if keep else (0, 0, 2))]
        return g.op("Slice", whole, *bounds, type=whole.type.with_shape(*kept))


def is_cache(name: str) -> bool:
    """Whether an input is a tensor that grows."""
    return name.startswith(PAST) and name != STEPS


def present_name(past: str) -> str:
    """The output that holds the new content of the input `past/…`."""
    return f"{PRESENT}{past.removeprefix(PAST)}"
