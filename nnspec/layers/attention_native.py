"""Attention in ONNX's own operators, Attention and RotaryEmbedding, which opset 23 brought. Imported when a layer is
lowered.

ONNX Runtime 1.31 on one thread of an EPYC, without the projections: 177 us for 354 at 16 x 64 x 64 with four heads,
causal, 1030 for 1518 at 8 x 128 x 384 with six; 163 for 243, and 980 for 1205, where all may look everywhere. Rotary
positions 35 us for 52, 70 for 178.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnspec.graph.graph import Graph, Value
from nnspec.layers.attention_core import LOWEST, Heads, allowed, joint, looks
from nnspec.layers.positions import angles, places


def fits(g: Graph, x: Value) -> bool:
    """Whether the operator may be used: in a deployed model of opset 23 and later, in float32, for which ONNX Runtime
    has it on every device."""
    return g.has_native_attention and x.dtype == "float32"


def attention(
    g: Graph,
    heads: Heads,
    x: Value,
    memory: Value | None,
    mask: Value | None,
    weights: Mapping[str, Value],
    rotary: float | None,
) -> Value:
    """What the heads give, one beside the other: [N, T, heads · size]."""
    q, k, v = _projected(g, heads, x, memory, weights)
    if rotary:
        q, k = _turned(g, rotary, heads.size, {q: heads.queries, k: heads.keys})
    y, seen = _mixed(g, heads, q, k, v, mask)
    if seen is None:
        return y
    shown = looks(g, seen, y.dtype)  # [N, 1, T, 1]
    return g.op("Mul", y, g.reshape(shown, (shown.shape[0], shown.shape[2], 1)))


def _projected(
    g: Graph, heads: Heads, x: Value, memory: Value | None, weights: Mapping[str, Value]
) -> tuple[Value, Value, Value]:
    def parts(names: tuple[str, ...], value: Value) -> tuple[Value, ...]:
        return g.split(joint(g, names, value, weights), [count * heads.size for count in heads.counts(names)], -1)

    if memory is None:
        q, k, v = parts(("query", "key", "value"), x)
    else:
        (q,), (k, v) = parts(("query",), x), parts(("key", "value"), memory)
    return q, k, v


def _turned(g: Graph, base: float, size: int, values: Mapping[Value, int]) -> list[Value]:
    """Rotary positions of [N, T, heads · size], by the numbers of heads."""
    rows, length = next(iter(values)).shape[:2]
    cos, sin = angles(g, length, size, base)
    at = g.expand(places(g, length), (rows, length))
    return [g.op("RotaryEmbedding", value, cos, sin, at, num_heads=count) for value, count in values.items()]


def _mixed(g: Graph, heads: Heads, q: Value, k: Value, v: Value, mask: Value | None) -> tuple[Value, Value | None]:
    """The result, and where the mask lets each query look, if there is one. The operator wants a mask that says so for
    each query, and gives nan where a mask of bool allows nothing, which one of -1e30 does not."""
    caches, names = g.caches, [f"{g.origin}/{name}" for name in ("key", "value")]
    keep = heads.window - 1 if heads.window else None
    past = [caches.past(name, q.shape[0], heads.keys, heads.size, keep) for name in names] if caches else []
    numbers: dict[str, Any] = {"q_num_heads": heads.queries, "kv_num_heads": heads.keys, "scale": heads.scale}
    seen = added = None
    if mask is None and heads.window is None:
        numbers["is_causal"] = int(heads.causal)
    else:
        keys = k.shape[1] + past[0].shape[2] if past else k.shape[1]
        seen = allowed(g, mask, q.shape[1], keys, causal=heads.causal, window=heads.window)
        assert seen is not None
        added = g.op("Where", seen, g.constant(0, q.dtype), g.constant(LOWEST, q.dtype))
        if seen.rank == 4:
            added = g.expand(added, (seen.shape[0], 1, q.shape[1], seen.shape[3]))
    if not caches:
        y: Value = g.op("Attention", q, k, v, added, **numbers)
        return y, None if mask is None else seen
    mixed, *grown = g.op("Attention", q, k, v, added, *past, outputs=3, **numbers)
    for before, whole in zip(past, grown, strict=True):
        caches.grow(before, whole, keep)
    return mixed, None
