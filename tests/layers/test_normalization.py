"""What normalizations compute, in NumPy, in the form that trains and in that for inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from library_cases import Case, cases, lowered, model_of, onnxruntime

import nnspec
from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example
from nnspec.layers.normalization.features import MACHINE_EPSILON

Array = np.ndarray[Any, Any]

OVER: dict[str, tuple[Sequence[int], int, float]] = {
    "batch_norm": ((0, 2, 3), 1, 1e-5),
    "batch_norm(0.3, eps = 0.001, affine = false)": ((0,), 1, 0.001),
    "batch_norm(momentum = none)": ((0, 2), 1, 1e-5),
    "batch_norm(axis = -1)": ((0, 1), 2, 1e-5),
    "batch_norm(track = false)": ((0, 2, 3, 4), 1, 1e-5),
    "layer_norm": ((2,), 2, 1e-5),
    "layer_norm(axis = 1, eps = 0.001)": ((1,), 1, 0.001),
    "layer_norm([-2, -1], bias = false)": ((1, 2), 1, 1e-5),
    "layer_norm(affine = false)": ((1,), 1, 1e-5),
    "instance_norm": ((2, 3), 1, 1e-5),
    "instance_norm(affine = true, eps = 0.001)": ((2,), 1, 0.001),
    "instance_norm(axis = -1)": ((1,), 2, 1e-5),
    "instance_norm(0.3, track = true)": ((2, 3), 1, 1e-5),
}
"""The axes of the mean, the first axis of the parameters, and the constant beside the variance."""

NORMS = [case for case in cases("layer") if case.example.call in OVER]


def standard(x: Array, over: Sequence[int], eps: float) -> Array:
    over = tuple(over)
    return (x - x.mean(over, keepdims=True)) / np.sqrt(x.var(over, keepdims=True) + eps)


def along(parameter: Array, first: int, rank: int) -> Array:
    """A parameter with its axes at `first` and behind."""
    return parameter.reshape(*parameter.shape, *(1 for _ in range(rank - first - parameter.ndim)))


def wide(feeds: dict[str, Any]) -> dict[str, Any]:
    return {name: array.astype(np.float64) for name, array in feeds.items()}


def affine(y: Array, feeds: dict[str, Any], first: int) -> Array:
    return y * along(feeds.get("weight", np.ones(1)), first, y.ndim) + along(
        feeds.get("bias", np.zeros(1)), first, y.ndim
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", NORMS, ids=str)
def test_mean_and_variance(case: Case, training: bool) -> None:
    """Of the batch or row in training; in inference those that were kept, where there are any."""
    over, first, eps = OVER[case.example.call]
    lowering = lowered(case, training=training)
    model, feeds = model_of(lowering)
    x, given = feeds["x0"].astype(np.float64), wide(lowering.feeds)
    if "running_mean" in given and not training:
        mean, variance = (along(given[f"running_{name}"], first, x.ndim) for name in ("mean", "var"))
        y = (x - mean) / np.sqrt(variance + eps)
    else:
        y = standard(x, over, eps)
    np.testing.assert_allclose(onnxruntime(model, feeds)[0], affine(y, given, first), rtol=2e-5, atol=1e-5)


def test_every_use_of_these_layers_is_here() -> None:
    names = {call.partition("(")[0] for call in OVER}
    assert {case.example.call for case in cases("layer") if case.component.name in names} == set(OVER)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_groups_of_channels(groups: int, training: bool) -> None:
    case = Case("layer", Example(f"group_norm({groups}, eps = 0.01)", ("float32[2, 6, 3, 2]",)))
    lowering = lowered(case, training=training)
    model, feeds = model_of(lowering)
    x = feeds["x0"].astype(np.float64)
    y = standard(x.reshape(2, groups, -1), (2,), 0.01).reshape(x.shape)
    np.testing.assert_allclose(onnxruntime(model, feeds)[0], affine(y, wide(lowering.feeds), 1), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("call", "over"), [("rms_norm", (2,)), ("rms_norm(axis = 1)", (1,)), ("rms_norm([1, 2])", (1, 2))]
)
def test_root_mean_square(call: str, over: tuple[int, ...], training: bool) -> None:
    lowering = lowered(Case("layer", Example(call, ("float32[2, 3, 4]",))), training=training)
    model, feeds = model_of(lowering)
    x, weight = feeds["x0"].astype(np.float64), wide(lowering.feeds)["weight"]
    y = x / np.sqrt((x**2).mean(over, keepdims=True) + np.finfo(np.float32).eps)
    np.testing.assert_allclose(onnxruntime(model, feeds)[0], y * along(weight, over[0], 3), rtol=2e-5, atol=1e-6)


def test_the_machine_epsilon_is_that_of_the_dtype() -> None:
    for dtype in ("float16", "float32", "float64"):
        assert MACHINE_EPSILON[dtype] == np.finfo(dtype).eps


def test_unit_length_and_zeros() -> None:
    case = Case("layer", Example("l2_normalize", ("float32[3, 4]",)))
    model, _ = model_of(lowered(case))
    x = np.array([[3, 4, 0, 0], [0, 0, 0, 0], [1e-20, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(
        onnxruntime(model, {"x0": x})[0], [[0.6, 0.8, 0, 0], [0, 0, 0, 0], [1e-8, 0, 0, 0]], rtol=1e-5
    )


def test_rms_norm_is_one_operator_in_onnxruntime(tmp_path: Any) -> None:
    """Its form for inference is what ONNX Runtime looks for."""
    import onnx
    import onnxruntime as ort

    model, _ = model_of(lowered(Case("layer", Example("rms_norm", ("float32[N, 8, 16]",))), symbolic=True))
    options = ort.SessionOptions()
    options.log_severity_level, options.optimized_model_filepath = 4, str(tmp_path / "m.onnx")
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    assert [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node] == ["SimplifiedLayerNormalization"]


@pytest.mark.parametrize("call", ["batch_norm", "batch_norm(track = false)"])
def test_a_single_value_per_channel_is_refused_in_training(call: str) -> None:
    case = Case("layer", Example(call, ("float32[1, 3, 1, 1]",)))
    lowered(case)
    with pytest.raises(Fault, match="batch_norm learns from more than one value per channel") as caught:
        lowered(case, training=True)
    assert caught.value.code == "E718"


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize(
    "call",
    [
        *("batch_norm", "batch_norm(track = false)", "layer_norm", "layer_norm(axis = 1)", "rms_norm", "group_norm(2)"),
        *("instance_norm", "instance_norm(affine = true, track = true)", "l2_normalize"),
        *("flatten -> dense(3) -> batch_norm",),
    ],
)
def test_other_floats_are_deployed(call: str, dtype: str) -> None:
    """Each compile is verified; ONNX Runtime has not every operator for every dtype."""
    model = nnspec.compile(
        nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {dtype}[N, 4, 3, 3]\n  output y = {call}\n}}\n")
    )
    assert model.run({"x": np.ones((2, 4, 3, 3))})["y"].dtype == dtype
