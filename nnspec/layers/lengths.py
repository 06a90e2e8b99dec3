"""Rows of different lengths in one batch: which steps count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import require_dtype
from nnspec.ir.types import INTEGERS, TensorType

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def require_lengths(kind: str, x: TensorType, lengths: TensorType | None) -> None:
    """Raise a fault unless `lengths` are integers [N] for the rows of x [N, T, *]."""
    if lengths is None:
        return
    require_dtype(f"lengths of {kind}", lengths, INTEGERS)
    if x.rank < 2:
        raise Fault("E203", f"{kind} with lengths needs a sequence [N, T, *], got {x}")
    if lengths.shape != x.shape[:1]:
        raise Fault("E203", f"{kind} needs lengths [{x.shape[0]}], one for each row of {x}, got {lengths}")


def steps_that_count(g: Graph, x: Value, lengths: Value) -> Value:
    """True where step t of x [N, T, *] is no padding: bool [N, T, 1, …], of the rank of x."""
    return _spread(g, g.op("Less", positions(g, x), _column(g, lengths)), x.rank)


def last_that_counts(g: Graph, x: Value, lengths: Value) -> Value:
    """True at the last step of each row of x [N, T, *] that is no padding: bool [N, T, 1, …], of the rank of x."""
    return _spread(g, g.op("Equal", g.op("Add", positions(g, x), 1), _column(g, lengths)), x.rank)


def positions(g: Graph, x: Value) -> Value:
    """0, 1, … T - 1 for x [N, T, *]: int64 [1, T]."""
    steps = x.shape[1]
    if isinstance(steps, int):
        return g.constant([list(range(steps))], "int64")
    limit = g.op("Squeeze", g.op("Shape", x, start=1, end=2), g.constant([0], "int64"))
    numbers = g.op("Range", g.constant(0, "int64"), limit, g.constant(1, "int64"), type=TensorType("int64", (steps,)))
    return g.op("Unsqueeze", numbers, g.constant([0], "int64"))


def _column(g: Graph, lengths: Value) -> Value:
    return g.op("Unsqueeze", g.cast(lengths, "int64"), g.constant([1], "int64"))


def _spread(g: Graph, mask: Value, rank: int) -> Value:
    return g.op("Unsqueeze", mask, g.constant(list(range(2, rank)), "int64")) if rank > 2 else mask
