"""Precision, recall, F1, IoU and AUC over two batches against their definitions over all rows, element by element."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import pytest
from part_graphs import build
from test_metrics import metric

RANDOM = np.random.default_rng(2)
LOGITS = RANDOM.normal(size=(60, 4)).astype(np.float32)
CLASSES = RANDOM.choice(4, 60, p=[0.6, 0.25, 0.15, 0])
"""The last class is never true, and sometimes said."""
SCORES = RANDOM.normal(size=(60, 3)).astype(np.float32)
TRUTH = (SCORES + RANDOM.normal(0, 2, (60, 3)) > 0.4).astype(np.float32)
COUNTED, AVERAGES = ("precision", "recall", "f1", "iou"), ("macro", "micro", "weighted")


def score(kind: str, said: Any, true: Any) -> float:
    """For one class, from lists of bool."""
    right = sum(a and b for a, b in zip(said, true, strict=True))
    precision = right / sum(said) if sum(said) else 0.0
    recall = right / sum(true) if sum(true) else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    iou = right / either if (either := sum(a or b for a, b in zip(said, true, strict=True))) else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "iou": iou}[kind]


def averaged(kind: str, average: str, said: Any, true: Any) -> float:
    """From bool tables with a column for each class."""
    if average == "micro":
        return score(kind, said.ravel(), true.ravel())
    present = [c for c in range(said.shape[1]) if said[:, c].any() or true[:, c].any()]
    scores = [score(kind, said[:, c], true[:, c]) for c in present]
    return float(np.average(scores, weights=[true[:, c].sum() for c in present] if average == "weighted" else None))


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("average", AVERAGES)
def test_counts_of_classes(kind: str, average: str) -> None:
    said, true = LOGITS.argmax(1)[:, None] == np.arange(4), CLASSES[:, None] == np.arange(4)
    assert metric(f'{kind}(average = "{average}")', LOGITS, CLASSES) == pytest.approx(
        averaged(kind, average, said, true)
    )
    kept = CLASSES != 1
    found = metric(f'{kind}(average = "{average}", ignore = 1)', LOGITS, CLASSES)
    assert found == pytest.approx(averaged(kind, average, said[kept], true[kept]))


@pytest.mark.parametrize("kind", COUNTED)
@pytest.mark.parametrize("average", AVERAGES)
def test_counts_of_columns(kind: str, average: str) -> None:
    found = metric(f'{kind}(average = "{average}", threshold = 0.5)', SCORES, TRUTH)
    assert found == pytest.approx(averaged(kind, average, SCORES > 0.5, TRUTH > 0.5))


@pytest.mark.parametrize("kind", COUNTED)
def test_yes_or_no(kind: str) -> None:
    wanted = score(kind, SCORES[:, 0] > 0, TRUTH[:, 0] > 0)
    for call in (kind, f'{kind}(average = "binary")'):
        assert metric(call, SCORES[:, 0], TRUTH[:, 0]) == pytest.approx(wanted)
        assert metric(call, SCORES[:, :1], TRUTH[:, :1]) == pytest.approx(wanted)
    two = np.stack([np.zeros(60, np.float32), SCORES[:, 0]], 1)
    assert metric(f'{kind}(average = "binary")', two, TRUTH[:, 0].astype(np.int64)) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", COUNTED)
def test_counts_of_images(kind: str) -> None:
    images, places = RANDOM.normal(size=(20, 4, 3)).astype(np.float32), RANDOM.integers(0, 4, (20, 3))
    rows = np.moveaxis(images, 1, -1).reshape(-1, 4)
    assert metric(f"{kind}(axis = 1)", images, places) == pytest.approx(metric(kind, rows, places.ravel()))


def test_classes_that_nobody_says_or_has_are_left_out() -> None:
    logits, classes = np.eye(4, dtype=np.float32)[[0, 1, 0, 0]], np.array([0, 1, 1, 0])
    assert metric("precision", logits, classes, cut=2) == pytest.approx((2 / 3 + 1) / 2)
    assert metric("recall", logits, classes, cut=2) == pytest.approx((1 + 1 / 2) / 2)
    assert metric("iou", logits, classes, cut=2) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert isnan(metric("f1(ignore = 0)", logits, np.zeros(4, np.int64), cut=2))


def test_binary_needs_two_classes() -> None:
    from nnspec.diagnostics.errors import Fault
    from nnspec.ir.types import TensorType

    component: Any = build("metric", 'f1(average = "binary")')
    with pytest.raises(Fault, match="needs two classes"):
        component.infer(TensorType("float32", (5, 3)), TensorType("int64", (5,)))


def area(score: Any, true: Any) -> float:
    """The part of the pairs that are in order, ties counting half."""
    pairs = [(a > b) + 0.5 * (a == b) for a in score[true] for b in score[~true]]
    return float(np.mean(pairs))


@pytest.mark.parametrize("steps", [0.01, 0.5, 3])
def test_area_with_ties(steps: float) -> None:
    coarse = (np.round(SCORES / steps) * steps).astype(np.float32)
    wanted = [area(coarse[:, c], TRUTH[:, c] > 0.5) for c in range(3)]
    assert metric("auc", coarse, TRUTH) == pytest.approx(np.mean(wanted), rel=1e-12)
    assert metric("auc", coarse[:, 0], TRUTH[:, 0]) == pytest.approx(wanted[0], rel=1e-12)
    two = np.stack([np.zeros(60, np.float32), coarse[:, 0]], 1)
    assert metric("auc", two, TRUTH[:, 0].astype(np.int64)) == pytest.approx(wanted[0], rel=1e-12)


def test_area_of_classes_is_that_of_each_against_the_rest() -> None:
    powers = np.exp(LOGITS.astype(np.float64))
    softmax = powers / powers.sum(1, keepdims=True)
    wanted = [area(softmax[:, c], c == CLASSES) for c in range(3)]  # nothing is of class 3
    assert metric("auc", LOGITS, CLASSES) == pytest.approx(np.mean(wanted), rel=1e-12)
    kept = CLASSES != 0
    wanted = [area(softmax[kept, c], CLASSES[kept] == c) for c in (1, 2)]
    assert metric("auc(ignore = 0)", LOGITS, CLASSES) == pytest.approx(np.mean(wanted), rel=1e-12)
    images = np.moveaxis(LOGITS.reshape(20, 3, 4), -1, 1).copy()
    assert metric("auc(axis = 1)", images, CLASSES.reshape(20, 3)) == metric("auc", LOGITS, CLASSES)


def test_area_far_out_and_of_nothing() -> None:
    far = np.array([[0, 60], [0, 61], [0, 80], [0, -90]], np.float32)
    assert metric("auc", far, np.array([0, 1, 1, 0]), cut=2) == 1
    assert isnan(metric("auc", far, np.zeros(4, np.int64), cut=2))
