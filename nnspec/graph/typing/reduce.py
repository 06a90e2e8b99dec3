"""Reductions, searches and running sums along axes."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, typed
from nnspec.ir.dims import Shape
from nnspec.ir.types import TensorType, axis_of


@typed("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare", "ReduceProd")
def reduction(call: Call) -> TensorType:
    """Axes are the second operand at every opset; the writer makes them an attribute where ONNX wants that."""
    x = call.type(0)
    axes = reduced_axes(call)
    return x.with_shape(*_without(x.shape, axes, bool(call.integer("keepdims", 1))))


@typed("ArgMax", "ArgMin")
def arg_reduction(call: Call) -> TensorType:
    x = call.type(0)
    return tensor_type("int64", _without(x.shape, (call.axis(0),), bool(call.integer("keepdims", 1))))


@typed("TopK")
def top_k(call: Call) -> tuple[TensorType, TensorType]:
    """Values and indices."""
    x, axis = call.type(0), call.axis(-1)
    (count,) = call.content(1)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    return x.with_shape(*shape), tensor_type("int64", shape)


@typed("CumSum")
def cumulative_sum(call: Call) -> TensorType:
    if call.type(1).rank:
        raise ValueError("the axis is a scalar")
    axis_of(call.type(0), *call.content(1))
    return call.type(0)


@typed("Softmax", "LogSoftmax")
def softmax(call: Call) -> TensorType:
    call.axis(-1)
    return call.type(0)


def reduced_axes(call: Call) -> tuple[int, ...]:
    """The axes of a reduction, from the front; all axes where none are given."""
    x = call.type(0)
    axes = tuple(sorted(axis_of(x, axis) for axis in call.content(1))) if call.has(1) else ()
    return axes if axes or call.integer("noop_with_empty_axes", 0) else tuple(range(x.rank))


def _without(shape: Shape, axes: tuple[int, ...], keepdims: bool) -> Shape:
    if keepdims:
        return tuple(1 if i in axes else dim for i, dim in enumerate(shape))
    return tuple(dim for i, dim in enumerate(shape) if i not in axes)
