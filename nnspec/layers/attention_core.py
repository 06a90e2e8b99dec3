"""The inside of attention: who may look where, rotary positions, and the weighted mean. Imported when a layer is
lowered."""

from __future__ import annotations

import numpy as np

from nnspec.graph.graph import Graph, Value
from nnspec.graph.random import keep_mask
from nnspec.ir.dims import Dim
from nnspec.layers.positions import angles, new_places, places

FORBIDDEN = {"float16": -3e4}
"""Added to the scores of what may not be looked at, so that it is below all others; -1e30 in wider dtypes."""
BELOW = 40.0
"""How far below the greatest score of a row the others are kept. e^-40 adds nothing to a sum in any dtype; e^-88, where
ONNX Runtime ends, divided by the sum is a denormal number, with which processors of some makers multiply 50 times as
slowly."""


def mixed(g: Graph, q: Value, k: Value, v: Value, allowed: Value | None, dropout: float) -> Value:
    """softmax(q kᵀ) v where `allowed`: [N, H, T, D], [N, K, S, D], [N, K, S, D] -> [N, H, T, D], H a multiple of K.

    A row in which nothing is allowed gives the mean of all values; see `looks`.
    """
    rows, heads, queries, size = q.shape
    groups, keys = k.shape[1], k.shape[2]
    stacked = (rows, groups, queries * (_int(heads) // _int(groups)))
    scores = g.op("MatMul", g.reshape(q, (*stacked, size)), g.transpose(k, (0, 1, 3, 2)))
    scores = g.reshape(scores, (rows, heads, queries, keys))
    if allowed is not None:
        scores = _masked(g, scores, allowed)
    weights = g.op("Softmax", scores, axis=-1)
    if g.training and dropout:
        weights = g.op("Mul", weights, keep_mask(g, weights.static_shape, dropout, weights.dtype))
        v = g.op("Mul", v, 1 / (1 - dropout))  # what weights are left count more; v is the smaller one to scale
    return g.reshape(g.op("MatMul", g.reshape(weights, (*stacked, keys)), v), q.shape)


def _masked(g: Graph, scores: Value, allowed: Value) -> Value:
    """The scores, with those that are not allowed `BELOW` the greatest of their row.

    The backward pass takes the result for the scores themselves: where they differ, the weight is e^-40, and so is the
    gradient. That saves it a pass.
    """
    lowest = FORBIDDEN.get(scores.dtype, -1e30)
    added = g.op("Add", scores, g.op("Where", allowed, g.constant(0, scores.dtype), g.constant(lowest, scores.dtype)))
    floor = g.op("Sub", g.reduce("ReduceMax", added, [-1], keepdims=True), BELOW)
    return g.with_gradient(g.op("Max", added, floor), [scores], lambda dy: (dy,))


def allowed(g: Graph, mask: Value | None, queries: Dim, keys: Dim, *, causal: bool, window: int | None) -> Value | None:
    """Where each query may look: a bool value that broadcasts to [N, H, T, S]; None for everywhere."""
    near = _near(g, queries, keys, causal, window) if causal or window else None
    if mask is None:
        return near
    shape = (mask.shape[0], 1, mask.shape[1] if mask.rank == 3 else 1, mask.shape[-1])
    seen = g.reshape(mask, shape)
    return seen if near is None else g.op("And", seen, near)


def _near(g: Graph, queries: Dim, keys: Dim, causal: bool, window: int | None) -> Value:
    """[T, S], by the places of query and key alone."""
    if isinstance(queries, int) and isinstance(keys, int) and not g.caches:
        apart = np.arange(queries)[:, None] - np.arange(keys)
        near = (apart >= 0) if causal else np.ones_like(apart, bool)
        return g.constant(near & (np.abs(apart) < window) if window else near)
    back = g.op("Sub", g.reshape(new_places(g, queries), (queries, 1)), g.reshape(places(g, keys), (1, keys)))
    parts = [g.op("GreaterOrEqual", back, 0)] if causal else []
    if window:
        parts.append(g.op("Less", g.op("Abs", back), window))
    return parts[0] if len(parts) == 1 else g.op("And", *parts)


def with_past(g: Graph, k: Value, v: Value) -> tuple[Value, Value]:
    """Keys and values with those of the steps before in front, where the graph is run step by step."""
    if not g.caches:
        return k, v
    return g.caches.extended(f"{g.origin}/key", k), g.caches.extended(f"{g.origin}/value", v)


def looks(g: Graph, allowed: Value, dtype: str) -> Value:
    """1 for a query that may look anywhere, else 0: [N, 1, T, 1] or smaller."""
    return g.reduce("ReduceMax", g.cast(allowed, dtype), [-1], keepdims=True)


def turned(g: Graph, x: Value, base: float) -> Value:
    """Rotary positions: features i and i + D / 2 of [N, H, T, D] as a point that is turned by t base^(-2 i / D)."""
    size = _int(x.shape[-1])
    cos, sin = angles(g, x.shape[2], size, base)
    first, second = g.split(x, (size // 2, size // 2), -1)
    cosines, sines = g.op("Concat", cos, cos, axis=-1), g.op("Concat", g.op("Neg", sin), sin, axis=-1)
    swapped = g.op("Concat", second, first, axis=-1)
    return g.op("Add", g.op("Mul", x, g.cast(cosines, x.dtype)), g.op("Mul", swapped, g.cast(sines, x.dtype)))


def _int(dim: Dim) -> int:
    assert isinstance(dim, int)
    return dim
