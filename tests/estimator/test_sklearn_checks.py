"""scikit-learn's own checks of its conventions."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from nnspec import NNClassifier, NNRegressor

EXPECTED_FAILURES: dict[str, str] = {}
"""Check to the reason why it cannot pass. All of scikit-learn 1.9 pass; one that has to stand here needs a reason."""


@parametrize_with_checks([NNClassifier(), NNRegressor()], expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learn_finds_its_conventions(estimator: Any, check: Any) -> None:
    check(estimator)
