"""Reduction before what only moves the elements, so that less is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def reduced_before(g: Graph, kind: str, x: Value, axis: int, keepdims: bool) -> Value | None:
    """`x` reduced over one axis, where x is a transposition, or a reshape of what follows that axis, of something.

    Over one axis ONNX Runtime is as fast in any order of axes; over several it is not.
    """
    node = x.node
    before = node.inputs[0] if node is not None and node.inputs else None
    if node is None or before is None:
        return None
    if node.op_type == "Transpose" and "perm" in node.attributes:
        order = [int(at) for at in node.attributes["perm"]]
        own = order[axis]
        rest = order if keepdims else [at - (at > own) for at in order if at != own]
        return g.transpose(g.reduce(kind, before, [own], keepdims), rest)
    if node.op_type == "Reshape" and before.shape[: axis + 1] == x.shape[: axis + 1]:
        kept = (1,) if keepdims else ()
        return g.reshape(g.reduce(kind, before, [axis], keepdims), (*x.shape[:axis], *kept, *x.shape[axis + 1 :]))
    return None
