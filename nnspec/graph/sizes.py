"""Sizes that are known at run time only, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnspec.graph.errors import GraphError
from nnspec.ir.dims import Atom, Dim, Size

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def shape_tensor(g: Graph, shape: Sequence[Dim]) -> Value:
    """A shape as an int64 tensor."""
    if all(isinstance(dim, int) for dim in shape):
        return g.constant(list(shape), "int64")
    parts: list[Value] = []
    rest = list(shape)
    while rest:
        value, count = _longest_run(g, rest)
        parts.append(size_tensor(g, rest[0]) if value is None else value)
        del rest[:count]
    return parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=0)


def _longest_run(g: Graph, shape: Sequence[Dim]) -> tuple[Value | None, int]:
    """The longest beginning of at least two sizes that one constant holds, or one input has side by side, and how many
    they are; None and 1 where there is none."""
    fixed = next((i for i, dim in enumerate(shape) if not isinstance(dim, int)), len(shape))
    if fixed > 1:
        return g.constant(list(shape[:fixed]), "int64"), fixed
    for count in range(len(shape), 1, -1):
        for value in g.inputs:
            for start in range(value.rank - count + 1):
                if value.shape[start : start + count] == tuple(shape[:count]):
                    return g.op("Shape", value, start=start, end=start + count), count
    return None, 1


def size_tensor(g: Graph, size: Dim) -> Value:
    """A size as an int64 tensor of shape [1]: a dimension of an input, or computed from such dimensions."""
    if isinstance(size, int):
        return g.constant([size], "int64")
    for value in g.inputs:
        if size in value.shape:
            axis = value.shape.index(size)
            return g.op("Shape", value, start=axis, end=axis + 1)
    return _computed(g, size)


def _computed(g: Graph, size: Size) -> Value:
    """The sum of coefficient * atom * atom * …"""
    if len(size.terms) == 1 and str(size).isidentifier():
        raise GraphError(f"no input has a dimension {size}")
    total: Value | None = None
    for atoms, coefficient in size.terms.items():
        term = g.constant([coefficient], "int64")
        for atom in atoms:
            term = g.op("Mul", term, _atom(g, atom))
        total = term if total is None else g.op("Add", total, term)
    assert total is not None
    return total


def _atom(g: Graph, atom: Atom) -> Value:
    if isinstance(atom, str):
        return size_tensor(g, Size({(atom,): 1}))
    return g.op("Div", size_tensor(g, atom.numerator), atom.divisor)
