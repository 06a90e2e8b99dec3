"""What a deployed model would compute from its weights alone, computed once: transposed, packed and split weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnspec.graph.folding import evaluated
from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.passes import drop_dead
from nnspec.graph.rewrite import rewritten, uses
from nnspec.ir.types import TensorType, axis_of

Array = np.ndarray[Any, Any]

SMALL = 4096
"""Elements of a weight that may be in the file twice. A larger one that others read too, such as an embedding whose
transpose gives the logits, is stored once, and transposed by the runtime when it loads the file."""


def fold_weights(g: Graph, weights: Mapping[str, Array]) -> tuple[Graph, dict[str, Array]]:
    """The graph with the results of such operators in the place of the weights, named after them:
    `lstm_1.weight_ih_l0/concat`. `g` must not be used any more."""
    readers, arrays = uses(g), dict(weights)
    paths = {value: path for path, value in g.parameters.items()}

    def visit(node: Node) -> Node | tuple[Value, ...]:
        same = _unchanged(node, {x: arrays[path] for x in node.inputs if x and (path := paths.get(x)) in arrays})
        if same is not None:
            return (same,)
        given = [x for x in node.inputs if x is not None]
        own = [x for x in given if paths.get(x) in arrays]
        if not own or any(x not in own and x.constant is None for x in given):
            return node
        if any(readers.get(x, 1) > 1 and arrays[paths[x]].size > SMALL for x in own):
            return node
        operands = [None if x is None else arrays[paths[x]] if x in own else x.constant for x in node.inputs]
        made = _results(node, operands)
        if made is None or sum(part.size for part in made) > sum(x.size for x in operands if x is not None):
            return node
        base = paths[own[0]].partition("/")[0]
        new = [_path(arrays, f"{base}/{node.op_type.lower()}") for _ in made]
        for path, content, value in zip(new, made, node.outputs, strict=True):
            arrays[path] = content.astype(arrays[paths[own[0]]].dtype).reshape(value.static_shape)
            added = g.parameter(path, TensorType(value.type.dtype, value.static_shape))
            paths[added], readers[added] = path, readers.get(value, 1)
        return tuple(g.parameters[path] for path in new)

    return drop_dead(rewritten(g, visit)), arrays


def _unchanged(node: Node, content: Mapping[Value, Array]) -> Value | None:
    """x of x + 0, 0 + x, x - 0 and x / 1, as of a standardize that was not fitted. A product with ones is the weight of
    a norm, and stays: ONNX Runtime makes one operator of the two."""
    neutral = {"Add": 0, "Sub": 0, "Div": 1}.get(node.op_type)
    if neutral is None:
        return None
    a, b = node.inputs
    for x, weight in ((a, b), (b, a))[: 2 if node.op_type == "Add" else 1]:
        known = content.get(weight) if weight is not None else None
        if x is not None and known is not None and x.type == node.outputs[0].type and np.all(known == neutral):
            return x
    return None


def _results(node: Node, operands: Sequence[Array | None]) -> list[Array] | None:
    if any(not all(isinstance(dim, int) for dim in value.shape) for value in node.outputs):
        return None
    if node.op_type == "Split":
        x, value = operands[0], node.inputs[0]
        assert x is not None and value is not None
        axis = axis_of(value.type, int(node.attributes.get("axis", 0)))
        ends = np.cumsum([part.static_shape[axis] for part in node.outputs])[:-1]
        return list(np.split(x, ends, axis))
    if len(node.outputs) > 1 or node.outputs[0].dtype not in ("float32", "float64", "float16"):
        return None
    found = evaluated(node, operands)
    return None if found is None else [np.asarray(found)]


def _path(arrays: dict[str, Array], name: str) -> str:
    """A name that no tensor has, and that is taken from now on."""
    path, count = name, 1
    while path in arrays:
        count += 1
        path = f"{name}_{count}"
    arrays[path] = np.zeros(0)
    return path
