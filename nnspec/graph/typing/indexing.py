"""Reading and writing at indices."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.types import TensorType


@typed("Gather")
def gather(call: Call) -> TensorType:
    x, axis = call.type(0), call.axis(0)
    return x.with_shape(*x.shape[:axis], *_indices(call).shape, *x.shape[axis + 1 :])


@typed("GatherElements")
def gather_elements(call: Call) -> TensorType:
    call.axis(0)
    _same_rank(call)
    return call.type(0).with_shape(*_indices(call).shape)


@typed("GatherND")
def gather_nd(call: Call) -> TensorType:
    """The last axis of the indices addresses the axes after the batch axes."""
    x, indices, batch = call.type(0), _indices(call), call.integer("batch_dims", 0)
    depth = indices.shape[-1]
    if not isinstance(depth, int) or batch + depth > x.rank:
        raise ValueError(f"indices {indices} address more axes than {x} has")
    return x.with_shape(*indices.shape[:-1], *x.shape[batch + depth :])


@typed("ScatterElements")
def scatter_elements(call: Call) -> TensorType:
    call.axis(0)
    _same_rank(call)
    same_dtype([call.type(0), call.type(2)])
    if _indices(call).shape != call.type(2).shape:
        raise ValueError("indices and updates have different shapes")
    return call.type(0)


@typed("ScatterND")
def scatter_nd(call: Call) -> TensorType:
    x, indices, updates = call.type(0), _indices(call), call.type(2)
    same_dtype([x, updates])
    depth = indices.shape[-1]
    if not isinstance(depth, int) or updates.shape != (*indices.shape[:-1], *x.shape[depth:]):
        raise ValueError(f"updates {updates} do not fit indices {indices}")
    return x


@typed("OneHot")
def one_hot(call: Call) -> TensorType:
    """OneHot(indices, depth, [off, on]): the new axis may be the last, so it counts to rank inclusive."""
    indices, values = call.type(0), call.type(2)
    (depth,) = call.content(1)
    axis = call.integer("axis", -1)
    if not -indices.rank - 1 <= axis <= indices.rank:
        raise ValueError(f"axis {axis} is outside {indices} with one axis more")
    at = axis % (indices.rank + 1)
    return tensor_type(values.dtype, (*indices.shape[:at], depth, *indices.shape[at:]))


def _indices(call: Call) -> TensorType:
    indices = call.type(1)
    if indices.dtype not in ("int64", "int32"):
        raise ValueError(f"indices are int64 or int32, got {indices}")
    return indices


def _same_rank(call: Call) -> None:
    if call.type(0).rank != call.type(1).rank:
        raise ValueError(f"indices {call.type(1)} have another rank than {call.type(0)}")
