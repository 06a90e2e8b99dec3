"""When to stop, and which average of the parameters to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from nnspec.ir.components import called
from nnspec.ir.fields import Limits, NonNegativeFloat, PositiveInt
from nnspec.recipe.base import AVERAGES, STOPS, Average, Best, EarlyStop, Mode

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@STOPS("patience")
class Patience(EarlyStop):
    """Stop when the metric has not become better for a number of epochs. Prechelt, 1998."""

    foreign_options = called(epochs="patience", monitor="metric")
    foreign_names = ("EarlyStopping", "early_stopping")

    epochs: PositiveInt
    """Epochs without progress after which the run ends."""
    monitor: str = "validation.loss"
    """The metric to watch."""
    min_delta: NonNegativeFloat = 0.0
    """Better is better by more than this."""
    mode: Literal["min", "max"] | None = None
    """Whether less or more is better; none asks the metric."""

    @property
    def watches(self) -> str:
        return self.monitor

    def after(self, known: Best | None, measured: float, mode: Mode) -> Best:
        return (known or Best()).after(measured, self.mode or mode, self.min_delta)

    def stops(self, known: Best | None) -> bool:
        return known is not None and known.since >= self.epochs


@AVERAGES("ema")
class Ema(Average):
    """average = decay average + (1 - decay) parameter; the first update copies. Polyak and Juditsky, 1992.

    PyTorch: AveragedModel with get_ema_multi_avg_fn(decay).
    """

    foreign_options = called(decay="momentum beta multi_avg_fn")
    foreign_names = ("exponential_moving_average", "ExponentialMovingAverage", "AveragedModel", "polyak")

    decay: Annotated[float, Limits(ge=0, lt=1)] = 0.999
    """The part of the average that is kept at each step."""

    def update(self, g: Graph, average: Value, parameter: Value, step: Value) -> Value:
        first, then = g.constant(1, "float32"), g.constant(1 - self.decay, "float32")
        part = g.op("Where", g.op("Equal", step, 1), first, then)
        return g.op("Add", average, g.op("Mul", g.op("Sub", parameter, average), part))
