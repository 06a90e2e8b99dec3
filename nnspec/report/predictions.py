"""What the best weights say about the rows of a split, next to what is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.training_graphs import forward_graph
from nnspec.compiler.weights import read_weights
from nnspec.data.ahead import reading
from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec, Target
from nnspec.library import registries
from nnspec.training.evaluation import batches
from nnspec.training.programs import Device

Array = np.ndarray[Any, Any]

MOST_ROWS = 50_000
"""Rows that are predicted for a report; the first ones of a larger split."""
MOST_NUMBERS = 20_000_000
"""The same of pixels or steps, where a row has many."""
CLASSES = {"cross_entropy", "accuracy", "top_k_accuracy", "precision", "recall", "f1", "iou", "auc", "perplexity"}
NUMBERS = {"mse", "mae", "huber", "r2"}


class Pair(NamedTuple):
    """A target, and the value of the model that is compared with it."""

    target: Target
    prediction: str
    axis: int
    """The axis of the classes in the prediction."""
    threshold: float
    """From where on the prediction of a float target of classes counts as 1."""
    kind: str
    """`classes`, `yes_or_no` or `numbers`."""


class Labels(NamedTuple):
    """Class numbers, true and predicted, of every element that counts."""

    target: str
    classes: tuple[str, ...]
    true: Array
    predicted: Array
    unit: str = "row"
    """What an element is: a row, or the pixel or step of one."""

    @property
    def matrix(self) -> Array:
        """How often each class (row) was taken for each class (column)."""
        size = len(self.classes)
        return np.bincount(self.true * size + self.predicted, minlength=size * size).reshape(size, size)


class Numbers(NamedTuple):
    """One column of a regression, true and predicted."""

    target: str
    true: Array
    predicted: Array
    over_time: bool = False
    """Whether successive rows are successive points of time."""

    @property
    def r2(self) -> float:
        """The part of the variance that is explained; NaN where there is none."""
        residual, total = ((self.true - self.predicted) ** 2).sum(), ((self.true - self.true.mean()) ** 2).sum()
        return float(1 - residual / total) if total > 0 else float("nan")


def pairs(spec: Spec) -> list[Pair]:
    """For every target that a report can picture, what the loss or a metric compares with it."""
    if spec.train is None:
        return []
    known = {value.name for value in (*spec.inputs, *spec.values)}
    targets = {target.name: target for target in spec.train.targets}
    found: dict[str, Pair] = {}
    for component, options, names in _comparisons(spec):
        if len(names) == 2 and names[0] in known and names[1] in targets and names[1] not in found:
            pair = _pair(component, options, targets[names[1]], names[0])
            if pair:
                found[names[1]] = pair
    return list(found.values())


def compared(spec: Spec, run: Path, classes: Mapping[str, Sequence[Any]], split: Dataset) -> list[Labels | Numbers]:
    """Predict the rows of a split with the best weights of a run."""
    wanted = [pair for pair in pairs(spec) if pair.target.name not in split.late]
    if not wanted or spec.train is None:
        return []
    predict = predictor(spec, run, [pair.prediction for pair in wanted])
    parts: dict[str, list[Array]] = {pair.target.name: [] for pair in wanted}
    each = max(split.arrays[pair.target.name].size // max(split.rows, 1) for pair in wanted)
    size = min(split.rows, MOST_ROWS, max(MOST_NUMBERS // max(each, 1), 1))
    inputs = [item.name for item in spec.inputs]
    with reading(split, batches(size, spec.train.batch_size), Device().threads) as read:
        for arrays, rows in read:
            values = predict({name: array[rows] for name, array in arrays.items() if name in inputs})
            for pair in wanted:
                parts[pair.target.name].append(decided(pair, values[pair.prediction]))
    found = [
        item
        for pair in wanted
        for item in _results(
            spec, pair, classes, split.arrays[pair.target.name], np.concatenate(parts[pair.target.name])
        )
    ]
    return [_over_time(item, split) for item in found]


def _over_time(item: Labels | Numbers, split: Dataset) -> Labels | Numbers:
    """Windows follow one another, unless all numbers of several were put into one column."""
    ordered = split.span > 1 and isinstance(item, Numbers) and len(item.true) <= split.rows
    return item._replace(over_time=True) if ordered and isinstance(item, Numbers) else item


def predictor(spec: Spec, run: Path, values: Sequence[str]) -> Callable[[Mapping[str, Array]], Mapping[str, Array]]:
    """A function from arrays by input to these values of the model, with the best weights of a run."""
    names = list(dict.fromkeys(values))
    device = Device()
    session = device.session(forward_graph(spec, registries(), {name: name for name in names}), device.threads)
    weights = read_weights(run).arrays

    def predict(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
        feeds = {**weights, **arrays}
        return session.run({name: feeds[name] for name in session.inputs}, names)

    return predict


def _comparisons(spec: Spec) -> Iterator[tuple[str, Mapping[str, Any], tuple[str, ...]]]:
    assert spec.train is not None
    for node in spec.train.nodes:
        if node.kind == "loss":
            yield node.component, node.options, node.inputs
    for item in spec.train.metrics:
        yield item.metric.component, item.metric.options, item.inputs


def _pair(component: str, options: Mapping[str, Any], target: Target, prediction: str) -> Pair | None:
    threshold = float(options.get("threshold") or 0.0)
    if component == "binary_cross_entropy" or (component in CLASSES and target.dtype.startswith("float")):
        return Pair(target, prediction, -1, threshold, "yes_or_no")
    if component in CLASSES:
        return Pair(target, prediction, int(options.get("axis", -1)), threshold, "classes")
    return Pair(target, prediction, -1, threshold, "numbers") if component in NUMBERS else None


def decided(pair: Pair, values: Array) -> Array:
    """Class numbers, where the values are logits of classes; else the values."""
    if pair.kind == "classes":
        return np.asarray(values.argmax(axis=pair.axis))
    return (values > pair.threshold).astype(np.int64) if pair.kind == "yes_or_no" else values


def _results(
    spec: Spec, pair: Pair, classes: Mapping[str, Sequence[Any]], truth: Array, predicted: Array
) -> Iterator[Labels | Numbers]:
    truth, name = truth[: len(predicted)], pair.target.name
    if truth.shape != predicted.shape:
        return
    if pair.kind == "numbers":
        yield from _columns(spec, name, truth, predicted)
        return
    true, guess = truth.ravel().astype(np.int64), predicted.ravel().astype(np.int64)
    names = class_names(pair, classes, true, guess)
    inside = (true >= 0) & (true < len(names)) & (guess < len(names))  # others are what the loss ignores
    if inside.any():
        unit = "row" if truth.size == len(truth) else "pixel" if truth.ndim in (3, 4) else "element"
        yield Labels(name, names, true[inside], guess[inside], unit)


def class_names(pair: Pair, classes: Mapping[str, Sequence[Any]], true: Array, predicted: Array) -> tuple[str, ...]:
    """The classes of a target by number; where nothing says them, as many as there are in the data."""
    most = int(max(true.max(), predicted.max())) + 1
    count = 2 if pair.kind == "yes_or_no" else pair.target.classes or most
    return tuple(str(label) for label in classes.get(pair.target.name, range(count)))


def _columns(spec: Spec, name: str, truth: Array, predicted: Array) -> Iterator[Numbers]:
    """A regression per column, under the names of the columns; all numbers at once where there are many."""
    feeds = {feed.name: feed.columns for feed in spec.data.feeds} if spec.data else {}
    columns = feeds.get(name, ())
    wide, guess = truth.reshape(len(truth), -1), predicted.reshape(len(truth), -1)
    if wide.shape[1] > 4:
        yield Numbers(name, wide.ravel().astype(np.float64), guess.ravel().astype(np.float64))
        return
    for index in range(wide.shape[1]):
        title = columns[index] if len(columns) == wide.shape[1] else name
        yield Numbers(title, wide[:, index].astype(np.float64), guess[:, index].astype(np.float64))
