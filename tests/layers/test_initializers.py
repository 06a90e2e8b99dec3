"""Initializers: variance, bounds, orthogonality, and the fans of weights [out, in, *kernel]."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from library_cases import build

SHAPE = (64, 32, 3, 3)
FAN_IN, FAN_OUT = 32 * 9, 64 * 9

VARIANCES = {
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    'he_uniform("fan_out")': 2 / FAN_OUT,
    'he_normal(mode = "fan_out")': 2 / FAN_OUT,
    "lecun_normal": 1 / FAN_IN,
    "normal(0.5)": 0.25,
    "uniform(-3, 3)": 3.0,
    "zeros": 0.0,
    "ones": 0.0,
}


def sample(call: str, shape: tuple[int, ...]) -> Any:
    initializer: Any = build("initializer", call)
    return initializer.sample(np.random.default_rng(0), shape)


@pytest.mark.parametrize("call", VARIANCES)
def test_variance(call: str) -> None:
    values = sample(call, SHAPE)
    assert values.shape == SHAPE and values.dtype == np.float64
    assert values.var() == pytest.approx(VARIANCES[call], rel=0.05, abs=1e-12)


def test_means_and_bounds() -> None:
    assert sample("normal(0.1, mean = 3)", (10_000,)).mean() == pytest.approx(3, abs=0.01)
    limit = np.sqrt(6 / (FAN_IN + FAN_OUT))
    assert 0.99 * limit < np.abs(sample("glorot_uniform", SHAPE)).max() <= limit
    assert sample("ones", (2, 3)).tolist() == [[1, 1, 1]] * 2
    assert not sample("zeros", (4,)).any()


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (4, 2, 3)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = sample("orthogonal(2)", shape).reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


@pytest.mark.parametrize("call", ["glorot_uniform", "he_normal", "orthogonal", "lecun_normal"])
@pytest.mark.parametrize("shape", [(), (7,), (1, 1)])
def test_vectors_and_scalars_work(call: str, shape: tuple[int, ...]) -> None:
    assert sample(call, shape).shape == shape
