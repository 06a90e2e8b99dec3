"""Operators that change nothing, and chains that one operator can say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.rewrite import rewritten, uses

RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")


def simplify(g: Graph) -> Graph:
    """Remove operators that change nothing; join reshapes, transpositions and scalings that follow each other."""
    readers = uses(g)

    def visit(node: Node) -> Node | tuple[Value, ...]:
        if len(node.outputs) > 1 or not node.inputs or node.inputs[0] is None:
            return node
        same = _unchanged(node)
        if same is not None:
            return (same,)
        before = _undone(node)
        if before is not None:
            return (before,)
        return (
            _joined_reshape(g, node)
            or _joined_axes(g, node)
            or _joined_transpose(node)
            or _joined_scale(g, node, readers)
            or node
        )

    return rewritten(g, visit)


def _unchanged(node: Node) -> Value | None:
    """The operand that already is the result."""
    x, result = node.inputs[0], node.outputs[0]
    match node.op_type:
        case "Identity":
            return x
        case "Reshape" if node.attributes.get("allowzero"):
            return None  # it is there for its second operand; see autodiff.recomputed_blocks
        case "Cast" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Expand":
            return x if x is not None and x.type == result.type else None
        case "Sum" | "Max" | "Min":
            return x if len(node.inputs) == 1 else None
        case "Transpose":
            return x if list(_order(node)) == list(range(result.rank)) else None
        case "Mul" | "Div":
            return _without_neutral(node, 1)
        case "Add" | "Sub":
            return _without_neutral(node, 0)
    return None


def _without_neutral(node: Node, neutral: int) -> Value | None:
    """x of `x * 1`, `1 * x`, `x / 1`, `x + 0`, …, unless the constant broadcasts it to a larger shape."""
    a, b = node.inputs
    assert a is not None and b is not None
    pairs = [(a, b), (b, a)] if node.op_type in ("Add", "Mul") else [(a, b)]
    return next((x for x, c in pairs if x.type == node.outputs[0].type and _is_number(c, neutral)), None)


def _is_number(value: Value, number: int) -> bool:
    content = value.constant
    return content is not None and content.size == 1 and bool(content.item() == number)


def _joined_reshape(g: Graph, node: Node) -> Node | None:
    """A reshape of a reshape is one, where the target can be stated without reference to the shape between."""
    inner = _producer(node, RESHAPES)
    if inner is None or node.op_type != "Reshape":
        return None
    target = node.inputs[1]
    if target is None or target.constant is None or inner.attributes.get("allowzero"):
        return None
    if 0 in target.constant:
        shape = node.outputs[0].shape
        codes = [dim if isinstance(dim, int) else -1 for dim in shape]
        if codes.count(-1) > 1 or 0 in codes:
            return None
        target = g.constant(codes, "int64")
    return replace(node, inputs=(inner.inputs[0], target))


def _undone(node: Node) -> Value | None:
    """x of two reshapes that lead back to the shape of x."""
    inner = _producer(node, RESHAPES)
    if inner is None or node.op_type not in RESHAPES or any(n.attributes.get("allowzero") for n in (node, inner)):
        return None
    x = inner.inputs[0]
    return x if x is not None and x.type == node.outputs[0].type else None


def _joined_axes(g: Graph, node: Node) -> Node | None:
    """Two Squeezes are one, and two Unsqueezes."""
    inner = _producer(node, ("Squeeze", "Unsqueeze"))
    if inner is None or node.op_type != inner.op_type:
        return None
    first, second = (_axes(step) for step in (inner, node))
    if first is None or second is None:
        return None
    if node.op_type == "Squeeze":  # the axes of the second one are counted without those of the first
        rank = node.outputs[0].rank + len(first) + len(second)
        left = [axis for axis in range(rank) if axis not in first]
        axes = [*first, *(left[axis] for axis in second)]
    else:
        left = [axis for axis in range(node.outputs[0].rank) if axis not in second]
        axes = [*second, *(left[axis] for axis in first)]
    return replace(node, inputs=(inner.inputs[0], g.constant(sorted(axes), "int64")))


def _axes(node: Node) -> list[int] | None:
    """The axes that a Squeeze or Unsqueeze takes away or adds, counted from the front."""
    given = node.inputs[1] if len(node.inputs) > 1 else None
    longer = node.inputs[0] if node.op_type == "Squeeze" else node.outputs[0]
    if given is None or given.constant is None or longer is None:
        return None
    return [int(axis) % longer.rank for axis in given.constant]


def _joined_transpose(node: Node) -> Node | None:
    """Two transpositions are one; `_unchanged` removes it in the next round where it is none."""
    inner = _producer(node, ("Transpose",))
    if inner is None or node.op_type != "Transpose":
        return None
    first = _order(inner)
    return replace(node, inputs=inner.inputs, attributes={"perm": [first[axis] for axis in _order(node)]})


def _joined_scale(g: Graph, node: Node, readers: dict[Value, int]) -> Node | None:
    """(x c) d = x (c d) for scalar constants, where nobody else reads x c."""
    scaled, outer = _scale(node)
    if scaled is None or outer is None or scaled.node is None or readers.get(scaled) != 1:
        return None
    x, inner = _scale(scaled.node)
    if x is None or inner is None:
        return None
    assert inner.constant is not None and outer.constant is not None
    return replace(node, inputs=(x, g.constant(inner.constant * outer.constant, x.dtype)))


def _scale(node: Node) -> tuple[Value | None, Value | None]:
    """x and c of `x * c` or `c * x`, c a floating-point scalar."""
    if node.op_type == "Mul":
        a, b = node.inputs
        for x, c in ((a, b), (b, a)):
            if c is not None and c.constant is not None and c.shape == () and c.constant.dtype.kind == "f":
                return x, c
    return None, None


def _producer(node: Node, op_types: tuple[str, ...]) -> Node | None:
    x = node.inputs[0]
    return x.node if x is not None and x.node is not None and x.node.op_type in op_types else None


def _order(node: Node) -> list[int]:
    perm = node.attributes.get("perm")
    return list(range(node.outputs[0].rank))[::-1] if perm is None else [int(axis) for axis in np.asarray(perm)]
