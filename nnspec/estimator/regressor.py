"""The regressor."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from nnspec.data.rows import Dataset
from nnspec.estimator.base import Estimator
from nnspec.estimator.door import RegressorMixin, check_is_fitted
from nnspec.estimator.network import regressor_network
from nnspec.estimator.text import regressor_text

Array = np.ndarray[Any, Any]
HEAD = "prediction"
"""The last layer of the built-in network."""


class NNRegressor(RegressorMixin, Estimator):
    """A neural network that predicts one number or several, with scikit-learn's interface.

    The parameters are those of `NNClassifier`. A spec of one's own has one input, one float32 target, and an output
    that is compared with it. The built-in network learns y in units of its deviation from its mean; once fitted, its
    last layer gives y in its own units, in the model file too, while losses in `history_` stay relative.

    Fitted: `n_features_in_`, `feature_names_in_` (for tables), `spec_`, `history_`, `n_iter_`, `trainer_`.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from rows of features, [n_samples, n_features], and numbers, [n_samples] or [n_samples, n_outputs]."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        rows, wanted = self._rows(X, y, reset=True, multi_output=True, y_numeric=True)
        self._start(rows, wanted, stop=True)
        self._fit(self._dataset(rows, wanted))
        self._scale_head(self._spread, self._mean)
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """One pass over these rows. The first ones decide the units that the built-in network works in."""
        first = not hasattr(self, "spec_")
        rows, wanted = self._rows(X, y, reset=first, multi_output=True, y_numeric=True)
        if first:
            self._start(rows, wanted, stop=False)
        else:
            self._scale_head(1 / self._spread, -self._mean / self._spread)
        self._fit_more(self._dataset(rows, wanted))
        self._scale_head(self._spread, self._mean)
        return self

    def predict(self, X: Any) -> Array:
        """The numbers for each row: float64, in the shape of the y that was learned from."""
        check_is_fitted(self)
        found = self._results(X).astype(np.float64)
        return np.asarray(found.reshape(len(found), *self._shape))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _start(self, rows: Array, wanted: Array, *, stop: bool) -> None:
        self._shape = wanted.shape[1:]
        columns = wanted.reshape(len(wanted), -1)
        text = regressor_text(rows.shape[1], columns.shape[1], self._layers(), self.weight_decay)
        self._begin(text, regressor_network, stop=stop)
        own = self.spec is None
        self._mean = columns.mean(axis=0) if own else np.zeros(columns.shape[1])
        spread = columns.std(axis=0) if own else np.ones(columns.shape[1])
        self._spread = np.where(spread > 0, spread, 1.0)

    def _dataset(self, rows: Array, wanted: Array) -> Dataset:
        ends = self._ends
        if wanted.shape[1:] != self._shape:
            raise ValueError(f"y has the shape {list(wanted.shape)}, and was [{len(wanted)}{self._columns()}] before")
        scaled = (wanted.reshape(len(wanted), -1) - self._mean) / self._spread
        sizes = [size for size in ends.target.shape[1:] if isinstance(size, int)]
        if int(np.prod(sizes)) != scaled.shape[1]:
            raise ValueError(f"y has {scaled.shape[1]} columns, the spec wants {ends.target.type}")
        target = scaled.reshape(len(wanted), *sizes).astype(ends.target.dtype)
        return Dataset({ends.input.name: ends.shaped(rows), ends.target.name: target}, len(rows))

    def _columns(self) -> str:
        return "".join(f", {size}" for size in self._shape)

    def _scale_head(self, factor: Array, shift: Array) -> None:
        """Let the last layer of the built-in network give its outputs times `factor` plus `shift`."""
        if self.spec is not None:
            return
        parameters = self.trainer_.parameters
        weight, bias = parameters[f"{HEAD}.weight"], parameters[f"{HEAD}.bias"]
        scaled = {f"{HEAD}.weight": weight * factor[:, None], f"{HEAD}.bias": bias * factor + shift}
        self.trainer_.load_parameters(scaled, strict=False)
