"""Constant folding: what depends on constants alone is computed now, with NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from nnspec.graph.graph import Array, Graph, Node, Value, numpy_dtype
from nnspec.graph.rewrite import rewritten
from nnspec.ir.dims import product

LARGEST = 2**20
"""Bytes of a folded result: a model file holds no large array that an operator can make."""
LARGEST_FILL = 64
"""Elements of a folded repetition; beyond that the operator is the shorter way to say it."""


def fold_constants(g: Graph) -> Graph:
    """Replace operators on constants, and shapes that are known, by constants."""

    def visit(node: Node) -> Node | tuple[Value, ...]:
        content = _content(node) if len(node.outputs) == 1 else None
        return node if content is None else (g.constant(content, node.outputs[0].dtype),)

    return rewritten(g, visit)


def _content(node: Node) -> Array | None:
    """The result where it can be had cheaply, in the type that the graph was built with."""
    count, result = product(node.outputs[0].shape), node.outputs[0].type
    if not isinstance(count, int) or result.dtype in ("bfloat16", "string"):
        return None
    dtype = numpy_dtype(result.dtype)
    if count * dtype.itemsize > LARGEST or (node.op_type in _FILLS and count > LARGEST_FILL):
        return None
    with np.errstate(all="ignore"):
        raw = _shape(node) if node.op_type in ("Shape", "Size") else _evaluated(node)
        return None if raw is None else np.asarray(raw, dtype).reshape(node.outputs[0].static_shape)


def _shape(node: Node) -> Any:
    """The part of a shape that is asked for, where it is known, also if the rest is not."""
    x = node.inputs[0]
    assert x is not None
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    dims = x.shape[start:end] if node.op_type == "Shape" else (product(x.shape),)
    return dims if all(isinstance(dim, int) for dim in dims) else None


def _evaluated(node: Node) -> Any:
    if any(x is not None and x.constant is None for x in node.inputs):
        return None
    return evaluated(node, [None if x is None else x.constant for x in node.inputs])


def evaluated(node: Node, operands: Sequence[Array | None]) -> Any:
    """What an operator with one result makes of its operands; None for one that is not known here."""
    fold = _FOLDS.get(node.op_type)
    return None if fold is None else fold(*operands, **node.attributes)


def _same_elements(x: Array, *_: Array, **__: Any) -> Array:
    """Operators that change shape or dtype only: the type of the result says the rest."""
    return x


def _divided(a: Array, b: Array) -> Any:
    """Whole numbers are divided toward zero."""
    return a / b if a.dtype.kind == "f" else np.trunc(a / b)


def _sliced(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    where = [slice(None)] * x.ndim
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        axis, step = i if axes is None else int(axes[i]), 1 if steps is None else int(steps[i])
        # NumPy has no number for the end before the first element.
        where[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(where)]


def _filled(shape: Array, value: Array | None = None) -> Array:
    return np.full(shape.tolist(), 0 if value is None else value[0])


_FOLDS: dict[str, Callable[..., Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divided,
    "Sum": lambda *terms: reduce(np.add, terms),
    "Max": lambda *terms: reduce(np.maximum, terms),
    "Min": lambda *terms: reduce(np.minimum, terms),
    "Neg": np.negative,
    "Abs": np.abs,
    "Sqrt": np.sqrt,
    "Reciprocal": np.reciprocal,
    "Exp": np.exp,
    "Log": np.log,
    "Pow": np.power,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
    "Not": np.logical_not,
    "Where": np.where,
    "Identity": _same_elements,
    "Cast": _same_elements,
    "Reshape": _same_elements,
    "Flatten": _same_elements,
    "Squeeze": _same_elements,
    "Unsqueeze": _same_elements,
    "Transpose": lambda x, perm=None: np.transpose(x, perm),
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Gather": lambda x, indices, axis=0: np.take(x, indices, axis),
    "Slice": _sliced,
    "Expand": lambda x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape))),
    "Tile": np.tile,
    "ConstantOfShape": _filled,
    "Range": np.arange,
}
_FILLS = ("ConstantOfShape", "Expand", "Range", "Tile")
