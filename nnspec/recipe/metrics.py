"""Metrics over a whole split, from float64 sums per batch. The prediction comes first, then the target."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import TYPE_CHECKING, Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example
from nnspec.ir.fields import PositiveInt
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.lengths import LENGTHS, require_lengths, steps_that_count
from nnspec.recipe.base import METRICS, Metric
from nnspec.recipe.fits import require_answers, require_classes, require_same

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@METRICS("accuracy")
class Accuracy(Metric):
    """The part of the rows whose class is the one with the greatest logit.    [*, C], integers [*]

    For a float target of the prediction's shape, the part of the elements that are on the right side of the threshold.
    """

    mode = "max"
    foreign_names = ("acc", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy", "accuracy_score")
    examples = (
        Example("accuracy", ("float32[N, 3]", "int64[N]"), 0, 3),
        Example("accuracy(ignore = 0, axis = 1)", ("float32[N, 3, 4]", "int64[N, 4]"), 0, 3),
        Example("accuracy(threshold = 0.5)", ("float32[N, 1]", "float32[N, 1]"), 0, 1),
    )

    ignore: int | None = None
    """A class whose elements do not count."""
    threshold: float = 0.0
    """For float targets: predictions above it count as 1. 0 is right for logits, 0.5 for probabilities."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, prediction: TensorType, target: TensorType) -> None:
        require_answers(self.name, prediction, target, self.axis)

    def parts(self, g: Graph, prediction: Value, target: Value) -> dict[str, Value]:
        if target.dtype in FLOATS:
            right = g.op("Equal", g.op("Greater", prediction, self.threshold), g.op("Greater", target, 0.5))
        else:
            right = g.op(
                "Equal",
                g.op("ArgMax", prediction, axis=self.axis % prediction.rank, keepdims=0),
                g.cast(target, "int64"),
            )
        return _share(g, right, _counted(g, target, self.ignore))

    def result(self, parts: Mapping[str, Any]) -> float:
        return _ratio(parts["right"], parts["count"])


