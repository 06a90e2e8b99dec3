"""The loss of classifiers: how unlikely the class was held to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Loss, called, known_size
from nnspec.ir.fields import Limits
from nnspec.ir.types import TensorType
from nnspec.layers.lengths import LENGTHS, require_lengths, steps_that_count
from nnspec.recipe.base import LOSSES
from nnspec.recipe.fits import require_classes
from nnspec.recipe.means import least, mean, total

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LOSSES("cross_entropy")
class CrossEntropy(Loss):
    """-log of the softmax of the logits at the class, as PyTorch's CrossEntropyLoss.    [*, C], integers [*] -> []

    With class weights it is a weighted mean, Σ wᵢ lossᵢ / Σ wᵢ, where wᵢ is the weight of the class of element i.
    """

    foreign_options = (
        called(
            label_smoothing="smoothing", ignore="ignore_index ignore_class", weight="class_weight class_weights weights"
        )
        | LENGTHS
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
        Example(
            "cross_entropy(ignore = 1)", ("float32[N, 4, 3]", "int64[N, 4]"), 0, 3, arguments=(("lengths", "int64[N]"),)
        ),
    )

    label_smoothing: Annotated[float, Limits(ge=0, le=1)] = 0.0
    """The part of the target that is spread evenly over all classes. Szegedy et al., 2016."""
    ignore: int | None = None
    """A class whose elements count nothing, such as padding."""
    weight: tuple[float, ...] | None = None
    """Weights of the classes."""
    axis: int = -1
    """The axis of the classes in the logits."""
    lengths: TensorType | None = None
    """Steps of each row of a target [N, T], integers [N]: what follows is padding, and counts nothing."""

    def infer(self, logits: TensorType, target: TensorType) -> TensorType:
        classes = require_classes(self.name, logits, target, self.axis)
        require_lengths(self.name, target, self.lengths)
        if self.weight is not None and len(self.weight) != classes:
            raise Fault(
                "E203",
                f"cross_entropy needs a weight for each of the {classes} classes of {logits}, got {len(self.weight)}",
            )
        return TensorType(logits.dtype, ())

    def lower(self, g: Graph, logits: Value, target: Value, *, lengths: Value | None = None) -> Value:
        """LogSoftmax and GatherElements: a quarter of the time of SoftmaxCrossEntropyLoss."""
        at = self.axis % logits.rank
        log_p = g.op("LogSoftmax", logits, axis=at)
        classes, counted = self._classes(g, target, lengths)
        picked = _pick(g, log_p, classes, at)
        weights = self._weights(g, log_p, classes, counted)
        losses = picked if weights is None else g.op("Mul", picked, weights)
        if self.label_smoothing:
            losses = self._smoothed(
                g, losses, self._spread(g, log_p, counted, at), known_size(self.name, logits.type, at)
            )
        if weights is None:
            return g.op("Neg", mean(g, losses))
        return g.op("Neg", g.op("Div", total(g, losses), g.op("Max", total(g, weights), least(log_p.dtype))))

    def _classes(self, g: Graph, target: Value, lengths: Value | None) -> tuple[Value, Value | None]:
        """The classes, with a valid one in the place of the ignored, and which elements count (None: all)."""
        classes = g.cast(target, "int64")
        counted = None if self.ignore is None else g.op("Not", g.op("Equal", classes, self.ignore))
        if lengths is not None:
            steps = steps_that_count(g, classes, lengths)
            counted = steps if counted is None else g.op("And", counted, steps)
        return (classes, None) if counted is None else (g.op("Where", counted, classes, 0), counted)

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


def _pick(g: Graph, log_p: Value, classes: Value, at: int) -> Value:
    """log p of each element's class."""
    axis = g.constant([at], "int64")
    return g.op("Squeeze", g.op("GatherElements", log_p, g.op("Unsqueeze", classes, axis), axis=at), axis)
