"""The reverse walk: from the loss back to what is asked for, one rule per node.

The engine alone sums the contributions to a value that is used more than once, undoes broadcasting, and drops what
nobody needs. A gradient that does not exist is None and costs nothing. A gradient may be kept in a smaller shape that
broadcasts to the value's, such as that of a mean, until somebody needs it whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nnspec.autodiff.broadcasting import unbroadcast
from nnspec.autodiff.registry import Grads, entry_of, refusal_of, stops_gradients
from nnspec.graph.dtypes import is_float
from nnspec.graph.graph import Graph, GraphError, Node, Value


class GradientError(GraphError):
    """An operator cannot be differentiated, or a rule is wrong. Names operator and layer."""


def gradients(g: Graph, loss: Value, wrt: Sequence[Value]) -> list[Value | None]:
    """Append the nodes that compute d loss / d value for every value of `wrt`; None where the loss does not depend on
    it.
    """
    if loss.shape != () or not is_float(loss.dtype):
        raise GradientError(f"only a floating-point scalar can be differentiated, not {loss}")
    return _Backward(g, loss, wrt).run()


class _Backward:
    def __init__(self, g: Graph, loss: Value, wrt: Sequence[Value]) -> None:
        self._g = g
        self._wrt = wrt
        self._forward = list(g.nodes)
        self._active = _dependents(self._forward, wrt)
        self._parts: dict[Value, list[Value]] = {}
        if loss in self._active:
            self._parts[loss] = [g.constant(1, loss.dtype)]

    def run(self) -> list[Value | None]:
        for node in reversed(self._forward):
            if any(y in self._parts for y in node.outputs) and any(x in self._active for x in node.inputs):
                with self._g.at(f"{node.origin}/gradient" if node.origin else "gradient"):
                    self._visit(node)
        return [self._whole(value) for value in self._wrt]

    def _visit(self, node: Node) -> None:
        stated = self._g.own_gradients.get(node.outputs[0])
        if stated:
            whole = self._whole(node.outputs[0])
            assert whole is not None
            inputs, rule = stated
            self._hand(_where(node), inputs, rule(whole))
            return
        entry = entry_of(node.op_type)
        if entry is None:
            if stops_gradients(node.op_type):
                return
            if reason := refusal_of(node.op_type):
                raise GradientError(f"{_where(node)} is for inference: {reason}")
            raise GradientError(
                f"{_where(node)} has no gradient rule; add one with @gradient({node.op_type!r}) in nnspec/autodiff/"
            )
        read = self._total if entry.broadcasts else self._whole
        upstream = tuple(read(y) for y in node.outputs)
        start = len(self._g.nodes)
        grads = entry.rule(self._g, node, upstream if len(upstream) > 1 else upstream[0])
        if len(grads) != len(node.inputs):
            raise GradientError(
                f"the rule of {_where(node)} gives {len(grads)} gradients for {len(node.inputs)} inputs"
            )
        self._add(node, grads, entry.broadcasts)
        self._drop_unneeded(start, node)

    def _add(self, node: Node, grads: Grads, broadcasts: bool) -> None:
        """Hand the contributions of one node to its inputs, each summed over the axes along which the input was
        repeated.
        """
        # Where dy may be small, only the result tells how far x was repeated; a reduction, of lower rank, repeats
        # nothing.
        self._hand(_where(node), node.inputs, grads, node.outputs[0] if broadcasts else None)

    def _hand(self, where: str, inputs: Sequence[Value | None], grads: Grads, y: Value | None = None) -> None:
        """Each input its contribution; `y` is the result that the inputs were broadcast to, where that may be."""
        for x, dx in zip(inputs, grads, strict=True):
            if x is None or dx is None or x not in self._active:
                continue
            if dx.dtype != x.dtype:
                raise GradientError(f"the rule of {where} gives {dx.type} as the gradient of {x.type}")
            full = y.shape if y is not None and x.rank <= y.rank else dx.shape
            self._parts.setdefault(x, []).append(unbroadcast(self._g, dx, x.shape, full))

    def _total(self, value: Value) -> Value | None:
        """The sum of all contributions, maybe in a smaller shape that broadcasts to the value's."""
        parts = self._parts.get(value)
        if not parts:
            return None
        if len(parts) > 1:
            # ONNX Runtime 1.31 fuses a Gemm into a Sum of two, and fails where a Split feeds that Gemm.
            self._parts[value] = parts = [self._g.op("Add" if len(parts) == 2 else "Sum", *parts)]
        return parts[0]

    def _whole(self, value: Value) -> Value | None:
        """The sum of all contributions in the shape of the value."""
        total = self._total(value)
        if total is None:
            return None
        self._parts[value] = [self._g.expand(total, value.shape)]
        return self._parts[value][0]

    def _drop_unneeded(self, start: int, node: Node) -> None:
        """Remove what a rule computed for inputs that need no gradient, such as the data."""
        needed = {part for x in node.inputs if x is not None for part in self._parts.get(x, ())}
        kept = []
        for made in reversed(self._g.nodes[start:]):
            if any(result in needed for result in made.outputs):
                needed.update(x for x in made.inputs if x is not None)
                kept.append(made)
        self._g.nodes[start:] = reversed(kept)


def _dependents(nodes: Iterable[Node], wrt: Sequence[Value]) -> set[Value]:
    """The floating-point values that depend on `wrt`, these included."""
    active = set(wrt)
    for node in nodes:
        if any(x in active for x in node.inputs):
            active.update(y for y in node.outputs if is_float(y.dtype))
    return active


def _where(node: Node) -> str:
    return f"{node.op_type} at {node.origin or node.outputs[0].name}"
