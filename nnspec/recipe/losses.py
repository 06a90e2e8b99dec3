"""Losses: scalars to minimise, means over all elements. The prediction comes first, then the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Loss, called, feature_axis, known_size
from nnspec.ir.fields import Limits, PositiveFloat
from nnspec.ir.types import TensorType
from nnspec.recipe.base import LOSSES
from nnspec.recipe.fits import require_classes, require_same

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LOSSES("cross_entropy")
class CrossEntropy(Loss):
    """-log of the softmax of the logits at the class, as PyTorch's CrossEntropyLoss.    [*, C], integers [*] -> []

    With class weights it is a weighted mean, Σ wᵢ lossᵢ / Σ wᵢ, where wᵢ is the weight of the class of element i.
    """

    foreign_options = called(
        label_smoothing="smoothing", ignore="ignore_index ignore_class", weight="class_weight class_weights weights"
    )
    foreign_names = (
        "nll_loss",
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "CrossEntropyLoss",
        "softmax_cross_entropy",
    )
    examples = (
        Example("cross_entropy", ("float32[N, 3]", "int64[N]"), 0, 3),
        Example("cross_entropy(label_smoothing = 0.1)", ("float32[N, 4, 3]", "int64[N, 4]"), 0, 3),
        Example("cross_entropy(ignore = 1)", ("float32[N, 3]", "int32[N]"), 0, 3),
        Example("cross_entropy(weight = [0.5, 1, 2])", ("float32[N, 3]", "int64[N]"), 0, 3),
        Example("cross_entropy(0.2, 2, [0.5, 1, 2], axis = 1)", ("float32[N, 3, 4]", "int64[N, 4]"), 0, 3),
    )

    label_smoothing: Annotated[float, Limits(ge=0, le=1)] = 0.0
    """The part of the target that is spread evenly over all classes. Szegedy et al., 2016."""
    ignore: int | None = None
    """A class whose elements count nothing, such as padding."""
    weight: tuple[float, ...] | None = None
    """Weights of the classes."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, logits: TensorType, target: TensorType) -> TensorType:
        classes = require_classes(self.name, logits, target, self.axis)
        if self.weight is not None and len(self.weight) != classes:
            raise Fault(
                "E203",
                f"cross_entropy needs a weight for each of the {classes} classes of {logits}, got {len(self.weight)}",
            )
        return TensorType(logits.dtype, ())

    def lower(self, g: Graph, logits: Value, target: Value) -> Value:
        """LogSoftmax and GatherElements: a quarter of the time of SoftmaxCrossEntropyLoss."""
        at = self.axis % logits.rank
        log_p = g.op("LogSoftmax", logits, axis=at)
        classes, counted = self._classes(g, target)
        picked = _pick(g, log_p, classes, at)
        weights = self._weights(g, log_p, classes, counted)
        total = picked if weights is None else g.op("Mul", picked, weights)
        if self.label_smoothing:
            total = self._smoothed(
                g, total, self._spread(g, log_p, counted, at), known_size(self.name, logits.type, at)
            )
        if weights is None:
            return g.op("Neg", _mean(g, total))
        return g.op("Neg", g.op("Div", _sum(g, total), g.op("Max", _sum(g, weights), _least(log_p.dtype))))

    def _classes(self, g: Graph, target: Value) -> tuple[Value, Value | None]:
        """The classes, with a valid one in the place of the ignored, and which elements count (None: all)."""
        classes = g.cast(target, "int64")
        if self.ignore is None:
            return classes, None
        counted = g.op("Not", g.op("Equal", classes, self.ignore))
        return g.op("Where", counted, classes, 0), counted

    def _weights(self, g: Graph, log_p: Value, classes: Value, counted: Value | None) -> Value | None:
        """The weight of each element; None where all are 1."""
        present = None if counted is None else g.cast(counted, log_p.dtype)
        if self.weight is None:
            return present
        weights = g.op("Gather", g.constant(self.weight, log_p.dtype), classes, axis=0)
        return weights if present is None else g.op("Mul", weights, present)

    def _spread(self, g: Graph, log_p: Value, counted: Value | None, at: int) -> Value:
        """Σ over classes of log p, weighted by class."""
        if self.weight is not None:
            shape = (len(self.weight), *(1 for _ in range(log_p.rank - 1 - at)))
            log_p = g.op("Mul", log_p, g.reshape(g.constant(self.weight, log_p.dtype), shape))
        spread = g.reduce("ReduceSum", log_p, [at])
        return spread if counted is None else g.op("Mul", spread, g.cast(counted, log_p.dtype))

    def _smoothed(self, g: Graph, picked: Value, spread: Value, classes: int) -> Value:
        even = g.op("Mul", spread, self.label_smoothing / classes)
        return g.op("Add", g.op("Mul", picked, 1 - self.label_smoothing), even)


