"""Losses: scalars to minimise, means over all elements. The prediction comes first, then the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.ir.components import Example, Loss, called, feature_axis
from nnspec.ir.fields import PositiveFloat
from nnspec.ir.types import TensorType
from nnspec.layers.lengths import LENGTHS, require_lengths, steps_that_count
from nnspec.recipe.base import LOSSES
from nnspec.recipe.fits import require_same
from nnspec.recipe.means import least, mean, total

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class Pointwise(Loss):
    """Base of the losses whose prediction and target have one shape: a mean over all elements, or over those that
    `lengths` leave."""

    foreign_options = LENGTHS

    lengths: TensorType | None = None
    """Steps of each row [N, T, *], integers [N]: what follows is padding. It counts nothing, whatever stands there."""

    def __init_subclass__(cls) -> None:
        """The option `lengths` comes last."""
        super().__init_subclass__()
        cls.option_names = (*(name for name in cls.option_names if name != "lengths"), "lengths")

    def infer(self, prediction: TensorType, target: TensorType) -> TensorType:
        require_same(self.name, prediction, target)
        require_lengths(self.name, prediction, self.lengths)
        return TensorType(prediction.dtype, ())

    def lower(self, g: Graph, prediction: Value, target: Value, *, lengths: Value | None = None) -> Value:
        """Padding is 0 on both sides before the loss sees it, so that what is no number there has no gradient."""
        if lengths is None:
            return mean(g, self.elements(g, prediction, target))
        steps = steps_that_count(g, prediction, lengths)
        found = self.elements(g, *(g.op("Where", steps, x, 0) for x in (prediction, target)))
        counted = g.cast(g.expand(steps, prediction.shape), prediction.dtype)
        return g.op("Div", total(g, g.op("Mul", found, counted)), g.op("Max", total(g, counted), 1))

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        """The loss of each element."""
        raise NotImplementedError


@LOSSES("binary_cross_entropy")
class BinaryCrossEntropy(Pointwise):
    """-t log σ(x) - (1 - t) log(1 - σ(x)) for logits x and targets t in [0, 1], as softplus(x) - t x.

    [*], [*] -> []
    """

    foreign_names = (
        "BCEWithLogitsLoss",
        "binary_crossentropy",
        "bce",
        "bce_loss",
        "BCELoss",
        "bce_with_logits",
        "sigmoid_cross_entropy",
        "binary_cross_entropy_with_logits",
    )
    examples = (
        Example("binary_cross_entropy", ("float32[N, 3]", "float32[N, 3]"), 0, 1),
        Example("binary_cross_entropy", ("float32[N, T]",) * 2, 0, 1, arguments=(("lengths", "int64[N]"),)),
    )

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        return g.op("Sub", g.op("Softplus", prediction), g.op("Mul", prediction, target))


@LOSSES("mse")
class MeanSquaredError(Pointwise):
    """(x - t)².    [*], [*] -> []"""

    foreign_names = ("MSELoss", "mean_squared_error", "l2_loss", "squared_error")
    examples = (
        Example("mse", ("float32[N, 3]", "float32[N, 3]")),
        Example("mse", ("float32[N, T, 3]",) * 2, arguments=(("lengths", "int64[N]"),)),
    )

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        gap = g.op("Sub", prediction, target)
        return g.op("Mul", gap, gap)


@LOSSES("mae")
class MeanAbsoluteError(Pointwise):
    """|x - t|.    [*], [*] -> []"""

    foreign_names = ("L1Loss", "mean_absolute_error", "l1_loss", "absolute_error")
    examples = (
        Example("mae", ("float32[N, 3]", "float32[N, 3]")),
        Example("mae", ("float32[N, T]",) * 2, arguments=(("lengths", "int64[N]"),)),
    )

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        return g.op("Abs", g.op("Sub", prediction, target))


@LOSSES("huber")
class Huber(Pointwise):
    """½ (x - t)² up to a gap of delta, delta (|x - t| - ½ delta) beyond. Huber, 1964.    [*], [*] -> []"""

    foreign_options = called(delta="beta")
    foreign_names = ("HuberLoss", "smooth_l1", "SmoothL1Loss", "smooth_l1_loss")
    examples = (
        Example("huber", ("float32[N, 3]", "float32[N, 3]")),
        Example("huber(delta = 0.5)", ("float32[N]", "float32[N]")),
        Example("huber(0.5)", ("float32[N, 4]",) * 2, arguments=(("lengths", "int32[N]"),)),
    )

    delta: PositiveFloat = 1.0
    """The gap from which on the loss is linear."""

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        """c (gap - ½ c), with the gap clipped to ±delta as c: both cases in one, and the gradient is c."""
        gap = g.op("Sub", prediction, target)
        clipped = g.op("Clip", gap, -self.delta, self.delta)
        return g.op("Mul", clipped, g.op("Sub", gap, g.op("Mul", clipped, 0.5)))


@LOSSES("hinge")
class Hinge(Pointwise):
    """max(0, 1 - t x) for scores x and targets t that are -1 or 1. Cortes and Vapnik, 1995.    [*], [*] -> []"""

    foreign_names = ("HingeLoss", "hinge_loss", "SoftMarginLoss", "margin")
    examples = (
        Example("hinge", ("float32[N, 3]", "float32[N, 3]")),
        Example("hinge", ("float32[N, T]",) * 2, arguments=(("lengths", "int64[N]"),)),
    )

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        return g.op("Relu", g.op("Sub", g.constant(1, prediction.dtype), g.op("Mul", prediction, target)))


@LOSSES("kl_divergence")
class KlDivergence(Pointwise):
    """t (log t - x) for log-probabilities x, as log_softmax gives them, and probabilities t; a mean over elements.

    [*], [*] -> []

    As PyTorch's KLDivLoss with its default reduction: times the number of classes it is the mean divergence of a row.
    """

    foreign_names = ("KLDivLoss", "kl_div", "kldivergence", "kld")
    examples = (
        Example("kl_divergence", ("float32[N, 3]", "float32[N, 3]"), 0.05, 1),
        Example("kl_divergence", ("float32[N, T]",) * 2, 0.05, 1, arguments=(("lengths", "int64[N]"),)),
    )

    def elements(self, g: Graph, prediction: Value, target: Value) -> Value:
        """The logarithm never sees 0, so that t log t is 0 there."""
        log_t = g.op("Log", g.op("Max", target, least(target.dtype)))
        return g.op("Mul", target, g.op("Sub", log_t, prediction))


@LOSSES("cosine")
class Cosine(Loss):
    """1 - x · t / (|x| |t|) along an axis, which ignores lengths.    [*, D], [*, D] -> []"""

    foreign_names = ("CosineSimilarity", "CosineEmbeddingLoss", "cosine_similarity", "cosine_distance", "cosine_loss")
    examples = (
        Example("cosine", ("float32[N, 3]", "float32[N, 3]"), 0.2, 2),
        Example("cosine(axis = 1)", ("float32[N, 3, 2]",) * 2, 0.2, 2),
    )

    axis: int = -1
    """The axis of the vectors."""

    def infer(self, prediction: TensorType, target: TensorType) -> TensorType:
        require_same(self.name, prediction, target)
        feature_axis(self.name, prediction, self.axis)
        return TensorType(prediction.dtype, ())

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        """Lengths are at least 1e-8, and bounded before the root, whose slope at 0 is infinite."""
        lengths = [g.op("Sqrt", g.op("Max", self._dot(g, x, x), least(x.dtype, 1e-16))) for x in (prediction, target)]
        similarity = g.op("Div", self._dot(g, prediction, target), g.op("Mul", *lengths))
        return g.op("Sub", g.constant(1, prediction.dtype), mean(g, similarity))

    def _dot(self, g: Graph, a: Value, b: Value) -> Value:
        return g.reduce("ReduceSum", g.op("Mul", a, b), [self.axis])
