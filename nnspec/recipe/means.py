"""Sums and means over all elements, for losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def least(dtype: str, wanted: float = 1e-30) -> float:
    """A number that is more than 0 and less than all that matters; `wanted`, where the dtype has it."""
    return max(wanted, 6e-8) if dtype == "float16" else wanted


def mean(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceMean", x, range(x.rank))


def total(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceSum", x, range(x.rank))
