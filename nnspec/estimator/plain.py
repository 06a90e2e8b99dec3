"""What the estimators need of scikit-learn, for when it is not installed: the same names, conventions and outcomes,
with fewer checks."""

from __future__ import annotations

from inspect import signature
from typing import Any, Self

import numpy as np

Array = np.ndarray[Any, Any]


class NotFittedError(ValueError, AttributeError):
    """A fitted attribute is asked for before `fit`."""


class BaseEstimator:
    """Parameters are the arguments of `__init__`, kept under their names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name. `deep` is for estimators that hold others, and these hold none."""
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name. Raises ValueError for an unknown one."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {list(known)!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = {name: item.default for name, item in signature(type(self)).parameters.items()}
        changed = {name: value for name, value in self.get_params().items() if value is not defaults[name]}
        shown = ", ".join(f"{name}={value!r}" for name, value in changed.items() if repr(value) != repr(defaults[name]))
        return f"{type(self).__name__}({shown})"

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __sklearn_tags__(self) -> Any:
        raise NotImplementedError("tags are scikit-learn's")


class ClassifierMixin:
    """Scored by accuracy."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of rows with the right class."""
        found = self.predict(X) == np.asarray(y)  # type: ignore[attr-defined]
        return float(np.average(found, weights=sample_weight))


class RegressorMixin:
    """Scored by R²."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination, the mean over the columns of y."""
        wanted = np.asarray(y, np.float64)
        weight = np.ones(len(wanted)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        off = np.average((self.predict(X) - wanted) ** 2, axis=0, weights=weight)  # type: ignore[attr-defined]
        spread = np.average((wanted - np.average(wanted, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
        return float(np.mean(1 - off / np.where(spread > 0, spread, 1)))


def check_is_fitted(estimator: Any) -> None:
    """Raise NotFittedError before `fit`."""
    if not hasattr(estimator, "spec_"):
        raise NotFittedError(f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' first.")


def check_classification_targets(y: Any) -> None:
    """Raise ValueError for numbers that are no classes."""
    values = np.asarray(y)
    if values.dtype.kind == "f" and (values != np.round(values)).any():
        raise ValueError("Unknown label type: continuous. A classifier needs classes, not measured numbers.")


def validate_data(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    reset: bool = True,
    dtype: Any = None,
    allow_nd: bool = False,
    multi_output: bool = False,
    y_numeric: bool = False,
) -> Any:
    """X, or X and y, as arrays. Raises ValueError for what cannot be learned from, or where the columns are not those
    that the estimator was fitted on."""
    names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    if hasattr(X, "toarray"):
        raise TypeError("Sparse data was passed for X, but dense data is required. Use '.toarray()'.")
    rows = np.asarray(X, dtype)
    if rows.ndim < 2 or (rows.ndim > 2 and not allow_nd):
        raise ValueError(f"Expected 2D array, got {rows.ndim}D array instead: one row per sample.")
    if 0 in rows.shape:
        raise ValueError(f"Found array with 0 sample(s) or feature(s) (shape={rows.shape}).")
    if not np.isfinite(rows).all():
        raise ValueError("Input X contains NaN or infinity.")
    _check_columns(estimator, rows.shape[1], names, reset)
    return rows if y is None else (rows, _wanted(y, len(rows), multi_output, y_numeric))


def _check_columns(estimator: Any, count: int, names: list[str] | None, reset: bool) -> None:
    if reset:
        estimator.n_features_in_ = count
        if names is not None:
            estimator.feature_names_in_ = np.array(names, object)
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return
    known = getattr(estimator, "feature_names_in_", None)
    if names is not None and known is not None and names != list(known):
        raise ValueError(f"The feature names should match those that were passed during fit: {list(known)}.")
    if count != estimator.n_features_in_:
        raise ValueError(
            f"X has {count} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} features "
            "as input."
        )


def _wanted(y: Any, rows: int, multi_output: bool, numeric: bool) -> Array:
    values = np.asarray(y, np.float64 if numeric else None)
    if values.ndim == 2 and values.shape[1] == 1 and not multi_output:
        values = values[:, 0]
    if values.ndim != 1 and not (multi_output and values.ndim == 2):
        raise ValueError(f"y should be a 1d array, got an array of shape {values.shape} instead.")
    if len(values) != rows:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[rows, len(values)]}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("Input y contains NaN or infinity.")
    return values
