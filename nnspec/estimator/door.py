"""The one door to scikit-learn: its base classes and checks of input where it is installed, and plain ones in their
place where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    INSTALLED: bool
    from nnspec.estimator.plain import (
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
        check_classification_targets,
        check_is_fitted,
        validate_data,
    )
else:
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import check_is_fitted, validate_data

        INSTALLED = True
    except ImportError:  # not installed, or older than 1.6
        from nnspec.estimator.plain import (
            BaseEstimator,
            ClassifierMixin,
            RegressorMixin,
            check_classification_targets,
            check_is_fitted,
            validate_data,
        )

        INSTALLED = False

__all__ = [
    "INSTALLED",
    "BaseEstimator",
    "ClassifierMixin",
    "RegressorMixin",
    "check_classification_targets",
    "check_is_fitted",
    "validate_data",
]
