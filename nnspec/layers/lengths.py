"""Rows of different lengths in one batch: which steps count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import called, require_dtype
from nnspec.ir.dims import Dim
from nnspec.ir.types import INTEGERS, TensorType

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


LENGTHS = called(lengths="sequence_lens sequence_length sequence_lengths seq_lengths lens")
"""What other frameworks call the option."""


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
    return _spread(g, g.op("Less", positions(g, x), _column(g, checked(g, x, lengths))), x.rank)


def last_that_counts(g: Graph, x: Value, lengths: Value) -> Value:
    """True at the last step of each row of x [N, T, *] that is no padding: bool [N, T, 1, …], of the rank of x."""
    return _spread(g, g.op("Equal", g.op("Add", positions(g, x), 1), _column(g, checked(g, x, lengths))), x.rank)


def over_steps(g: Graph, operator: str, x: Value, lengths: Value) -> Value:
    """A reduction of axis 1 of x [N, T, *] to size 1 that leaves padding out; 0 where a row has no steps."""
    counts = steps_that_count(g, x, lengths)
    if operator in ("ReduceSum", "ReduceMean"):
        total = g.reduce("ReduceSum", g.op("Where", counts, x, 0), [1], keepdims=True)
        if operator == "ReduceSum":
            return total
        steps = g.op("Max", g.cast(lengths, x.dtype), 1)
        return g.op("Div", total, _spread(g, g.op("Unsqueeze", steps, g.constant([1], "int64")), x.rank))
    found = g.reduce(operator, g.op("Where", counts, x, _outside(operator, x)), [1], keepdims=True)
    some = g.op("Greater", _column(g, lengths), 0)
    return g.op("Where", _spread(g, some, x.rank), found, 0)


def _outside(operator: str, x: Value) -> float:
    """What never is the extreme."""
    import numpy as np

    kind = np.dtype(x.dtype)
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return limits.min if operator == "ReduceMax" else limits.max


def positions(g: Graph, x: Value) -> Value:
    """0, 1, … T - 1 for x [N, T, *]: int64 [1, T]."""
    steps = x.shape[1]
    if isinstance(steps, int):
        return g.constant([list(range(steps))], "int64")
    limit = g.op("Squeeze", g.op("Shape", x, start=1, end=2), g.constant([0], "int64"))
    numbers = g.op("Range", g.constant(0, "int64"), limit, g.constant(1, "int64"), type=_int64(steps))
    return g.op("Unsqueeze", numbers, g.constant([0], "int64"))


def _column(g: Graph, lengths: Value) -> Value:
    return g.op("Unsqueeze", g.cast(lengths, "int64"), g.constant([1], "int64"))


def checked(g: Graph, x: Value, lengths: Value) -> Value:
    """The lengths as int64, read from the list 0, 1, … T, so that one outside of it ends the run with an error."""
    steps, whole = x.shape[1], g.cast(lengths, "int64")
    size = g.op("Squeeze", g.op("Shape", x, start=1, end=2), g.constant([0], "int64"))
    beyond = g.op("Add", size, 1)
    index = g.op("Where", g.op("Less", whole, 0), beyond, whole)  # Gather would count negative ones from the end
    numbers = g.op("Range", g.constant(0, "int64"), beyond, g.constant(1, "int64"), type=_int64(steps + 1))
    return g.op("Gather", numbers, index, axis=0)


def _int64(*shape: Dim) -> TensorType:
    return TensorType("int64", shape)


def _spread(g: Graph, mask: Value, rank: int) -> Value:
    return g.op("Unsqueeze", mask, g.constant(list(range(2, rank)), "int64")) if rank > 2 else mask
