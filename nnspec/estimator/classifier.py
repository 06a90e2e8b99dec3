"""The classifier."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import numpy as np

from nnspec.data.rows import Dataset
from nnspec.estimator.base import Estimator
from nnspec.estimator.door import ClassifierMixin, check_classification_targets, check_is_fitted
from nnspec.estimator.network import classifier_network
from nnspec.estimator.text import classifier_text

Array = np.ndarray[Any, Any]


class NNClassifier(ClassifierMixin, Estimator):
    """A neural network that classifies, with scikit-learn's interface.

    `spec` is a `nnspec.Spec`, the path of a `.nn` file, or its text, with one input, one label target and a
    `cross_entropy`; `settings` are parameters of its model. Without it the network is `hidden` layers with `activation`
    and `dropout` over standardized columns, trained by AdamW with `weight_decay`.

    `epochs`, `batch_size` and `learning_rate` are those of the spec unless given; the built-in network has 100, 32 and
    0.005. `early_stopping` holds out `validation_fraction` of the rows, stops after `patience` epochs without a lower
    loss over them, and keeps the best weights. `random_state` is a seed, by default the spec's, so that two fits are
    equal. `verbose` prints a line per epoch.

    Fitted: `classes_`, `n_features_in_`, `feature_names_in_` (for tables), `spec_`, `history_`, `n_iter_`, `trainer_`.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from rows of features, [n_samples, n_features], and their classes."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        rows, labels = self._rows(X, y, reset=True)
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._start(rows, stop=True)
        return self._fit(self._dataset(rows, numbers))

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One pass over these rows. The first call needs all classes, in `classes` or among the labels."""
        first = not hasattr(self, "spec_")
        rows, labels = self._rows(X, y, reset=first)
        check_classification_targets(labels)
        if first:
            self.classes_ = np.unique(labels if classes is None else classes)
            self._start(rows, stop=False)
        numbers = np.minimum(np.searchsorted(self.classes_, labels), len(self.classes_) - 1)
        unknown = labels[self.classes_[numbers] != labels]
        if len(unknown):
            raise ValueError(f"{unknown.tolist()[0]!r} is none of the classes {self.classes_.tolist()}")
        return self._fit_more(self._dataset(rows, numbers))

    def predict(self, X: Any) -> Array:
        """The likeliest class of each row."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self._results(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`: float64 [n_samples, n_classes]."""
        found = self._results(X).astype(np.float64)
        if self._ends.logits:
            found = np.exp(found - found.max(axis=1, keepdims=True))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of the probabilities."""
        return np.asarray(np.log(self.predict_proba(X)))

    def _start(self, rows: Array, *, stop: bool) -> None:
        layers = self._layers()
        text = classifier_text(rows.shape[1], len(self.classes_), layers, self.weight_decay)
        self._begin(text, partial(classifier_network, len(self.classes_)), stop=stop)

    def _dataset(self, rows: Array, numbers: Array) -> Dataset:
        ends = self._ends
        arrays = {ends.input.name: ends.shaped(rows), ends.target.name: numbers.astype(np.int64)}
        return Dataset(arrays, len(rows), self._class_names())

    def _class_names(self) -> dict[str, tuple[Any, ...]]:
        names = [label if isinstance(label, str | int) else str(label) for label in self.classes_.tolist()]
        return {self._ends.target.name: tuple(names)}
