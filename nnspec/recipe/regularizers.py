"""Penalties on parameters, added to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.recipe.base import REGULARIZERS, Regularizer

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@REGULARIZERS("l1")
class L1(Regularizer):
    """k Σ |w|: drives weights to 0. Tibshirani, 1996."""

    foreign_names = ("lasso", "L1Regularizer")

    def penalty(self, g: Graph, weight: Value) -> Value:
        return g.op("Mul", g.reduce("ReduceSum", g.op("Abs", weight), range(weight.rank)), self.k)


@REGULARIZERS("l2")
class L2(Regularizer):
    """k Σ w²: keeps weights small. Krogh and Hertz, 1991. PyTorch's weight_decay is 2 k."""

    foreign_names = ("ridge", "weight_decay", "L2Regularizer", "tikhonov")

    def penalty(self, g: Graph, weight: Value) -> Value:
        return g.op("Mul", g.reduce("ReduceSum", g.op("Mul", weight, weight), range(weight.rank)), self.k)
