"""Operators that move elements, and those about shapes."""

from __future__ import annotations

from functools import reduce
from math import ceil

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, Underdetermined, same_dtype, typed
from nnspec.ir.dims import Dim, Shape, exact_quotient, product
from nnspec.ir.types import TensorType, axis_of, broadcast

UNBOUNDED = 2**31 - 1
"""Ends of slices from here on mean the end of the axis."""


@typed("Reshape")
def reshape(call: Call) -> TensorType:
    """0 copies the dimension at the same place, -1 is the rest."""
    x = call.type(0)
    copies = not call.integer("allowzero", 0)
    target: list[Dim] = [x.shape[i] if n == 0 and copies else n for i, n in enumerate(call.content(1))]
    if -1 in target:
        known = product(tuple(dim for dim in target if dim != -1))
        target[target.index(-1)] = exact_quotient(product(x.shape), known)
    if product(tuple(target)) != product(x.shape):
        raise ValueError(f"{x} has not the elements of {target}")
    return x.with_shape(*target)


@typed("Flatten")
def flatten(call: Call) -> TensorType:
    """The axes before `axis`, which may be the rank, become rows, the others columns."""
    x, axis = call.type(0), call.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise ValueError(f"axis {axis} is outside {x}")
    at = axis + x.rank if axis < 0 else axis
    return x.with_shape(product(x.shape[:at]), product(x.shape[at:]))


@typed("Transpose")
def transpose(call: Call) -> TensorType:
    x = call.type(0)
    order = call.integers("perm") or tuple(reversed(range(x.rank)))
    if sorted(order) != list(range(x.rank)):
        raise ValueError(f"{list(order)} is no order of the axes of {x}")
    return x.with_shape(*(x.shape[axis] for axis in order))


@typed("Squeeze")
def squeeze(call: Call) -> TensorType:
    """Without axes, every dimension that is 1 goes."""
    x = call.type(0)
    axes = {axis_of(x, a) for a in call.content(1)} if call.has(1) else {i for i, dim in enumerate(x.shape) if dim == 1}
    if any(x.shape[axis] != 1 for axis in axes):
        raise ValueError(f"axes {sorted(axes)} of {x} are not all 1")
    return x.with_shape(*(dim for i, dim in enumerate(x.shape) if i not in axes))


@typed("Unsqueeze")
def unsqueeze(call: Call) -> TensorType:
    """Axes count in the result."""
    x = call.type(0)
    given = call.content(1)
    rank = x.rank + len(given)
    if any(not -rank <= axis < rank for axis in given) or len({axis % rank for axis in given}) < len(given):
        raise ValueError(f"axes {list(given)} do not fit a result of rank {rank}")
    new = {axis % rank for axis in given}
    rest = iter(x.shape)
    return x.with_shape(*(1 if i in new else next(rest) for i in range(rank)))


@typed("Expand")
def expand(call: Call) -> TensorType:
    return call.type(0).with_shape(*broadcast(call.type(0).shape, call.content(1)))


@typed("Tile")
def tile(call: Call) -> TensorType:
    x = call.type(0)
    return x.with_shape(*(dim * n for dim, n in zip(x.shape, call.content(1), strict=True)))


@typed("Concat")
def concat(call: Call) -> TensorType:
    types = call.types()
    axis = axis_of(types[0], call.integer("axis", 0))
    if len({(*type.shape[:axis], *type.shape[axis + 1 :]) for type in types}) > 1:
        raise ValueError(f"the operands differ outside axis {axis}")
    total = reduce(lambda a, b: a + b, (type.shape[axis] for type in types))
    return tensor_type(same_dtype(types), (*types[0].shape[:axis], total, *types[0].shape[axis + 1 :]))


