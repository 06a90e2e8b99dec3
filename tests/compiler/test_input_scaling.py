"""Scaling of inputs in the deployed file: part of the weights behind it, where nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.library import registries

IMAGES, ROWS = "uint8[N, 3, 6, 6]", "float32[N, 4]"


def compiled(body: str, type: str, mean: float = 5.0) -> tuple[list[str], nnspec.Spec, dict[str, Any], Any]:
    """The operators of the file, the spec, its weights, and the model."""
    lines = "\n".join(f"  {line}" for line in body.split("; "))
    spec = nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {type}\n{lines}\n}}\n")
    weights = initial_values(spec, registries(), 1)
    for path, array in weights.items():
        if path.endswith("mean"):
            array[...] = mean * np.arange(array.size)
        elif path.endswith("deviation"):
            array[...] = 1 + np.arange(array.size)
    model = nnspec.compile(spec, weights)
    return [node.op_type for node in model.onnx.graph.node], spec, weights, model


@pytest.mark.parametrize(
    "body, type, operators",
    [
        ("rescale(1 / 255); conv2d(4, 3, padding = 1)", IMAGES, ["Cast", "Conv"]),
        ("rescale(1 / 255); conv2d(6, 3, groups = 3, bias = false)", IMAGES, ["Cast", "Conv"]),
        ("standardize; dense(3)", ROWS, ["Gemm"]),
        ("standardize; dense(3, bias = false)", ROWS, ["Gemm"]),
        ("standardize; dense(3) -> batch_norm", ROWS, ["Gemm"]),
        ("y = x / 2 + 1; y -> dense(3)", ROWS, ["Gemm"]),
    ],
)
def test_it_is_part_of_the_weights(body: str, type: str, operators: list[str]) -> None:
    found, _, _, model = compiled(body, type)
    assert found == operators
    assert any("/scaled" in tensor.name for tensor in model.onnx.graph.initializer)


@pytest.mark.parametrize(
    "body, type, kept",
    [
        ("rescale(1 / 255, -1); conv2d(4, 3, padding = 1)", IMAGES, "Add"),
        ("y = x * 2; y -> dense(3); output z = y", ROWS, "Mul"),
        ("layer d = dense(4); standardize; d -> d", ROWS, "Div"),
        ("y = x + 1000; y -> dense(3)", ROWS, "Add"),
    ],
)
def test_what_stays(body: str, type: str, kept: str) -> None:
    """A border of zeros, a value that is asked for, weights that others read, an offset that would cost precision."""
    assert kept in compiled(body, type)[0]


def test_the_numbers_are_those_of_float64() -> None:
    _, _, weights, model = compiled("standardize; dense(3)", ROWS)
    x = np.random.default_rng(0).normal(5, 3, (50, 4)).astype(np.float32)
    mean, deviation, weight, bias = (
        weights[next(path for path in weights if path.endswith(leaf))].astype(np.float64)
        for leaf in ("mean", "deviation", ".weight", ".bias")
    )
    wanted = (x - mean) / deviation @ weight.T + bias
    np.testing.assert_allclose(model.run({"x": x})["output"], wanted, rtol=1e-5, atol=1e-5)
