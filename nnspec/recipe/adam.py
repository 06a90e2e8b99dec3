"""Adam and what was made of it: steps by the running mean of the gradient, measured by that of its square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from nnspec.ir.fields import NonNegativeFloat, PositiveFloat
from nnspec.recipe.base import OPTIMIZERS, Optimizer, Schedule
from nnspec.recipe.decay import coupled, decoupled
from nnspec.recipe.optimizers import Kept, Update

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class Moments(Optimizer):
    """Base of the optimizers that keep Adam's running means."""

    lr: PositiveFloat | Schedule = 1e-3
    """Learning rate, a number or a schedule."""
    beta1: Kept = 0.9
    """The part of the running mean of the gradient that is kept at each step."""
    beta2: Kept = 0.999
    """The part of the running mean of the square that is kept at each step."""
    eps: PositiveFloat = 1e-8
    """Added to the denominator."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def _means(self, g: Graph, gradient: Value, state: Mapping[str, Value]) -> dict[str, Value]:
        """The slots hold m / (1 - beta1) and v / (1 - beta2), which saves two passes; `_scalars` makes up for it."""
        m = g.op("Add", g.op("Mul", state["m"], self.beta1), gradient)
        v = g.op("Add", g.op("Mul", state["v"], self.beta2), g.op("Mul", gradient, gradient))
        return {"m": m, "v": v}

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


@OPTIMIZERS("adam")
class Adam(Moments):
    """p -= lr m̂ / (√v̂ + eps), with the running means m of the gradient and v of its square, corrected
    for their start at 0.

    Kingma and Ba, 2014. With amsgrad the largest v so far takes the place of v (Reddi et al., 2018). Weight decay adds
    weight_decay p to the gradient.
    """

    foreign_names: ClassVar[tuple[str, ...]] = ("AdamOptimizer", "adamax", "nadam", "radam", "amsgrad")

    amsgrad: bool = False
    """Divide by the largest running mean so far."""

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v", "v_max") if self.amsgrad else ("m", "v")

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        return self._adam(g, parameter, coupled(g, gradient, parameter, self.weight_decay), state, lr, step)

    def _adam(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        found = self._means(g, gradient, state)
        if self.amsgrad:
            found["v_max"] = g.op("Max", state["v_max"], found["v"])
        rate, eps = self._scalars(g, lr, step)
        size = g.op("Add", g.op("Sqrt", found["v_max" if self.amsgrad else "v"]), eps)
        return g.op("Sub", parameter, g.op("Div", g.op("Mul", found["m"], rate), size)), found


@OPTIMIZERS("adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr weight_decay before each update. Loshchilov and Hutter, 2017."""

    foreign_names = ("AdamWOptimizer",)

    weight_decay: NonNegativeFloat = 0.01
    """Factor of the parameters that is taken off them at each step, times the learning rate."""

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        return self._adam(g, decoupled(g, parameter, lr, self.weight_decay), gradient, state, lr, step)


@OPTIMIZERS("lamb")
class Lamb(Moments):
    """p -= lr |p| / |u| u, with u = m̂ / (√v̂ + eps) + weight_decay p and the norms of one parameter each.

    You et al., Large Batch Optimization for Deep Learning, 2020, with φ(z) = z. The trust ratio |p| / |u| is 1 where
    one of the norms is 0.
    """

    foreign_names = ("FusedLAMB", "lars")
    per_tensor = True

    eps: PositiveFloat = 1e-6
    """Added to the denominator."""
    weight_decay: NonNegativeFloat = 0.01
    """Factor of the parameters that is added to the direction of the update."""

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> Update:
        found = self._means(g, gradient, state)
        rate, eps = self._scalars(g, g.constant(1, "float32"), step)
        size = g.op("Add", g.op("Sqrt", found["v"]), eps)
        direction = g.op("Div", g.op("Mul", found["m"], rate), size)
        direction = coupled(g, direction, parameter, self.weight_decay)
        factor = g.op("Mul", lr, _trust(g, parameter, direction))
        return g.op("Sub", parameter, g.op("Mul", direction, factor)), found


def _trust(g: Graph, parameter: Value, direction: Value) -> Value:
    """|parameter| / |direction|; 1 where one of them is 0."""
    norms = [g.op("ReduceL2", x, keepdims=0) for x in (parameter, direction)]
    both = g.op("Greater", g.op("Min", *norms), 0)
    return g.op("Where", both, g.op("Div", *norms), 1)
