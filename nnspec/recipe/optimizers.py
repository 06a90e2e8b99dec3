"""Optimizers: elementwise updates of flat buffers, with PyTorch's semantics.

What is the same for all elements is worked out in float64 scalars, so that few passes over the buffers remain. The
node that makes the new value of a buffer depends on all that read the old one; so a buffer can be updated in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from nnspec.ir.fields import Limits, NonNegativeFloat, PositiveFloat
from nnspec.recipe.base import OPTIMIZERS, Optimizer, Schedule

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Decay = Annotated[float, Limits(ge=0, lt=1)]
Update = tuple["Value", "dict[str, Value]"]


@OPTIMIZERS("sgd")
class Sgd(Optimizer):
    """p -= lr d, where d is the gradient, or with momentum the running sum v = momentum v + (1 - dampening) gradient.

    Nesterov's variant takes gradient + momentum v in the place of v. Sutskever et al., 2013. As in PyTorch, the first
    gradient enters v undamped, and weight decay adds weight_decay p to the gradient.
    """

    foreign_names = ("momentum", "MomentumOptimizer", "gradient_descent", "stochastic_gradient_descent", "nesterov")

    momentum: Decay = 0.0
    """The part of the running sum that is kept at each step."""
    dampening: Annotated[float, Limits(ge=0, le=1)] = 0.0
    """The part of the gradient that is left out of the running sum."""
    nesterov: bool = False
    """Look one step ahead; needs momentum and no dampening."""
    weight_decay: NonNegativeFloat = 0.0
    """Factor of the parameters that is added to the gradient."""

    def _check(self) -> None:
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError("nesterov needs momentum above 0 and no dampening")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        gradient = _with_decay(g, gradient, parameter, self.weight_decay)
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


@OPTIMIZERS("adam")
class Adam(Optimizer):
    """p -= lr m̂ / (√v̂ + eps), with the running means m of the gradient and v of its square, corrected
    for their start at 0.

    Kingma and Ba, 2014. Weight decay adds weight_decay p to the gradient.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("AdamOptimizer", "adamax", "nadam", "radam")

    lr: PositiveFloat | Schedule = 1e-3
    """Learning rate, a number or a schedule."""
    beta1: Decay = 0.9
    """The part of the running mean of the gradient that is kept at each step."""
    beta2: Decay = 0.999
    """The part of the running mean of the square that is kept at each step."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""
    weight_decay: NonNegativeFloat = 0.0
    """Factor of the parameters that is added to the gradient."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        return self._adam(g, parameter, _with_decay(g, gradient, parameter, self.weight_decay), state, lr, step)

    def _adam(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        """The slots hold m / (1 - beta1) and v / (1 - beta2), which saves two passes; the scalars make up for it."""
        m = g.op("Add", g.op("Mul", state["m"], self.beta1), gradient)
        v = g.op("Add", g.op("Mul", state["v"], self.beta2), g.op("Mul", gradient, gradient))
        rate, eps = self._scalars(g, lr, step)
        change = g.op("Div", g.op("Mul", m, rate), g.op("Add", g.op("Sqrt", v), eps))
        return g.op("Sub", parameter, change), {"m": m, "v": v}

    def _scalars(self, g: Graph, lr: Value, step: Value) -> tuple[Value, Value]:
        """For c = √((1 - beta2) / (1 - beta2ᵗ)): lr (1 - beta1) / (1 - beta1ᵗ) / c, and eps / c."""
        time = g.cast(step, "float64")
        one = g.constant(1, "float64")
        first, second = (
            g.op("Sub", one, g.op("Pow", g.constant(beta, "float64"), time)) for beta in (self.beta1, self.beta2)
        )
        inverse = g.op("Sqrt", g.op("Div", second, 1 - self.beta2))
        rate = g.op("Div", g.op("Mul", g.op("Mul", g.cast(lr, "float64"), 1 - self.beta1), inverse), first)
        return g.cast(rate, "float32"), g.cast(g.op("Mul", inverse, self.eps), "float32")


@OPTIMIZERS("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr weight_decay before each update. Loshchilov and Hutter, 2017."""

    foreign_names = ("AdamWOptimizer",)

    weight_decay: NonNegativeFloat = 0.01
    """Factor of the parameters that is taken off them at each step, times the learning rate."""

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        if self.weight_decay:
            kept = g.op("Sub", g.constant(1, "float64"), g.op("Mul", g.cast(lr, "float64"), self.weight_decay))
            parameter = g.op("Mul", parameter, g.cast(kept, "float32"))
        return self._adam(g, parameter, gradient, state, lr, step)


def _with_decay(g: Graph, gradient: Value, parameter: Value, weight_decay: float) -> Value:
    return g.op("Add", gradient, g.op("Mul", parameter, weight_decay)) if weight_decay else gradient
