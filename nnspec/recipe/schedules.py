"""Learning rate schedules. Lengths are in epochs, and a length below 1 is a fraction of the run.

In the formulas s is the number of updates that are done, S that of the whole run and e the whole epochs that are done.
Where PyTorch's schedulers are stepped after each epoch, those that follow s are finer: they agree with PyTorch's at the
first update of every epoch, or at every update where PyTorch's are stepped after each of them.
"""

from __future__ import annotations

from math import cos, inf, pi
from typing import Annotated, Literal, NamedTuple

from nnspec.ir.components import called
from nnspec.ir.fields import Limits, NonNegativeFloat, NonNegativeInt, PositiveFloat
from nnspec.recipe.base import SCHEDULES, Mode, Progress, Schedule

Factor = Annotated[float, Limits(gt=0, le=1)]


@SCHEDULES("step")
class Step(Schedule):
    """lr factor^floor(s / every). PyTorch: StepLR."""

    foreign_options = called(lr="initial_lr initial_learning_rate", every="step_size epochs", factor="gamma decay")
    foreign_names = ("StepLR", "multi_step", "MultiStepLR", "piecewise_constant")

    lr: PositiveFloat
    """Learning rate at first."""
    every: PositiveFloat
    """Length between two changes: epochs, or below 1 a fraction of the run."""
    factor: PositiveFloat = 0.1
    """What a change multiplies by."""

    def value(self, progress: Progress) -> float:
        changes = progress.step // max(round(_updates(progress, self.every)), 1)
        return self.lr * self.factor**changes


@SCHEDULES("exponential")
class Exponential(Schedule):
    """lr factor^e. PyTorch: ExponentialLR."""

    foreign_options = called(lr="initial_lr initial_learning_rate", factor="gamma decay_rate decay")
    foreign_names = ("ExponentialLR", "ExponentialDecay", "exp_decay")

    lr: PositiveFloat
    """Learning rate at first."""
    factor: PositiveFloat
    """What each epoch multiplies by."""

    def value(self, progress: Progress) -> float:
        return self.lr * self.factor**progress.epoch


@SCHEDULES("linear")
class Linear(Schedule):
    """lr + (end - lr) min(s / length, 1), update by update. PyTorch: LinearLR with end_factor = end / lr."""

    foreign_options = called(
        lr="initial_lr initial_learning_rate",
        end="end_factor end_learning_rate floor",
        epochs="total_iters decay_steps",
    )
    foreign_names = ("LinearLR", "PolynomialDecay", "polynomial")

    lr: PositiveFloat
    """Learning rate at first."""
    end: NonNegativeFloat = 0.0
    """Learning rate at last."""
    epochs: PositiveFloat | None = None
    """Length, below 1 a fraction of the run; none is the whole run."""

    def value(self, progress: Progress) -> float:
        return self.lr + (self.end - self.lr) * _done(progress, self.epochs)


@SCHEDULES("cosine")
class Cosine(Schedule):
    """floor + (lr - floor) (1 + cos(π min(s / length, 1))) / 2, update by update. Loshchilov and Hutter, 2016.

    PyTorch: CosineAnnealingLR with T_max = length, stepped after each update.
    """

    foreign_options = called(
        lr="initial_lr initial_learning_rate", floor="eta_min alpha min_lr end", epochs="T_max decay_steps"
    )
    foreign_names = ("CosineAnnealingLR", "CosineDecay", "cosine_annealing", "CosineAnnealingWarmRestarts")

    lr: PositiveFloat
    """Learning rate at first."""
    floor: NonNegativeFloat = 0.0
    """Learning rate at last."""
    epochs: PositiveFloat | None = None
    """Length, below 1 a fraction of the run; none is the whole run."""

    def value(self, progress: Progress) -> float:
        return _anneal(self.lr, self.floor, _done(progress, self.epochs))


@SCHEDULES("warmup_cosine")
class WarmupCosine(Schedule):
    """peak (s + 1) / (w + 1) for the first w updates, then half a cosine from peak to floor over the rest."""

    foreign_options = called(
        peak="lr learning_rate warmup_target max_lr",
        warmup="warmup_steps warmup_epochs num_warmup_steps",
        floor="eta_min min_lr alpha end",
    )
    foreign_names = (
        "cosine_with_warmup",
        "get_cosine_schedule_with_warmup",
        "CosineDecayWithWarmup",
        "linear_warmup_cosine",
        "warmup",
    )

    peak: PositiveFloat
    """Greatest learning rate."""
    warmup: NonNegativeFloat = 0.05
    """Length of the rise: epochs, or below 1 a fraction of the run."""
    floor: NonNegativeFloat = 0.0
    """Learning rate at last."""

    def value(self, progress: Progress) -> float:
        rise = round(_updates(progress, self.warmup))
        if progress.step < rise:
            return self.peak * (progress.step + 1) / (rise + 1)
        rest = max(progress.total_steps - rise, 1)
        return _anneal(self.peak, self.floor, min((progress.step - rise) / rest, 1.0))


