"""Parts of ONNX models, as they were written."""

from __future__ import annotations

from typing import Any


def without_outputs(model: Any, prefix: str) -> Any:
    """A copy of a ModelProto without the outputs that begin with `prefix`, and without what they alone needed."""
    result = type(model)()
    result.CopyFrom(model)
    g = result.graph
    kept = [value for value in g.output if not value.name.startswith(prefix)]
    needed = {value.name for value in kept}
    nodes = []
    for node in reversed(g.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    for field, found in (
        (g.node, nodes[::-1]),
        (g.output, kept),
        (g.initializer, [tensor for tensor in g.initializer if tensor.name in needed]),
        (g.value_info, [value for value in g.value_info if value.name in needed]),
    ):
        copies = list(found)
        del field[:]
        field.extend(copies)
    return result
