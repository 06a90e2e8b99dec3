"""Initial values of convolutions: each group has the fans of its own weight, and transposes have theirs the other way.

PyTorch and Keras take the fans of a whole grouped weight, by which a depthwise convolution of 512 channels begins 16
times too small, and exchange those of transposed convolutions.
"""

from __future__ import annotations

import numpy as np
import pytest

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.library import registries

CASES = {
    "conv2d(64, 3, init = {})": ((64, 32, 3, 3), 32 * 9, 64 * 9),
    "conv2d(64, 3, groups = 4, init = {})": ((64, 8, 3, 3), 8 * 9, 16 * 9),
    "depthwise_conv2d(5, multiplier = 8, init = {})": ((256, 1, 5, 5), 25, 8 * 25),
    "conv_transpose2d(64, 3, init = {})": ((32, 64, 3, 3), 32 * 9, 64 * 9),
    "conv_transpose2d(128, [3, 2], groups = 4, init = {})": ((32, 32, 3, 2), 8 * 6, 32 * 6),
}
"""Shape of the weight for 32 channels, fan in and fan out."""


@pytest.mark.parametrize("call", CASES)
def test_variances(call: str) -> None:
    shape, inputs, outputs = CASES[call]
    wanted = {"glorot_uniform()": 2 / (inputs + outputs), "he_normal()": 2 / inputs, "lecun_normal()": 1 / inputs}
    for init, variance in wanted.items():
        weight = drawn(call.format(init))
        assert weight.shape == shape and weight.dtype == np.float32
        assert weight.var() == pytest.approx(variance, rel=0.06), init


def test_groups_are_orthogonal_by_themselves() -> None:
    for weight in np.split(drawn("conv2d(64, 3, groups = 4, init = orthogonal())"), 4):
        np.testing.assert_allclose(weight.reshape(16, -1) @ weight.reshape(16, -1).T, np.eye(16), atol=1e-6)
    for weight in np.split(drawn("conv_transpose2d(32, 3, groups = 4, init = orthogonal())"), 4):
        rows = weight.swapaxes(0, 1).reshape(8, -1)
        np.testing.assert_allclose(rows @ rows.T, np.eye(8), atol=1e-6)


def test_groups_are_not_copies() -> None:
    first, second = np.split(drawn("conv2d(8, 3, groups = 2, init = he_normal())"), 2)
    assert not np.any(first == second)


def drawn(call: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    spec = nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: float32[N, 32, 9, 9]\n  output y = {call}\n}}\n")
    return initial_values(spec, registries(), 0)["y.weight"]
