"""Precision, recall and F1 over a whole split, from the counts of each class.

Rows of logits [*, C] with classes [*] say one class each; floats of one shape say yes or no for each column, so that
one column is one class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, known_size
from nnspec.ir.types import FLOATS, TensorType
from nnspec.recipe.base import METRICS, Metric
from nnspec.recipe.fits import require_classes, require_same

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


def _examples(name: str) -> tuple[Example, ...]:
    return (
        Example(name, ("float32[N, 3]", "int64[N]"), 0, 3),
        Example(f'{name}(average = "micro", ignore = 0, axis = 1)', ("float32[N, 3, 4]", "int64[N, 4]"), 0, 3),
        Example(f'{name}(average = "binary", threshold = 0.5)', ("float32[N, 1]", "float32[N, 1]"), 0, 1),
    )


class Counted(Metric):
    """Base of the metrics from counts: how often a class was right, said, and true."""

    mode = "max"

    average: Literal["macro", "micro", "weighted", "binary"] = "macro"
    """The mean over classes, of all elements together, the mean weighted by how often a class is true, or class 1."""
    threshold: float = 0.0
    """For float targets: predictions above it count as 1. 0 is right for logits, 0.5 for probabilities."""
    ignore: int | None = None
    """A class whose elements do not count."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, prediction: TensorType, target: TensorType) -> None:
        if target.dtype in FLOATS and target.shape == prediction.shape:
            require_same(self.name, prediction, target)
            classes = prediction.shape[-1] if prediction.rank > 1 else 1
            fits = classes == 1
        else:
            classes = require_classes(self.name, prediction, target, self.axis)
            fits = classes == 2
        if self.average == "binary" and not fits:
            raise Fault(
                "E203",
                f'{self.name}(average = "binary") needs two classes, but {prediction} has {classes}',
                help='average = "macro" is the mean over the classes',
            )

    def parts(self, g: Graph, prediction: Value, target: Value) -> dict[str, Value]:
        said, true = (
            self._binary(g, prediction, target) if target.dtype in FLOATS else self._classes(g, prediction, target)
        )
        counts = {"right": g.op("And", said, true), "said": said, "true": true}
        axes = range(said.rank - 1)
        return {name: g.reduce("ReduceSum", g.cast(which, "float64"), axes) for name, which in counts.items()}

    def result(self, parts: Mapping[str, Any]) -> float:
        import numpy as np

        right, said, true = (np.asarray(parts[name], np.float64) for name in ("right", "said", "true"))
        if self.average == "micro":
            right, said, true = right.sum(keepdims=True), said.sum(keepdims=True), true.sum(keepdims=True)
        if self.average == "binary":
            right, said, true = right[-1:], said[-1:], true[-1:]
        top, bottom = self._score(right, said, true)
        scores = top / np.maximum(bottom, 1)
        weights = true if self.average == "weighted" else np.asarray(said + true > 0, np.float64)
        return float((scores * weights).sum() / weights.sum()) if weights.sum() else float("nan")

    def _score(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        """Numerator and denominator for each class; 0 / 0 counts as 0."""
        raise NotImplementedError

    def _binary(self, g: Graph, prediction: Value, target: Value) -> tuple[Value, Value]:
        """Which columns are said, and which are true; a column of its own where there is none."""
        said, true = g.op("Greater", prediction, self.threshold), g.op("Greater", target, 0.5)
        if said.rank > 1:
            return said, true
        last = g.constant([-1], "int64")
        return g.op("Unsqueeze", said, last), g.op("Unsqueeze", true, last)

    def _classes(self, g: Graph, logits: Value, target: Value) -> tuple[Value, Value]:
        """Which class is said, and which is true, as one row of bool for each element that counts."""
        at = self.axis % logits.rank
        classes = g.constant(list(range(known_size(self.name, logits.type, at))), "int64")
        last = g.constant([-1], "int64")
        target = g.op("Unsqueeze", g.cast(target, "int64"), last)
        said = g.op("Equal", g.op("Unsqueeze", g.op("ArgMax", logits, axis=at, keepdims=0), last), classes)
        true = g.op("Equal", target, classes)
        if self.ignore is None:
            return said, true
        kept = g.op("Not", g.op("Equal", target, self.ignore))
        return g.op("And", said, kept), g.op("And", true, kept)


@METRICS("precision")
class Precision(Counted):
    """How often a class is true where it is said: right / said.    [*, C], integers [*]

    A class that is never said has 0; a class that is neither said nor true is left out of the mean.
    """

    foreign_names = ("precision_score", "positive_predictive_value")
    examples = _examples("precision")

    def _score(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return right, said


@METRICS("recall")
class Recall(Counted):
    """How often a class is said where it is true: right / true.    [*, C], integers [*]

    A class that is never true has 0 if it is said; a class that is neither said nor true is left out of the mean.
    """

    foreign_names = ("recall_score", "sensitivity", "true_positive_rate")
    examples = _examples("recall")

    def _score(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return right, true


@METRICS("f1")
class F1(Counted):
    """The harmonic mean of precision and recall: 2 right / (said + true).    [*, C], integers [*]

    A class that is neither said nor true is left out of the mean.
    """

    foreign_names = ("f1_score", "f_measure", "F1Score", "dice")
    examples = _examples("f1")

    def _score(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return 2 * right, said + true


@METRICS("iou")
class IntersectionOverUnion(Counted):
    """What is said of a class and true, as a part of what is either: right / (said + true - right).

    [*, C], integers [*]. For masks of pixels [N, C, H, W], integers [N, H, W] with `axis = 1`. A class that is neither
    said nor true is left out of the mean. Jaccard, 1912.
    """

    foreign_names = ("mean_iou", "MeanIoU", "jaccard", "jaccard_score", "JaccardIndex", "intersection_over_union")
    examples = _examples("iou")

    def _score(self, right: Any, said: Any, true: Any) -> tuple[Any, Any]:
        return right, said + true - right
