"""Gradients of reading and writing at indices.

What was read twice gets two contributions. They are added by a product with one-hot rows or by ScatterElements, which
is serial; never by ScatterND(reduction="add"), which adds from several threads without a lock and loses some of it.
"""

from __future__ import annotations

from math import prod

import numpy as np

from nnspec.autodiff.common import axis, integer, mask, only, operand, zeros
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Graph, GraphError, Node, Value
from nnspec.ir.dims import product

ONE_HOT_ROWS = 256
"""Tables of at most so many rows get their gradient from a product with one-hot rows."""


@gradient("Gather")
def gather(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x[i] along an axis  =>  dx[v] = the sum of dy where i = v.    ONNX: Gather-13"""
    x, indices, at = operand(node, 0), operand(node, 1), axis(node, 0)
    place = _single(indices)
    if place is not None:
        return only(node, _put_back(g, dy, x, at, place))
    order = [*range(at, at + indices.rank), *range(at), *range(at + indices.rank, dy.rank)]
    others = (*x.shape[:at], *x.shape[at + 1 :])
    rows = g.reshape(g.transpose(dy, order), (product(indices.shape), product(others)))
    table = _sum_rows(g, rows, g.reshape(indices, (product(indices.shape),)), x.static_shape[at])
    whole = g.reshape(table, (x.shape[at], *others))
    return only(node, g.transpose(whole, [*range(1, at + 1), 0, *range(at + 1, x.rank)]))


def _single(indices: Value) -> int | None:
    """The one constant index, as in `x[:, -1]`."""
    return int(indices.constant.item()) if indices.constant is not None and indices.constant.size == 1 else None


def _put_back(g: Graph, dy: Value, x: Value, at: int, place: int) -> Value:
    """`dy` at one place of an axis, zeros elsewhere."""
    pads = np.zeros((2, x.rank), np.int64)
    size = x.static_shape[at]
    pads[:, at] = place % size, size - 1 - place % size
    slab = g.reshape(dy, (*x.shape[:at], 1, *x.shape[at + 1 :]))
    return g.op("Pad", slab, g.constant(pads.reshape(-1))) if pads.any() else slab


def _sum_rows(g: Graph, rows: Value, places: Value, count: int) -> Value:
    """A table of `count` rows; row v is the sum of the rows whose place is v. Negative places count from the end.

    For 2048 rows of 128 floats the product with one-hot rows takes 0.64 ms at 256 table rows and 2.6 at 1024,
    ScatterElements 0.97 and 1.3; for 1024 rows of 384 floats and a table of 128 it is 0.47 against 1.3. Places as int32
    save a tenth.
    """
    if count <= ONE_HOT_ROWS:
        positive = g.op("Mod", g.cast(places, "int32"), count)
        numbers = g.constant(np.arange(count).reshape(-1, 1), positive.dtype)
        one_hot = mask(g, g.op("Equal", numbers, g.reshape(positive, (1, *positive.shape))), rows.dtype)
        return g.op("MatMul", one_hot, rows)
    at = g.expand(g.reshape(places, (*places.shape, 1)), rows.shape)
    table = zeros(g, Value("", rows.type.with_shape(count, rows.shape[1])))
    return g.op("ScatterElements", table, at, rows, axis=0, reduction="add")


@gradient("GatherElements")
def gather_elements(g: Graph, node: Node, dy: Value) -> Grads:
    """y_i = x[index_i] along an axis  =>  dx[v] = the sum of dy_i where index_i = v.    ONNX: GatherElements-13"""
    x, indices, at = operand(node, 0), operand(node, 1), axis(node, 0)
    return only(node, g.op("ScatterElements", zeros(g, x), indices, dy, axis=at, reduction="add"))


@gradient("GatherND")
def gather_nd(g: Graph, node: Node, dy: Value) -> Grads:
    """y_i = x[index_i], index_i a tuple  =>  as Gather, over the addressed axes as one axis.    ONNX: GatherND-13"""
    x, indices = operand(node, 0), operand(node, 1)
    batch, depth = integer(node, "batch_dims", 0), indices.static_shape[-1]
    addressed, inner = x.static_shape[: batch + depth], x.static_shape[batch + depth :]
    places = _flat_places(g, indices, addressed[batch:])
    if batch:
        begins = np.arange(prod(addressed[:batch])) * prod(addressed[batch:])
        spread = (*addressed[:batch], *(1 for _ in indices.shape[batch:-1]))
        places = g.op("Add", places, g.constant(begins.reshape(spread), places.dtype))
    count = product(places.shape)
    rows = g.reshape(dy, (count, prod(inner)))
    return only(node, g.reshape(_sum_rows(g, rows, g.reshape(places, (count,)), prod(addressed)), x.shape))


def _flat_places(g: Graph, indices: Value, sizes: tuple[int, ...]) -> Value:
    """Index tuples as places in the addressed axes laid out in a row."""
    strides = [prod(sizes[i + 1 :]) for i in range(len(sizes))]
    positive = g.op("Mod", indices, g.constant(list(sizes), indices.dtype))
    return g.reduce("ReduceSum", g.op("Mul", positive, g.constant(strides, indices.dtype)), [-1])


@gradient("ScatterElements")
def scatter_elements(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x with u added, or put, at the indices  =>  dx = dy, or 0 where u was put,  du = dy at the indices.

    Indices must not repeat where elements are put. ONNX: ScatterElements-18"""
    indices, updates, at = operand(node, 1), operand(node, 2), axis(node, 0)
    du = g.op("GatherElements", dy, indices, axis=at)
    if _adds(node):
        return dy, None, du
    return g.op("ScatterElements", dy, indices, zeros(g, updates), axis=at), None, du


@gradient("ScatterND")
def scatter_nd(g: Graph, node: Node, dy: Value) -> Grads:
    """As ScatterElements, with index tuples.    ONNX: ScatterND-18"""
    indices, updates = operand(node, 1), operand(node, 2)
    du = g.op("GatherND", dy, indices)
    return (dy if _adds(node) else g.op("ScatterND", dy, indices, zeros(g, updates))), None, du


def _adds(node: Node) -> bool:
    reduction = node.attributes.get("reduction", "none")
    if reduction not in ("none", "add"):
        raise GraphError(f"{node.op_type} at {node.origin} with reduction {reduction!r} has no gradient rule")
    return bool(reduction == "add")


@gradient("OneHot")
def one_hot(g: Graph, node: Node, dy: Value) -> Grads:
    """y = off + (on - off) h, h = 1 at the indices  =>  d on = sum(h dy),  d off = sum(dy) - d on.  ONNX: OneHot-11"""
    indices, depth, values = operand(node, 0), operand(node, 1), operand(node, 2)
    hot = g.op("OneHot", indices, depth, g.constant([0, 1], values.dtype), axis=integer(node, "axis", -1))
    whole = list(range(dy.rank))
    d_on = g.reduce("ReduceSum", g.op("Mul", dy, hot), whole)
    d_off = g.op("Sub", g.reduce("ReduceSum", dy, whole), d_on)
    return None, None, g.op("Concat", g.reshape(d_off, (1,)), g.reshape(d_on, (1,)), axis=0)
