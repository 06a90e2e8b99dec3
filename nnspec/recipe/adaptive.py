"""Optimizers that divide the gradient by a measure of its past size, with PyTorch's semantics.

The slots hold running means divided by the part of what is new in them, (1 - alpha) or (1 - rho): that saves a pass
over the buffers, and constants make up for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING

from nnspec.ir.fields import NonNegativeFloat, PositiveFloat
from nnspec.recipe.base import OPTIMIZERS, Optimizer, Schedule
from nnspec.recipe.decay import coupled
from nnspec.recipe.optimizers import Kept, Update

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@OPTIMIZERS("rmsprop")
class RmsProp(Optimizer):
    """p -= lr gradient / (√v + eps), where v is the running mean of the squared gradient.

    Hinton, 2012. Centered takes off the square of the running mean of the gradient, so that v is a variance (Graves,
    2013). With momentum p -= lr b, where b = momentum b + gradient / (√v + eps).
    """

    foreign_names = ("RMSpropOptimizer", "rms_prop")

    lr: PositiveFloat | Schedule = 1e-2
    """Learning rate, a number or a schedule."""
    alpha: Kept = 0.99
    """The part of the running means that is kept at each step."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    momentum: Kept = 0.0
    """The part of the running sum of updates that is kept at each step."""
    centered: bool = False
    """Divide by the deviation of the gradient in the place of its root mean square."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", *(["mean"] if self.centered else []), *(["momentum"] if self.momentum else []))

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        gradient = coupled(g, gradient, parameter, self.weight_decay)
        found, square = self._means(g, gradient, state)
        scale = sqrt(1 - self.alpha)
        change = g.op("Div", gradient, g.op("Add", g.op("Sqrt", square), self.eps / scale))
        if self.momentum:
            change = g.op("Add", g.op("Mul", state["momentum"], self.momentum), change)
            found["momentum"] = change
        return g.op("Sub", parameter, g.op("Mul", change, g.op("Div", lr, scale))), found

    def _means(self, g: Graph, gradient: Value, state: Mapping[str, Value]) -> tuple[dict[str, Value], Value]:
        """The new running means, and the square to divide by; rounding may not make a variance negative."""
        v = g.op("Add", g.op("Mul", state["v"], self.alpha), g.op("Mul", gradient, gradient))
        if not self.centered:
            return {"v": v}, v
        mean = g.op("Add", g.op("Mul", state["mean"], self.alpha), gradient)
        known = g.op("Mul", g.op("Mul", mean, mean), 1 - self.alpha)
        return {"v": v, "mean": mean}, g.op("Relu", g.op("Sub", v, known))


@OPTIMIZERS("adagrad")
class Adagrad(Optimizer):
    """p -= lr / (1 + (t - 1) lr_decay) gradient / (√Σ + eps), where Σ is the sum of all squared gradients.

    Duchi, Hazan and Singer, 2011.
    """

    usual_rates = (1e-5, 1.0)
    foreign_names = ("AdagradOptimizer", "ada_grad")

    lr: PositiveFloat | Schedule = 1e-2
    """Learning rate, a number or a schedule."""
    lr_decay: NonNegativeFloat = 0.0
    """How fast the learning rate falls with the number t of the update."""
    initial_accumulator_value: NonNegativeFloat = 0.0
    """Where the sum of squares starts."""
    eps: PositiveFloat = 1e-10
    """Added to the denominator."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("total",)

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        """The slot holds the sum without its start, since all slots start at 0."""
        gradient = coupled(g, gradient, parameter, self.weight_decay)
        total = g.op("Add", state["total"], g.op("Mul", gradient, gradient))
        start = self.initial_accumulator_value
        size = g.op("Add", g.op("Sqrt", g.op("Add", total, start) if start else total), self.eps)
        change = g.op("Div", g.op("Mul", gradient, self._rate(g, lr, step)), size)
        return g.op("Sub", parameter, change), {"total": total}

    def _rate(self, g: Graph, lr: Value, step: Value) -> Value:
        if not self.lr_decay:
            return lr
        past = g.op("Sub", g.cast(step, "float64"), 1)
        slower = g.op("Add", g.op("Mul", past, self.lr_decay), 1)
        return g.cast(g.op("Div", g.cast(lr, "float64"), slower), "float32")


@OPTIMIZERS("adadelta")
class Adadelta(Optimizer):
    """p -= lr d, where d = √(a + eps) / √(v + eps) gradient, with running means v of gradient² and a of d².

    Zeiler, 2012.
    """

    usual_rates = (1e-3, 10.0)
    foreign_names = ("AdadeltaOptimizer", "ada_delta")

    lr: PositiveFloat | Schedule = 1.0
    """Learning rate, a number or a schedule."""
    rho: Kept = 0.9
    """The part of the running means that is kept at each step."""
    eps: PositiveFloat = 1e-6
    """Added to both means."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v", "a")

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        gradient = coupled(g, gradient, parameter, self.weight_decay)
        eps = self.eps / (1 - self.rho)
        v = g.op("Add", g.op("Mul", state["v"], self.rho), g.op("Mul", gradient, gradient))
        ratio = g.op("Sqrt", g.op("Div", g.op("Add", state["a"], eps), g.op("Add", v, eps)))
        change = g.op("Mul", ratio, gradient)
        a = g.op("Add", g.op("Mul", state["a"], self.rho), g.op("Mul", change, change))
        return g.op("Sub", parameter, g.op("Mul", change, lr)), {"v": v, "a": a}
