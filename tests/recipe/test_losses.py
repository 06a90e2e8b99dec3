"""Losses against NumPy in float64, by PyTorch's definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from part_graphs import N, build, compute

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(7, 4)).astype(np.float32)
CLASSES = RANDOM.integers(0, 4, 7)
X, T = RANDOM.normal(size=(2, 7, 3)).astype(np.float32)


def loss(call: str, prediction: Any, target: Any) -> float:
    return float(compute(build("loss", call), "lower", prediction, target, rows=N)["result"])


def cross_entropy(
    logits: Any, classes: Any, smoothing: float = 0.0, ignore: int | None = None, weight: Any = None, axis: int = -1
) -> float:
    """PyTorch: (1 - ε) Σ w[y] nll / Σ w[y] + ε/C Σᵢ Σ_c -w_c log p / Σ w[y], over what is not ignored."""
    rows = np.moveaxis(logits.astype(np.float64), axis, -1).reshape(-1, logits.shape[axis])
    classes, count = classes.reshape(-1), rows.shape[1]
    log_p = rows - np.log(np.exp(rows - rows.max(1, keepdims=True)).sum(1, keepdims=True)) - rows.max(1, keepdims=True)
    weight = np.ones(count) if weight is None else np.asarray(weight)
    kept = np.ones(len(classes), bool) if ignore is None else classes != ignore
    log_p, classes = log_p[kept], classes[kept]
    total = weight[classes].sum()
    nll = -(weight[classes] * log_p[np.arange(len(classes)), classes]).sum() / total
    return float((1 - smoothing) * nll + smoothing / count * -(weight * log_p).sum() / total)


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("cross_entropy", {}),
        ("cross_entropy(label_smoothing = 0.1)", {"smoothing": 0.1}),
        ("cross_entropy(ignore = 2)", {"ignore": 2}),
        ("cross_entropy(ignore = -100)", {"ignore": -100}),
        ("cross_entropy(weight = [0.1, 0.2, 0.3, 4])", {"weight": [0.1, 0.2, 0.3, 4]}),
        ("cross_entropy(0.2, 1, [0.1, 0.2, 0.3, 4])", {"smoothing": 0.2, "ignore": 1, "weight": [0.1, 0.2, 0.3, 4]}),
    ],
)
def test_cross_entropy(call: str, options: dict[str, Any]) -> None:
    classes = np.where(np.arange(7) == 3, -100, CLASSES) if options.get("ignore") == -100 else CLASSES
    assert loss(call, LOGITS, classes) == pytest.approx(cross_entropy(LOGITS, classes, **options), rel=1e-5)


def test_cross_entropy_of_sequences_and_images() -> None:
    logits, classes = RANDOM.normal(size=(3, 5, 4)).astype(np.float32), RANDOM.integers(0, 4, (3, 5))
    assert loss("cross_entropy", logits, classes) == pytest.approx(cross_entropy(logits, classes), rel=1e-5)
    images, places = RANDOM.normal(size=(3, 4, 2, 2)).astype(np.float32), RANDOM.integers(0, 4, (3, 2, 2))
    found = loss("cross_entropy(label_smoothing = 0.1, weight = [1, 2, 3, 4], axis = 1)", images, places)
    assert found == pytest.approx(cross_entropy(images, places, 0.1, weight=[1, 2, 3, 4], axis=1), rel=1e-5)


def test_cross_entropy_of_extreme_logits_is_finite() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
    assert loss("cross_entropy", logits, np.array([1, 1])) == pytest.approx(1e4)


def test_cross_entropy_of_nothing_is_zero() -> None:
    assert loss("cross_entropy(ignore = 0)", LOGITS[:2], np.array([0, 0])) == 0


POINTWISE = {
    "binary_cross_entropy": lambda x, t: (np.logaddexp(0, x) - x * t).mean(),
    "hinge": lambda x, t: np.maximum(0, 1 - x * t).mean(),
    "kl_divergence": lambda x, t: (t * (np.log(t) - x)).mean(),
    "mse": lambda x, t: ((x - t) ** 2).mean(),
    "mae": lambda x, t: np.abs(x - t).mean(),
    "huber": lambda x, t: np.where(np.abs(x - t) <= 1, (x - t) ** 2 / 2, np.abs(x - t) - 0.5).mean(),
    "huber(delta = 0.5)": lambda x, t: np.where(
        np.abs(x - t) <= 0.5, (x - t) ** 2 / 2, 0.5 * (np.abs(x - t) - 0.25)
    ).mean(),
    "cosine": lambda x, t: (1 - (x * t).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(t, axis=-1)).mean(),
    "cosine(axis = 1)": lambda x, t: (
        1 - (x * t).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(t, axis=1)
    ).mean(),
}


@pytest.mark.parametrize("call", POINTWISE)
def test_pointwise(call: str) -> None:
    target = np.abs(T) if call == "kl_divergence" else T
    wanted = POINTWISE[call](X.astype(np.float64), target.astype(np.float64))
    assert loss(call, X, target) == pytest.approx(float(wanted), rel=1e-5)


LENGTHS = np.array([3, 0, 5, 1, 5])


@pytest.mark.parametrize("call", [call for call in POINTWISE if not call.startswith("cosine")])
@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 2)], ids=str)
def test_padding_counts_nothing_in_pointwise_losses(call: str, shape: tuple[int, ...]) -> None:
    """The mean over what is no padding, whatever stands there; 0 where all is."""
    x, t = (np.abs(RANDOM.normal(size=shape)).astype(np.float32) for _ in range(2))
    kept = np.arange(5) < LENGTHS[:, None]
    wanted = POINTWISE[call](x[kept].astype(np.float64), t[kept].astype(np.float64))
    x[~kept], t[~kept] = np.nan, np.inf
    component = build("loss", call)
    assert float(compute(component, "lower", x, t, rows=N, lengths=LENGTHS)["result"]) == pytest.approx(wanted, 1e-5)
    assert float(compute(component, "lower", x, t, rows=N, lengths=LENGTHS * 0)["result"]) == 0


def test_padding_counts_nothing_in_cross_entropy() -> None:
    logits, classes = RANDOM.normal(size=(5, 5, 4)).astype(np.float32), RANDOM.integers(0, 4, (5, 5))
    kept = np.arange(5) < LENGTHS[:, None]
    classes[~kept] = -7
    for call, options in (("cross_entropy", {}), ("cross_entropy(0.1, 2)", {"smoothing": 0.1, "ignore": 2})):
        found = compute(build("loss", call), "lower", logits, classes, rows=N, lengths=LENGTHS)["result"]
        assert float(found) == pytest.approx(cross_entropy(logits[kept], classes[kept], **options), rel=1e-5)


def test_binary_cross_entropy_also_far_out() -> None:
    x, t = np.array([-200, -1, 0, 2, 200], np.float32), np.array([0, 1, 0.5, 0.25, 1], np.float32)
    wide = x.astype(np.float64)
    wanted = np.logaddexp(0, wide) - wide * t
    assert loss("binary_cross_entropy", x, t) == pytest.approx(wanted.mean(), rel=1e-6)
    assert loss("binary_cross_entropy", x[:1], 1 - t[:1]) == pytest.approx(200)


def test_hinge() -> None:
    x, t = np.array([0.3, -2, 1.5], np.float32), np.array([1, 1, -1], np.float32)
    assert loss("hinge", x, t) == pytest.approx((0.7 + 3 + 2.5) / 3)


def test_kl_divergence_is_that_of_pytorch_and_takes_zeros() -> None:
    t = np.array([[0.5, 0.5, 0], [0.2, 0.3, 0.5]], np.float32)
    log_q = np.log(np.array([[0.2, 0.2, 0.6], [0.2, 0.3, 0.5]], np.float32))
    wanted = np.where(t > 0, t * (np.log(np.maximum(t, 1e-30)) - log_q), 0).mean()
    assert loss("kl_divergence", log_q, t) == pytest.approx(float(wanted), rel=1e-5)


def test_cosine_of_zero_vectors_is_finite() -> None:
    assert loss("cosine", np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)) == 1
