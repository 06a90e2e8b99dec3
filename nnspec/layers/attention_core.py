"""The inside of attention: who may look where, rotary positions, and the weighted mean. Imported when a layer is
lowered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from nnspec.graph.graph import Graph, Value
from nnspec.graph.random import keep_mask
from nnspec.ir.dims import Dim
from nnspec.layers.affine import affine
from nnspec.layers.positions import angles, places

LOWEST = -1e30
"""Added to the scores of what may not be looked at, so that it is below all others."""
FORBIDDEN = {"float16": -3e4}
"""The same in dtypes that do not hold it."""
BELOW = 40.0
"""How far below the greatest score of a row the others are kept. e^-40 adds nothing to a sum in any dtype; e^-88, where
ONNX Runtime ends, divided by the sum is a denormal number, with which processors of some makers multiply 50 times as
slowly."""


class Heads(NamedTuple):
    """The numbers of an attention."""

    queries: int
    """Heads of queries."""
    keys: int
    """Heads of keys and of values."""
    size: int
    """Features of a head."""
    given_scale: float | None
    causal: bool
    window: int | None

    @property
    def scale(self) -> float:
        return self.given_scale or 1 / sqrt(self.size)

    def counts(self, names: Sequence[str]) -> list[int]:
        return [self.queries if name == "query" else self.keys for name in names]


def projected(
    g: Graph, heads: Heads, x: Value, memory: Value | None, weights: Mapping[str, Value], rotary: float | None
) -> list[Value]:
    """Queries times the scale, keys and values: [N, heads, T, size] each.

    Deployed, all that is made of one input is one product, with a weight that was joined, and scaled, once: 0.95 of the
    time for 16 x 64 rows of 64 features, and half the operators.
    """
    if not g.deployed:
        made = {name: x if name == "query" else memory or x for name in ("query", "key", "value")}
        found = {name: in_heads(g, heads, (name,), value, weights) for name, value in made.items()}
        q, k, v = (found[name][0] for name in made)
        if rotary:
            q, k = (turned(g, value, rotary) for value in (q, k))
        return [g.op("Mul", q, heads.scale), k, v]
    weights = {**weights, **scaled(g, weights, heads.scale)}
    if memory is not None:
        return [*in_heads(g, heads, ("query",), x, weights), *in_heads(g, heads, ("key", "value"), memory, weights)]
    if not rotary:
        return in_heads(g, heads, ("query", "key", "value"), x, weights)
    whole = in_heads(g, heads, ("query", "key", "value"), x, weights, parts=[heads.queries + heads.keys, heads.keys])
    return [*g.split(turned(g, whole[0], rotary), [heads.queries, heads.keys], 1), whole[1]]


def scaled(g: Graph, weights: Mapping[str, Value], scale: float) -> dict[str, Value]:
    """Weight and bias of the queries, times the scale of the products."""
    own = ("query.weight", "query.bias")
    return {name: g.op("Mul", weights[name], scale) for name in own if name in weights}


def in_heads(
    g: Graph,
    heads: Heads,
    names: Sequence[str],
    value: Value,
    weights: Mapping[str, Value],
    parts: Sequence[int] | None = None,
) -> list[Value]:
    """The projections of a value, [N, heads, T, size] each; `parts` are other numbers of heads to divide into."""
    counts = heads.counts(names)
    made = joint(g, names, value, weights)
    shape = (*value.shape[:2], sum(counts), heads.size)
    return list(g.split(g.transpose(g.reshape(made, shape), (0, 2, 1, 3)), parts or counts, 1))


def joint(g: Graph, names: Sequence[str], value: Value, weights: Mapping[str, Value]) -> Value:
    """The projections of a value, [N, T, features of all]."""

    def stacked(leaf: str) -> Value | None:
        found = [weights[f"{name}.{leaf}"] for name in names if f"{name}.{leaf}" in weights]
        return g.op("Concat", *found, axis=0) if len(found) > 1 else found[0] if found else None

    weight = stacked("weight")
    assert weight is not None
    return affine(g, value, weight, stacked("bias"))


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
    lowest = FORBIDDEN.get(scores.dtype, LOWEST)
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
    here = places(g, queries)
    if g.caches:  # the new steps are the last ones of the keys
        here = g.op("Add", here, g.op("Sub", g.size_tensor(keys), g.size_tensor(queries)))
    query, key = g.reshape(here, (queries, 1)), places(g, keys)
    parts = [g.op("GreaterOrEqual", query, key)] if causal else []
    if window:
        parts.append(g.op("Less", g.op("Abs", g.op("Sub", query, key)), window))
    return parts[0] if len(parts) == 1 else g.op("And", *parts)


def with_past(g: Graph, k: Value, v: Value, window: int | None = None) -> tuple[Value, Value]:
    """Keys and values with those of the steps before in front, where the graph is run step by step: of these at most as
    many as a window shows."""
    if not g.caches:
        return k, v
    keep = window - 1 if window else None
    return g.caches.extended(f"{g.origin}/key", k, keep), g.caches.extended(f"{g.origin}/value", v, keep)


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