@METRICS("top_k_accuracy")
class TopKAccuracy(Metric):
    """The part of the rows whose class is among the k with the greatest logits.    [*, C], integers [*]"""

    mode = "max"
    foreign_names = ("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "top5", "topk", "top_k")
    examples = (
        Example("top_k_accuracy(k = 2)", ("float32[N, 3]", "int64[N]"), 0, 3),
        Example("top_k_accuracy(2, ignore = 1, axis = 1)", ("float32[N, 3, 4]", "int64[N, 4]"), 0, 3),
    )

    k: PositiveInt = 5
    """How many guesses there are."""
    ignore: int | None = None
    """A class whose elements do not count."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, logits: TensorType, target: TensorType) -> None:
        classes = require_classes(self.name, logits, target, self.axis)
        if self.k > classes:
            raise Fault(
                "E203",
                f"top_k_accuracy(k = {self.k}) needs at least {self.k} classes, but {logits} has {classes}",
                help=f"k is at most {classes}",
            )

    def parts(self, g: Graph, logits: Value, target: Value) -> dict[str, Value]:
        at = self.axis % logits.rank
        _, best = g.op("TopK", logits, g.constant([self.k], "int64"), axis=at, outputs=2)
        hits = g.op("Equal", best, g.op("Unsqueeze", g.cast(target, "int64"), g.constant([at], "int64")))
        right = g.cast(g.reduce("ReduceMax", g.cast(hits, "int32"), [at]), "bool")
        return _share(g, right, _counted(g, target, self.ignore))

    def result(self, parts: Mapping[str, Any]) -> float:
        return _ratio(parts["right"], parts["count"])


@METRICS("perplexity")
class Perplexity(Metric):
    """exp of the mean cross-entropy: among how many equally likely classes the model hesitates.

    [*, C], integers [*]
    """

    foreign_names = ("ppl",)
    examples = (
        Example("perplexity", ("float32[N, 4, 3]", "int64[N, 4]"), 0, 3),
        Example("perplexity(ignore = 0, axis = 1)", ("float32[N, 3]", "int64[N]"), 0, 3),
    )

    ignore: int | None = None
    """A class whose elements do not count."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, logits: TensorType, target: TensorType) -> None:
        require_classes(self.name, logits, target, self.axis)

    def parts(self, g: Graph, logits: Value, target: Value) -> dict[str, Value]:
        at = self.axis % logits.rank
        counted = _counted(g, target, self.ignore)
        classes = g.op("Where", counted, g.cast(target, "int64"), 0)
        index = g.op("Unsqueeze", classes, g.constant([at], "int64"))
        picked = g.op("GatherElements", g.op("LogSoftmax", logits, axis=at), index, axis=at)
        present = g.cast(counted, "float64")
        surprise = g.op("Mul", g.cast(g.op("Squeeze", picked, g.constant([at], "int64")), "float64"), present)
        return {"surprise": g.op("Neg", _sum(g, surprise)), "count": _sum(g, present)}

    def result(self, parts: Mapping[str, Any]) -> float:
        mean = _ratio(parts["surprise"], parts["count"])
        return exp(mean) if mean < 700 else float("inf")


class Regression(Metric):
    """Base of the metrics whose prediction and target have one shape."""

    def infer(self, prediction: TensorType, target: TensorType) -> None:
        require_same(self.name, prediction, target)


class MeanError(Regression):
    """Base of the means over all elements, or over those that `lengths` leave."""

    foreign_options = LENGTHS

    lengths: TensorType | None = None
    """Steps of each row [N, T, *], integers [N]: what follows is padding, and is left out."""

    def infer(self, prediction: TensorType, target: TensorType) -> None:
        super().infer(prediction, target)
        require_lengths(self.name, prediction, self.lengths)

    def _total(self, g: Graph, errors: Value, lengths: Value | None) -> tuple[Value, Value]:
        """The sum of the errors that count, and how many they are."""
        if lengths is None:
            return _sum(g, errors), _size(g, errors)
        counted = g.expand(steps_that_count(g, errors, lengths), errors.shape)
        return _sum(g, g.op("Where", counted, errors, 0)), _sum(g, counted)


@METRICS("mae")
class MeanAbsoluteError(MeanError):
    """The mean of |x - t|.    [*], [*]"""

    foreign_names = ("mean_absolute_error", "l1")
    examples = (
        Example("mae", ("float32[N, 3]", "float32[N, 3]")),
        Example("mae", ("float32[N, T]",) * 2, arguments=(("lengths", "int64[N]"),)),
    )

    def parts(self, g: Graph, prediction: Value, target: Value, *, lengths: Value | None = None) -> dict[str, Value]:
        total, count = self._total(g, g.op("Abs", _gap(g, prediction, target)), lengths)
        return {"absolute": total, "count": count}

    def result(self, parts: Mapping[str, Any]) -> float:
        return _ratio(parts["absolute"], parts["count"])


@METRICS("mse")
class MeanSquaredError(MeanError):
    """The mean of (x - t)².    [*], [*]"""

    foreign_names = ("mean_squared_error", "l2")
    examples = (
        Example("mse", ("float32[N, 3]", "float32[N, 3]")),
        Example("mse", ("float32[N, T, 3]",) * 2, arguments=(("lengths", "int64[N]"),)),
    )

    def parts(self, g: Graph, prediction: Value, target: Value, *, lengths: Value | None = None) -> dict[str, Value]:
        gap = _gap(g, prediction, target)
        total, count = self._total(g, g.op("Mul", gap, gap), lengths)
        return {"squared": total, "count": count}

    def result(self, parts: Mapping[str, Any]) -> float:
        return _ratio(parts["squared"], parts["count"])


@METRICS("r2")
class R2(Regression):
    """1 - Σ (x - t)² / Σ (t - mean of t)², the part of the variance that is explained; the mean over columns.

    [N, *], [N, *]
    """

    mode = "max"
    foreign_names = ("r2_score", "r_squared", "coefficient_of_determination")
    examples = (Example("r2", ("float32[N, 3]", "float32[N, 3]")), Example("r2", ("float32[N]", "float32[N]")))

    def parts(self, g: Graph, prediction: Value, target: Value) -> dict[str, Value]:
        gap, wanted = _gap(g, prediction, target), g.cast(target, "float64")
        columns = {
            "residual": g.op("Mul", gap, gap),
            "target": wanted,
            "squared": g.op("Mul", wanted, wanted),
            "count": _ones(g, wanted),
        }
        return {name: g.reduce("ReduceSum", values, [0]) for name, values in columns.items()}

    def result(self, parts: Mapping[str, Any]) -> float:
        import numpy as np

        residual, target, squared, count = (
            np.asarray(parts[name], np.float64) for name in ("residual", "target", "squared", "count")
        )
        total = squared - target**2 / np.maximum(count, 1)
        constant = total <= 1e-12 * squared
        score = 1 - residual / np.where(constant, 1, total)
        return float(np.mean(np.where(constant, np.where(residual == 0, 1.0, 0.0), score)))


def _counted(g: Graph, target: Value, ignore: int | None) -> Value:
    """Which elements of the target count, as bool."""
    return g.op("Equal", target, target) if ignore is None else g.op("Not", g.op("Equal", target, ignore))


def _share(g: Graph, right: Value, counted: Value) -> dict[str, Value]:
    return {"right": _sum(g, g.op("And", right, counted)), "count": _sum(g, counted)}


def _gap(g: Graph, prediction: Value, target: Value) -> Value:
    return g.op("Sub", g.cast(prediction, "float64"), g.cast(target, "float64"))


def _sum(g: Graph, x: Value) -> Value:
    return g.reduce("ReduceSum", g.cast(x, "float64"), range(x.rank))


def _size(g: Graph, x: Value) -> Value:
    return g.cast(g.op("Size", x), "float64")


def _ones(g: Graph, x: Value) -> Value:
    return g.cast(g.op("Equal", x, x), "float64")


def _ratio(total: Any, count: Any) -> float:
    """`total / count`; NaN where nothing was counted."""
    return float(total) / float(count) if float(count) else float("nan")
