"""Bases and registries of what training is made of; losses are operators, with their base in `nnspec.ir.components`.

Nothing here keeps state of its own. Optimizers and averages are functions of tensors in the update graph; schedules
and stops are functions of how far the run is and of what was measured so far, folded in one measurement after another,
so that a resumed run goes on as an uninterrupted one would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from nnspec.ir.components import Component, Loss, Registry, called
from nnspec.ir.fields import NonNegativeFloat, PositiveFloat
from nnspec.ir.patterns import matches

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Mode = Literal["min", "max"]
"""Whether less or more is better."""


class Metric(Component):
    """How good predictions are, over a whole split: parts per batch, and a number from the parts of all batches."""

    foreign_options = called(axis="dim", ignore="ignore_index ignore_class", k="top_k")

    kind: ClassVar[str] = "metric"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    mode: ClassVar[Mode] = "min"
    """Whether less or more is better."""
    combine: ClassVar[Literal["sum", "concat"]] = "sum"
    """How the parts of two batches become those of both: `concat` keeps every row, for what no sum can say."""

    def infer(self, *inputs: Any, **named: Any) -> None:
        """Raises a Fault that says what is wanted and what was found; a TensorType per input."""
        raise NotImplementedError

    def parts(self, g: Graph, *inputs: Any, **named: Any) -> dict[str, Value]:
        """What one batch says, by name, from a Value per input: float64 sums, scalars or an entry per column; or, to
        be put one after another, arrays with a row for each element."""
        raise NotImplementedError

    def result(self, parts: Mapping[str, Any]) -> float:
        """The metric from the combined `parts` of all batches."""
        raise NotImplementedError


class Progress(NamedTuple):
    """How far a run is."""

    step: int
    """Updates that are done; 0 for the first."""
    steps_per_epoch: int
    total_steps: int
    """Updates of the whole run."""
    known: Any = None
    """What the schedule knows of the measurements that it watches: what `after` gave for the last one."""

    @property
    def epoch(self) -> int:
        """Whole epochs that are done."""
        return self.step // self.steps_per_epoch


class Schedule(Component):
    """The learning rate as a function of the progress. Lengths are in epochs, or below 1 in parts of the run."""

    kind: ClassVar[str] = "schedule"

    @property
    def watches(self) -> str | None:
        """The metric whose measurements it must be told, such as `validation.loss`."""
        return None

    def after(self, known: Any, measured: float, mode: Mode) -> Any:
        """What it knows after one more measurement; `known` is what this gave for the one before, None at first."""
        raise NotImplementedError

    def value(self, progress: Progress) -> float:
        """The learning rate of the update number `progress.step`."""
        raise NotImplementedError


class Optimizer(Component):
    """A rule that turns parameters, gradients and its own state into new parameters and new state.

    The update works on flat buffers of any length, which may be updated in place: the node that makes the new value of
    a buffer depends on all that read the old one. It is elementwise, unless it is `per_tensor`.
    """

    foreign_options = called(
        lr="learning_rate",
        beta1="beta_1 betas b1",
        beta2="beta_2 b2",
        eps="epsilon",
        weight_decay="decay l2 wd",
        momentum="mom",
    )

    kind: ClassVar[str] = "optimizer"
    usual_rates: ClassVar[tuple[float, float]] = (1e-6, 0.1)
    """Between these lies nearly every learning rate that is used with it."""
    per_tensor: ClassVar[bool] = False
    """Whether an update must see one parameter, whole and alone, since it works with norms."""

    lr: PositiveFloat | Schedule
    """Learning rate, a number or a schedule."""
    weight_decay: NonNegativeFloat = 0.0
    """Factor of the parameters that is added to the gradient."""
    decay_on: str | tuple[str, ...] = "*"
    """Patterns of the parameters that weight decay acts on; `*` crosses dots."""

    def __init_subclass__(cls) -> None:
        """The options of weight decay come last."""
        super().__init_subclass__()
        last = ("weight_decay", "decay_on")
        cls.option_names = (*(name for name in cls.option_names if name not in last), *last)

    def decays(self, path: str) -> bool:
        """Whether weight decay acts on the parameter."""
        patterns = (self.decay_on,) if isinstance(self.decay_on, str) else self.decay_on
        return any(matches(pattern, path) for pattern in patterns)

    def without_decay(self) -> Self:
        """The same rule for the parameters that weight decay leaves alone."""
        return type(self)(**{name: getattr(self, name) for name in self.option_names} | {"weight_decay": 0.0})

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state tensors, each as long as the parameters and 0 at first."""
        return ()

    def update(
        self, g: Graph, parameter: Value, gradient: Value, state: Mapping[str, Value], lr: Value, step: Value
    ) -> tuple[Value, dict[str, Value]]:
        """The new parameters and the new state. `lr` is a float32 scalar, `step` an int64 scalar that counts from 1."""
        raise NotImplementedError


class Regularizer(Component):
    """A penalty on parameters that is added to the loss."""

    foreign_options = called(k="l1 l2 weight factor lambda_ strength")

    kind: ClassVar[str] = "regularizer"

    k: NonNegativeFloat
    """Factor of the penalty."""
    on: str = "*.weight"
    """Pattern of the paths of the parameters; `*` crosses dots."""

    def penalty(self, g: Graph, weight: Value) -> Value:
        """The scalar to add for one parameter."""
        raise NotImplementedError


class EarlyStop(Component):
    """When a run has learned what it can."""

    kind: ClassVar[str] = "stop"

    @property
    def watches(self) -> str:
        """The metric whose measurements decide, such as `validation.loss`."""
        raise NotImplementedError

    def after(self, known: Any, measured: float, mode: Mode) -> Any:
        """What it knows after one more measurement; `known` is what this gave for the one before, None at first.
        `mode` is that of the metric."""
        raise NotImplementedError

    def stops(self, known: Any) -> bool:
        """Whether to stop, for all that it knows."""
        raise NotImplementedError


class Average(Component):
    """A running average of the parameters, which is evaluated and deployed in their place."""

    kind: ClassVar[str] = "average"

    def update(self, g: Graph, average: Value, parameter: Value, step: Value) -> Value:
        """The new average from the new parameters; elementwise, in place. `step` is int64 [] and counts from 1."""
        raise NotImplementedError


LOSSES: Registry[Loss] = Registry("loss")
METRICS: Registry[Metric] = Registry("metric")
OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
SCHEDULES: Registry[Schedule] = Registry("schedule")
REGULARIZERS: Registry[Regularizer] = Registry("regularizer")
STOPS: Registry[EarlyStop] = Registry("stop")
AVERAGES: Registry[Average] = Registry("average")


class Best(NamedTuple):
    """The best of measurements that come one after another."""

    value: float = nan
    since: int = 0
    """How many came after it."""

    def after(self, measured: float, mode: Mode, min_delta: float = 0.0) -> Best:
        """The best once there is one more, which must be better by more than `min_delta`. NaN is never better."""
        sign = 1 if mode == "min" else -1
        better = sign * measured < sign * self.value - min_delta or self.value != self.value
        return Best(measured) if better else Best(self.value, self.since + 1)