class Pointwise(Loss):
    """Base of the losses whose prediction and target have one shape."""

    def infer(self, prediction: TensorType, target: TensorType) -> TensorType:
        require_same(self.name, prediction, target)
        return TensorType(prediction.dtype, ())


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
    examples = (Example("binary_cross_entropy", ("float32[N, 3]", "float32[N, 3]"), 0, 1),)

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        return _mean(g, g.op("Sub", g.op("Softplus", prediction), g.op("Mul", prediction, target)))


@LOSSES("mse")
class MeanSquaredError(Pointwise):
    """(x - t)².    [*], [*] -> []"""

    foreign_names = ("MSELoss", "mean_squared_error", "l2_loss", "squared_error")
    examples = (Example("mse", ("float32[N, 3]", "float32[N, 3]")),)

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        gap = g.op("Sub", prediction, target)
        return _mean(g, g.op("Mul", gap, gap))


@LOSSES("mae")
class MeanAbsoluteError(Pointwise):
    """|x - t|.    [*], [*] -> []"""

    foreign_names = ("L1Loss", "mean_absolute_error", "l1_loss", "absolute_error")
    examples = (Example("mae", ("float32[N, 3]", "float32[N, 3]")),)

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        return _mean(g, g.op("Abs", g.op("Sub", prediction, target)))


@LOSSES("huber")
class Huber(Pointwise):
    """½ (x - t)² up to a gap of delta, delta (|x - t| - ½ delta) beyond. Huber, 1964.    [*], [*] -> []"""

    foreign_options = called(delta="beta")
    foreign_names = ("HuberLoss", "smooth_l1", "SmoothL1Loss", "smooth_l1_loss")
    examples = (
        Example("huber", ("float32[N, 3]", "float32[N, 3]")),
        Example("huber(delta = 0.5)", ("float32[N]", "float32[N]")),
    )

    delta: PositiveFloat = 1.0
    """The gap from which on the loss is linear."""

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        """c (gap - ½ c), with the gap clipped to ±delta as c: both cases in one, and the gradient is c."""
        gap = g.op("Sub", prediction, target)
        clipped = g.op("Clip", gap, -self.delta, self.delta)
        return _mean(g, g.op("Mul", clipped, g.op("Sub", gap, g.op("Mul", clipped, 0.5))))


@LOSSES("hinge")
class Hinge(Pointwise):
    """max(0, 1 - t x) for scores x and targets t that are -1 or 1. Cortes and Vapnik, 1995.    [*], [*] -> []"""

    foreign_names = ("HingeLoss", "hinge_loss", "SoftMarginLoss", "margin")
    examples = (Example("hinge", ("float32[N, 3]", "float32[N, 3]")),)

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        return _mean(g, g.op("Relu", g.op("Sub", g.constant(1, prediction.dtype), g.op("Mul", prediction, target))))


@LOSSES("kl_divergence")
class KlDivergence(Pointwise):
    """t (log t - x) for log-probabilities x, as log_softmax gives them, and probabilities t; a mean over elements.

    [*], [*] -> []

    As PyTorch's KLDivLoss with its default reduction: times the number of classes it is the mean divergence of a row.
    """

    foreign_names = ("KLDivLoss", "kl_div", "kldivergence", "kld")
    examples = (Example("kl_divergence", ("float32[N, 3]", "float32[N, 3]"), 0.05, 1),)

    def lower(self, g: Graph, prediction: Value, target: Value) -> Value:
        """The logarithm never sees 0, so that t log t is 0 there."""
        log_t = g.op("Log", g.op("Max", target, _least(target.dtype)))
        return _mean(g, g.op("Mul", target, g.op("Sub", log_t, prediction)))


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
        lengths = [g.op("Sqrt", g.op("Max", self._dot(g, x, x), _least(x.dtype, 1e-16))) for x in (prediction, target)]
        similarity = g.op("Div", self._dot(g, prediction, target), g.op("Mul", *lengths))
        return g.op("Sub", g.constant(1, prediction.dtype), _mean(g, similarity))

    def _dot(self, g: Graph, a: Value, b: Value) -> Value:
        return g.reduce("ReduceSum", g.op("Mul", a, b), [self.axis])


def _pick(g: Graph, log_p: Value, classes: Value, at: int) -> Value:
    """log p of each element's class."""
    axis = g.constant([at], "int64")
    return g.op("Squeeze", g.op("GatherElements", log_p, g.op("Unsqueeze", classes, axis), axis=at), axis)


def _least(dtype: str, wanted: float = 1e-30) -> float:
    """A number that is more than 0 and less than all that matters; `wanted`, where the dtype has it."""
    return max(wanted, 6e-8) if dtype == "float16" else wanted


def _mean(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceMean", x, range(x.rank))


def _sum(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceSum", x, range(x.rank))
