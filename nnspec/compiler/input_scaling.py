"""Scaling of inputs absorbed by the layer behind it: standardize and rescale cost nothing in a deployed model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.absorption import added, content
from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.passes import drop_dead
from nnspec.graph.rewrite import rewritten, uses

Array = np.ndarray[Any, Any]

MOST = 32.0
"""The largest offset, of results that are about 1, that is absorbed. With mean 1e6 and deviation 1, W x + b' would be
the small difference of large numbers: log2(offset) of the 24 bits are lost.
"""


class Affine(NamedTuple):
    """y = scale x + offset, each a number or one per feature."""

    x: Value
    scale: Array
    offset: Array


def absorb_scaling(g: Graph, weights: Mapping[str, Array]) -> tuple[Graph, dict[str, Array]]:
    """The graph without the additions and multiplications of constants right before a convolution or a product, and the
    weights, with those that were scaled for it: W (s x + t) + b = (W s) x + (W t + b).

    The new weights are computed in float64 and rounded once. An offset stays before a convolution, which may pad.
    `g` must not be used any more.
    """
    readers, arrays = uses(g), dict(weights)

    def visit(node: Node) -> Node:
        if node.op_type not in ("Conv", "Gemm") or node.inputs[0] is None:
            return node
        if node.inputs[1] is None or readers[node.inputs[1]] > 1:
            return node  # weights that somebody else reads would be in the file twice
        affine = _affine(g, arrays, node.inputs[0], readers, 1 if node.op_type == "Conv" else -1)
        return (affine and _absorbed(g, arrays, node, affine)) or node

    return drop_dead(rewritten(g, visit)), arrays


def _affine(g: Graph, arrays: Mapping[str, Array], y: Value, readers: Mapping[Value, int], axis: int) -> Affine | None:
    """The chain of additions and multiplications that makes y, where nobody else reads what is between."""
    step = _step(g, arrays, y.node, axis) if y.node and readers[y] == 1 else None
    if step is None:
        return None
    before = _affine(g, arrays, step.x, readers, axis)
    if before is None:
        return step
    return Affine(before.x, before.scale * step.scale, before.offset * step.scale + step.offset)


def _step(g: Graph, arrays: Mapping[str, Array], node: Node, axis: int) -> Affine | None:
    """One operator as an affine map along an axis; None where it is none, or changes the shape."""
    if node.op_type not in ("Add", "Sub", "Mul", "Div"):
        return None
    a, b = node.inputs
    if a is not None and node.op_type in ("Add", "Mul") and content(g, arrays, a) is not None:
        a, b = b, a
    number = None if b is None else content(g, arrays, b)
    if a is None or number is None or a.type != node.outputs[0].type:
        return None
    place = number.ndim - a.rank + axis % a.rank
    if number.size != 1 and (place < 0 or number.size != number.shape[place]):
        return None
    c, one, zero = number.reshape(-1), np.ones(1), np.zeros(1)
    match node.op_type:
        case "Add":
            return Affine(a, one, c)
        case "Sub":
            return Affine(a, one, -c)
        case "Mul":
            return Affine(a, c, zero)
    return Affine(a, 1 / c, zero) if np.all(c) else None


def _absorbed(g: Graph, arrays: dict[str, Array], layer: Node, affine: Affine) -> Node | None:
    """The layer on the input as it was before; None where that would lose precision, or its weights are not known."""
    weight, bias = (*layer.inputs[1:], None)[:2]
    known, own = content(g, arrays, weight), np.zeros(1) if bias is None else content(g, arrays, bias)
    moved = bool(np.any(affine.offset))
    if weight is None or known is None or own is None or np.max(np.abs(affine.offset)) > MOST:
        return None
    if layer.op_type == "Conv" and (moved or (layer.attributes.get("group", 1) != 1 and affine.scale.size > 1)):
        return None
    if layer.op_type == "Gemm" and (layer.attributes.get("transA", 0) or own.ndim > 1 or not _plain(layer)):
        return None
    rows = layer.op_type == "Conv" or layer.attributes.get("transB", 0)
    shape = (1, -1, *(1 for _ in known.shape[2:])) if rows else (-1, 1)
    owner, leaf = (weight.name.rpartition("/")[0] or weight.name).rpartition(".")[::2]
    values = [added(g, arrays, f"{owner or layer.origin}.{leaf}/scaled", known * affine.scale.reshape(shape), weight)]
    if moved:
        shift = np.sum(known * affine.offset.reshape(shape), axis=1 if rows else 0)
        values.append(added(g, arrays, f"{owner or layer.origin}.bias/scaled", own.reshape(-1) + shift, weight))
    elif bias is not None:
        values.append(bias)
    return Node(layer.op_type, (affine.x, *values), layer.outputs, layer.attributes, layer.origin)


def _plain(gemm: Node) -> bool:
    return bool(gemm.attributes.get("alpha", 1.0) == 1 and gemm.attributes.get("beta", 1.0) == 1)