@SCHEDULES("one_cycle")
class OneCycle(Schedule):
    """Half a cosine from peak / start up to peak, then one down to peak / (start end). Smith and Topin, 2017.

    PyTorch: OneCycleLR with pct_start, div_factor and final_div_factor; the momentum stays as it is.
    """

    foreign_options = called(
        peak="max_lr lr learning_rate", warmup="pct_start warmup_epochs", start="initial_lr", end="final_lr"
    )
    foreign_names = ("OneCycleLR", "one_cycle_lr", "CyclicLR", "cyclic", "triangular")

    peak: PositiveFloat
    """Greatest learning rate."""
    warmup: NonNegativeFloat = 0.3
    """Length of the rise: epochs, or below 1 a fraction of the run."""
    start: PositiveFloat = 25.0
    """The first learning rate is this many times smaller than the peak."""
    end: PositiveFloat = 1e4
    """The last learning rate is this many times smaller than the first."""

    def value(self, progress: Progress) -> float:
        low = self.peak / self.start
        top, last = _updates(progress, self.warmup) - 1, progress.total_steps - 1
        if progress.step <= top:
            return _anneal(low, self.peak, progress.step / top if top > 0 else 1.0)
        return _anneal(self.peak, low / self.end, min((progress.step - top) / max(last - top, 1e-9), 1.0))


class Reached(NamedTuple):
    """Where `plateau` is."""

    lr: float
    best: float
    bad: int
    """Epochs without progress since the best one or the last change."""
    cooling: int
    """Epochs that do not count, still to come."""


@SCHEDULES("plateau")
class Plateau(Schedule):
    """lr, times factor whenever the metric was no better for over `patience` epochs. PyTorch: ReduceLROnPlateau."""

    foreign_options = called(threshold="min_delta", floor="min_lr")
    foreign_names = ("ReduceLROnPlateau", "reduce_on_plateau")

    lr: PositiveFloat
    """Learning rate at first."""
    factor: Factor = 0.1
    """What a change multiplies by."""
    patience: NonNegativeInt = 10
    """Epochs without progress that are put up with."""
    monitor: str = "validation.loss"
    """The metric to watch."""
    threshold: NonNegativeFloat = 1e-4
    """Better is better by more than this."""
    threshold_mode: Literal["rel", "abs"] = "rel"
    """Whether the threshold is a part of the best value, or a difference."""
    cooldown: NonNegativeInt = 0
    """Epochs after a change that do not count."""
    floor: NonNegativeFloat = 0.0
    """Least learning rate."""
    eps: NonNegativeFloat = 1e-8
    """Changes that are no larger are not made."""
    mode: Literal["min", "max"] | None = None
    """Whether less or more is better; none asks the metric."""

    @property
    def watches(self) -> str:
        return self.monitor

    def after(self, known: Reached | None, measured: float, mode: Mode) -> Reached:
        sign = 1 if (self.mode or mode) == "min" else -1
        lr, best, bad, cooling = known or Reached(self.lr, sign * inf, 0, 0)
        bad = 0 if self._better(measured, best, sign) else bad + 1
        best = measured if bad == 0 else best
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > self.patience:
            lower = max(lr * self.factor, self.floor)
            lr, bad, cooling = lower if lr - lower > self.eps else lr, 0, self.cooldown
        return Reached(lr, best, bad, cooling)

    def value(self, progress: Progress) -> float:
        return progress.known.lr if progress.known else self.lr

    def _better(self, measured: float, best: float, sign: int) -> bool:
        """As PyTorch has it: for best values below 0 a relative threshold lets through what is slightly worse."""
        limit = best * (1 - sign * self.threshold) if self.threshold_mode == "rel" else best - sign * self.threshold
        return sign * measured < sign * limit


def _anneal(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` to `last`."""
    return last + (first - last) * (1 + cos(pi * share)) / 2


def _updates(progress: Progress, length: float) -> float:
    """A length in updates: below 1 a fraction of the run, else epochs."""
    return length * (progress.total_steps if length < 1 else progress.steps_per_epoch)


def _done(progress: Progress, epochs: float | None) -> float:
    """The part of a length, or of the whole run, that is done."""
    length = progress.total_steps if epochs is None else _updates(progress, epochs)
    return min(progress.step / max(length, 1), 1.0)
