"""Optimizers that follow the gradient, its running sum or its sign, with PyTorch's semantics.

What is the same for all elements is worked out in float64 scalars, so that few passes over the buffers remain. The
node that makes the new value of a buffer depends on all that read the old one; so a buffer can be updated in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from nnspec.ir.fields import Limits, NonNegativeFloat, PositiveFloat
from nnspec.recipe.base import OPTIMIZERS, Optimizer, Schedule
from nnspec.recipe.decay import coupled, decoupled

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Kept = Annotated[float, Limits(ge=0, lt=1)]
Update = tuple["Value", "dict[str, Value]"]


@OPTIMIZERS("sgd")
class Sgd(Optimizer):
    """p -= lr d, where d is the gradient, or with momentum the running sum v = momentum v + (1 - dampening) gradient.

    Nesterov's variant takes gradient + momentum v in the place of v. Sutskever et al., 2013. As in PyTorch, the first
    gradient enters v undamped, and weight decay adds weight_decay p to the gradient.
    """

    usual_rates = (1e-5, 5.0)
    foreign_names = ("momentum", "MomentumOptimizer", "gradient_descent", "stochastic_gradient_descent", "nesterov")

    momentum: Kept = 0.0
    """The part of the running sum that is kept at each step."""
    dampening: Annotated[float, Limits(ge=0, le=1)] = 0.0
    """The part of the gradient that is left out of the running sum."""
    nesterov: bool = False
    """Look one step ahead; needs momentum and no dampening."""

    def _check(self) -> None:
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError("nesterov needs momentum above 0 and no dampening")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        gradient = coupled(g, gradient, parameter, self.weight_decay)
        if not self.momentum:
            return g.op("Sub", parameter, g.op("Mul", gradient, lr)), {}
        fresh = g.op("Mul", gradient, self._gain(g, step)) if self.dampening else gradient
        velocity = g.op("Add", g.op("Mul", state["momentum"], self.momentum), fresh)
        direction = g.op("Add", gradient, g.op("Mul", velocity, self.momentum)) if self.nesterov else velocity
        return g.op("Sub", parameter, g.op("Mul", direction, lr)), {"momentum": velocity}

    def _gain(self, g: Graph, step: Value) -> Value:
        """1 at the first step, 1 - dampening then."""
        return g.op(
            "Where", g.op("Equal", step, 1), g.constant(1, "float32"), g.constant(1 - self.dampening, "float32")
        )


@OPTIMIZERS("lion")
class Lion(Optimizer):
    """p -= lr sign(beta1 m + (1 - beta1) gradient), and then m = beta2 m + (1 - beta2) gradient.

    Chen et al., Symbolic Discovery of Optimization Algorithms, 2023. Weight decay is decoupled: p *= 1 - lr
    weight_decay before each update. Every entry moves by lr, so a rate three to ten times smaller than AdamW's suits.
    """

    usual_rates = (1e-7, 0.01)
    foreign_names = ("EvolvedSignMomentum", "signsgd")

    lr: PositiveFloat | Schedule = 1e-4
    """Learning rate, a number or a schedule."""
    beta1: Kept = 0.9
    """The part of the running mean in the direction of an update."""
    beta2: Kept = 0.99
    """The part of the running mean of the gradient that is kept at each step."""
    weight_decay: NonNegativeFloat = 0.0
    """Factor of the parameters that is taken off them at each step, times the learning rate."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m",)

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        """Both mixtures start from m - gradient, so that m has one reader."""
        gap = g.op("Sub", state["m"], gradient)
        direction = g.op("Sign", g.op("Add", gradient, g.op("Mul", gap, self.beta1)))
        parameter = decoupled(g, parameter, lr, self.weight_decay)
        mean = g.op("Add", gradient, g.op("Mul", gap, self.beta2))
        return g.op("Sub", parameter, g.op("Mul", direction, lr)), {"m": mean}