@typed("Split")
def split(call: Call) -> tuple[TensorType, ...]:
    """By given sizes, or in equal parts of which the last may be smaller."""
    x, axis = call.type(0), call.axis(0)
    sizes: list[Dim] = list(call.content(1)) if call.has(1) else _equal_parts(x.shape[axis], call.outputs)
    if sum(sizes) != x.shape[axis]:
        raise ValueError(f"sizes {sizes} do not add up to axis {axis} of {x}")
    return tuple(x.with_shape(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes)


def _equal_parts(dim: Dim, parts: int) -> list[Dim]:
    if not isinstance(dim, int):
        return [exact_quotient(dim, parts)] * parts
    size = ceil(dim / parts)
    return [*[size] * (parts - 1), dim - size * (parts - 1)]


@typed("Slice")
def slice_(call: Call) -> TensorType:
    """Slice(x, starts, ends, axes, steps)."""
    x = call.type(0)
    starts, ends = call.content(1), call.content(2)
    axes = call.content(3) if call.has(3) else range(len(starts))
    steps = call.content(4) if call.has(4) else [1] * len(starts)
    shape = list(x.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = axis_of(x, axis)
        shape[at] = _slice_dim(shape[at], start, end, step)
    return x.with_shape(*shape)


def _slice_dim(dim: Dim, start: int, end: int, step: int) -> Dim:
    if isinstance(dim, int):
        return len(range(*slice_bounds(dim, start, end, step)))
    if step == 1 and start >= 0 and end >= UNBOUNDED:
        return dim - start
    if step == 1 and start == 0 and end < 0:
        return dim + end
    if (start, end, step) == (0, 1, 1):
        return 1
    if step == 1 and start < 0 and end >= UNBOUNDED:
        return -start
    if step == -1 and start == -1 and end <= -UNBOUNDED:
        return dim
    raise Underdetermined(f"how much of the symbolic dimension {dim} the slice {start}:{end}:{step} takes is not known")


def slice_bounds(size: int, start: int, end: int, step: int) -> tuple[int, int, int]:
    """Start, end and step as `range` takes them. As in Python, the end -1 is the last element, also going backwards."""
    low, high = (0, size) if step > 0 else (-1, size - 1)
    start, end = (n + size if n < 0 else n for n in (start, end))
    return min(max(start, 0), high), min(max(end, low), high), step


@typed("Pad")
def pad(call: Call) -> TensorType:
    """Pad(x, pads, value, axes): all begins, then all ends; negative numbers crop."""
    x, pads = call.type(0), call.content(1)
    axes = [axis_of(x, axis) for axis in call.content(3)] if call.has(3) else list(range(x.rank))
    shape = list(x.shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        shape[axis] = shape[axis] + (begin + end)
    return x.with_shape(*shape)


@typed("Trilu")
def trilu(call: Call) -> TensorType:
    if call.type(0).rank < 2:
        raise ValueError("needs at least two axes")
    return call.type(0)


@typed("Shape")
def shape_of(call: Call) -> TensorType:
    """The shape, or its part from `start` to `end`."""
    x = call.type(0)
    return tensor_type("int64", (len(x.shape[call.integer("start", 0) : call.attributes.get("end")]),))


@typed("Size")
def size_of(call: Call) -> TensorType:
    return tensor_type("int64", ())


@typed("ConstantOfShape")
def constant_of_shape(call: Call) -> TensorType:
    """The attribute `value` is an array of one element; without it the result is float32 zeros."""
    value = call.attributes.get("value")
    shape: Shape = call.content(0)
    return tensor_type("float32" if value is None else str(value.dtype), shape)


@typed("Range")
def range_(call: Call) -> TensorType:
    """Range(start, limit, delta)."""
    bounds = [call.value(i).constant for i in range(3)]
    if any(bound is None for bound in bounds):
        raise Underdetermined("start, limit and delta must be constants")
    start, limit, delta = (bound.item() for bound in bounds if bound is not None)
    return tensor_type(same_dtype(call.types()), (max(ceil((limit - start) / delta), 0),))
