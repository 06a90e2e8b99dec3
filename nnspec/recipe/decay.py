"""The two forms of weight decay."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def coupled(g: Graph, gradient: Value, parameter: Value, weight_decay: float) -> Value:
    """gradient + weight_decay p, which is the gradient of a penalty weight_decay / 2 Σ p²."""
    return g.op("Add", gradient, g.op("Mul", parameter, weight_decay)) if weight_decay else gradient


def decoupled(g: Graph, parameter: Value, lr: Value, weight_decay: float) -> Value:
    """p (1 - lr weight_decay), apart from the gradient and its statistics. Loshchilov and Hutter, 2017."""
    if not weight_decay:
        return parameter
    kept = g.op("Sub", g.constant(1, "float64"), g.op("Mul", g.cast(lr, "float64"), weight_decay))
    return g.op("Mul", parameter, g.cast(kept, "float32"))
