"""Metrics over two batches, added, against NumPy over all rows."""

from __future__ import annotations

from math import exp, isnan
from typing import Any

import numpy as np
import pytest
from part_graphs import N, build, compute

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(50, 5)).astype(np.float32)
CLASSES = RANDOM.integers(0, 5, 50)
X, T = RANDOM.normal(size=(2, 50, 3)).astype(np.float32)


def metric(call: str, prediction: Any, target: Any, cut: int = 17) -> float:
    """The metric from two batches."""
    component: Any = build("metric", call)
    batches = [
        compute(component, "parts", prediction[part], target[part], rows=N)
        for part in (slice(0, cut), slice(cut, None))
    ]
    if component.combine == "concat":
        return float(component.result({name: np.concatenate([part[name] for part in batches]) for name in batches[0]}))
    assert all(sums.dtype == np.float64 for sums in batches[0].values())
    return float(component.result({name: batches[0][name] + batches[1][name] for name in batches[0]}))


def test_accuracy() -> None:
    right = LOGITS.argmax(1) == CLASSES
    assert metric("accuracy", LOGITS, CLASSES) == pytest.approx(right.mean())
    assert metric("accuracy(ignore = 2)", LOGITS, CLASSES) == pytest.approx(right[CLASSES != 2].mean())
    images, places = RANDOM.normal(size=(20, 4, 3)).astype(np.float32), RANDOM.integers(0, 4, (20, 3))
    assert metric("accuracy(axis = 1)", images, places) == pytest.approx((images.argmax(1) == places).mean())


def test_accuracy_of_yes_or_no() -> None:
    truth = (T > 0).astype(np.float32)
    assert metric("accuracy", X, truth) == pytest.approx(((X > 0) == (T > 0)).mean())
    assert metric("accuracy(threshold = 0.5)", X, truth) == pytest.approx(((X > 0.5) == (T > 0)).mean())


def test_top_k_accuracy() -> None:
    hits = (np.argsort(-LOGITS, axis=1)[:, :2] == CLASSES[:, None]).any(1)
    assert metric("top_k_accuracy(k = 2)", LOGITS, CLASSES) == pytest.approx(hits.mean())
    assert metric("top_k_accuracy(2, ignore = 1)", LOGITS, CLASSES) == pytest.approx(hits[CLASSES != 1].mean())
    assert metric("top_k_accuracy(k = 1)", LOGITS, CLASSES) == metric("accuracy", LOGITS, CLASSES)


def test_perplexity() -> None:
    wide = LOGITS.astype(np.float64)
    nll = np.log(np.exp(wide).sum(1)) - wide[np.arange(50), CLASSES]
    assert metric("perplexity", LOGITS, CLASSES) == pytest.approx(exp(nll.mean()), rel=1e-5)
    assert metric("perplexity(ignore = 0)", LOGITS, CLASSES) == pytest.approx(exp(nll[CLASSES != 0].mean()), rel=1e-5)


def test_mae_mse_r2() -> None:
    x, t = X.astype(np.float64), T.astype(np.float64)
    assert metric("mae", X, T) == pytest.approx(np.abs(x - t).mean())
    assert metric("mse", X, T) == pytest.approx(((x - t) ** 2).mean())
    scores = 1 - ((x - t) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)
    assert metric("r2", X, T) == pytest.approx(scores.mean())
    assert metric("r2", X[:, 0], T[:, 0]) == pytest.approx(scores[0])


def test_r2_far_from_zero_and_of_a_constant_target() -> None:
    t = (1e4 + T[:, :1]).astype(np.float32)
    x = t + X[:, :1].astype(np.float32)
    gap, wide = (x.astype(np.float64) - t), t.astype(np.float64)
    assert metric("r2", x, t) == pytest.approx(1 - (gap**2).sum() / ((wide - wide.mean()) ** 2).sum(), rel=1e-6)
    constant = np.full((50, 1), 3, np.float32)
    assert (metric("r2", constant, constant), metric("r2", constant + 1, constant)) == (1, 0)


def test_counts_and_area_of_four_rows() -> None:
    logits = np.array([[2, 1], [0, 1], [3, 0], [0, 2]], np.float32)
    classes = np.array([0, 1, 1, 1])
    assert metric("precision", logits, classes) == pytest.approx((1 / 2 + 1) / 2)
    assert metric("recall", logits, classes) == pytest.approx((1 + 2 / 3) / 2)
    assert metric("f1", logits, classes) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metric("iou", logits, classes) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert metric("auc", logits, classes) == pytest.approx(2 / 3)


def test_nothing_counted_is_no_number() -> None:
    assert isnan(metric("accuracy(ignore = 0)", LOGITS, np.zeros(50, np.int64)))
