"""Metrics of the order into which scores bring the elements of a whole split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nnspec.ir.components import Example
from nnspec.ir.dims import product
from nnspec.ir.types import FLOATS, TensorType
from nnspec.recipe.base import METRICS, Metric
from nnspec.recipe.fits import require_answers

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@METRICS("auc")
class Auc(Metric):
    """The area under the ROC curve: how often an element of a class scores more than one that is not of it, ties
    counting half.    [*, C], integers [*]

    Mann and Whitney, 1947. For classes the score is the softmax of the logits, and the result the mean over the
    classes, each against the rest; for a float target of the prediction's shape, the mean over the columns. A class
    that has all elements or none is left out. It is exact, and keeps all scores of a split.
    """

    mode = "max"
    combine: ClassVar[Literal["sum", "concat"]] = "concat"
    foreign_names = ("roc_auc", "roc_auc_score", "auroc", "AUROC")
    examples = (
        Example("auc", ("float32[N, 3]", "int64[N]"), 0, 3),
        Example("auc(ignore = 0, axis = 1)", ("float32[N, 3, 4]", "int64[N, 4]"), 0, 3),
        Example("auc", ("float32[N, 1]", "float32[N, 1]"), 0, 1),
    )

    ignore: int | None = None
    """A class whose elements do not count."""
    axis: int = -1
    """The axis of the classes in the logits."""

    def infer(self, prediction: TensorType, target: TensorType) -> None:
        require_answers(self.name, prediction, target, self.axis)

    def parts(self, g: Graph, prediction: Value, target: Value) -> dict[str, Value]:
        """Scores and what is true: a row for each element, a column for each class; classes as numbers, [rows]."""
        if target.dtype in FLOATS:
            columns = prediction.shape[-1] if prediction.rank > 1 else 1
            shape = (product(prediction.shape[:-1]) if prediction.rank > 1 else prediction.shape[0], columns)
            return {"score": g.reshape(prediction, shape), "true": g.reshape(g.op("Greater", target, 0.5), shape)}
        at = self.axis % prediction.rank
        order = [axis for axis in range(prediction.rank) if axis != at]
        rows = product(target.shape)
        score = g.reshape(g.transpose(prediction, [*order, at]), (rows, prediction.shape[at]))
        return {"score": score, "class": g.reshape(g.cast(target, "int64"), (rows,))}

    def result(self, parts: Mapping[str, Any]) -> float:
        import numpy as np

        score = np.asarray(parts["score"])
        if "true" in parts:
            true = np.asarray(parts["true"])
        else:
            classes = np.asarray(parts["class"])
            kept = classes != self.ignore
            score, classes = _log_odds(score[kept]), classes[kept]
            true = classes[:, None] == np.arange(score.shape[1])
        areas = [_area(score[:, column], true[:, column]) for column in range(score.shape[1])]
        known = [area for area in areas if area is not None]
        return float(np.mean(known)) if known else float("nan")


def _log_odds(logits: Any) -> Any:
    """log p - log(1 - p) of the softmax p, which has its order, but does not run together near 0 and 1."""
    import numpy as np

    wide = logits.astype(np.float64)
    if wide.shape[1] == 1:
        return wide
    rows, best = np.arange(len(wide)), wide.argmax(1)
    top = wide[rows, best][:, None]
    rest = wide.copy()
    rest[rows, best] = -np.inf
    second = rest.max(1, keepdims=True)
    tail = second + np.log(np.exp(rest - second).sum(1, keepdims=True))  # log Σ exp of all but the greatest
    others = top + np.log1p(np.maximum(np.exp(tail - top) - np.exp(wide - top), 0))
    others[rows, best] = tail[:, 0]
    return wide - others


def _area(score: Any, true: Any) -> float | None:
    """From the ranks of the scores, equal ones sharing the mean of theirs; None where one side is empty."""
    import numpy as np

    positive = int(true.sum())
    negative = len(true) - positive
    if not positive or not negative:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[true].sum() - positive * (positive + 1) / 2) / (positive * negative))
