"""Attention and rotary positions as operators, from opset 23 on."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.dims import exact_quotient
from nnspec.ir.types import TensorType


@typed("Attention")
def attention(call: Call) -> tuple[TensorType, ...]:
    """Attention(q, k, v, mask, past keys, past values): q [N, T, heads · D], k [N, S, kv heads · D] and v [N, S, kv
    heads · E] with the numbers of heads as attributes. The result [N, T, heads · E], and the keys and values with those
    of the past, [N, kv heads, P, D], before them: [N, kv heads, P + S, D].
    """
    q, k, v = (call.type(i) for i in range(3))
    if {q.rank, k.rank, v.rank} != {3}:
        raise ValueError("queries, keys and values are [N, T, heads · size]")
    dtype = same_dtype([q, k, v])
    heads, groups = call.integer("q_num_heads", 0), call.integer("kv_num_heads", 0)
    if not heads or not groups or heads % groups:
        raise ValueError(f"{groups} heads of keys do not divide {heads} heads of queries")
    size, depth = exact_quotient(k.shape[2], groups), exact_quotient(v.shape[2], groups)
    if q.shape[2] != heads * size:
        raise ValueError(f"{q} is not {heads} heads of {size}, as the keys are")
    steps = call.type(4).shape[2] + k.shape[1] if call.has(4) else k.shape[1]
    whole = (tensor_type(dtype, (k.shape[0], groups, steps, d)) for d in (size, depth))
    return (tensor_type(dtype, (*q.shape[:2], heads * depth)), *whole)[: call.outputs]


@typed("RotaryEmbedding")
def rotary_embedding(call: Call) -> TensorType:
    """RotaryEmbedding(x, cosines, sines, places): x [N, T, heads · D] with `num_heads`, [places, D / 2] and int64
    [N, T], whose elements are rows of the tables.
    """
    x, heads = call.type(0), call.integer("num_heads", 0)
    tables = [call.type(i) for i in (1, 2)]
    same_dtype([x, *tables])
    if x.rank != 3 or not heads or any(table.shape[-1] * 2 * heads != x.shape[2] for table in tables):
        raise ValueError(f"cosines and sines have half as many features as one of {heads} heads of {x}")
    return x
