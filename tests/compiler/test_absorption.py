"""Batch normalization in the deployed file: absorbed where nobody else reads what it normalizes, else as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import nnspec
from nnspec.compiler import verification
from nnspec.compiler.initial import initial_values
from nnspec.diagnostics.errors import Fault, RunError
from nnspec.graph import onnx_file
from nnspec.library import registries

IMAGES = "float32[N, 4, 5, 6]"
ROWS = "float32[N, 6]"


def spec(body: str, type: str = IMAGES) -> nnspec.Spec:
    lines = "\n".join(f"  {line}" for line in body.split("; "))
    return nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {type}\n{lines}\n}}\n")


def weights(of: nnspec.Spec, seed: int = 0) -> dict[str, Any]:
    """Random weights and statistics, as after training."""
    random = np.random.default_rng(seed)
    found = initial_values(of, registries(), seed)
    for path, array in found.items():
        if path.endswith("running_var"):
            found[path] = random.uniform(0.01, 4, array.shape).astype(np.float32)
        elif array.ndim == 1:
            found[path] = random.normal(0.5, 1, array.shape).astype(np.float32)
    return found


def compiled(of: nnspec.Spec) -> onnx.ModelProto:
    model: onnx.ModelProto = nnspec.compile(of, weights(of)).onnx
    return model


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def tensors(model: onnx.ModelProto) -> dict[str, Any]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.mark.parametrize(
    "layer, type",
    [
        ("conv2d(6, 3, padding = 1)", IMAGES),
        ("conv2d(6, [3, 2], stride = 2, bias = false)", IMAGES),
        ("conv2d(6, 3, groups = 2, dilation = 2, padding = 2)", IMAGES),
        ('conv2d(6, 3, padding = "same", padding_mode = "reflect")', IMAGES),
        ("depthwise_conv2d(3, multiplier = 2)", IMAGES),
        ("conv1d(3, 3)", "float32[N, 2, T]"),
        ("conv3d(3, 2)", "float32[N, 2, 3, 3, 4]"),
        ("conv_transpose2d(6, 2, stride = 2)", IMAGES),
        ("conv_transpose2d(6, 3, groups = 2, bias = false)", IMAGES),
        ("dense(5)", ROWS),
        ("dense(5, bias = false)", ROWS),
        ("dense(5) -> dropout(0.5)", ROWS),
    ],
)
@pytest.mark.parametrize("norm", ["batch_norm", "batch_norm(affine = false, eps = 0.1)"])
def test_a_layer_absorbs_what_normalizes_it(layer: str, type: str, norm: str) -> None:
    """The verification of every compile holds the result against the layers as they train, at batch sizes 1, 2, 7."""
    model = compiled(spec(f"y = {layer} -> {norm}", type))
    assert not operators(model)["BatchNormalization"]
    assert all(name.endswith("/normalized") for name, content in tensors(model).items() if content.dtype == np.float32)


def test_the_weights_are_those_of_the_formula_rounded_once() -> None:
    found = spec("y = conv2d(6, 3) -> batch_norm(eps = 0.001)")
    given = weights(found)
    held = tensors(nnspec.compile(found, given).onnx)
    wide = {path.removeprefix("y."): array.astype(np.float64) for path, array in given.items()}
    rate = wide["batch_norm_1.weight"] / np.sqrt(wide["batch_norm_1.running_var"] + 0.001)
    bias = (wide["conv2d_1.bias"] - wide["batch_norm_1.running_mean"]) * rate + wide["batch_norm_1.bias"]
    assert set(held) == {"y.conv2d_1.weight/normalized", "y.conv2d_1.bias/normalized"}
    weight = (wide["conv2d_1.weight"] * rate[:, None, None, None]).astype(np.float32)
    assert np.array_equal(held["y.conv2d_1.weight/normalized"], weight)
    assert np.array_equal(held["y.conv2d_1.bias/normalized"], bias.astype(np.float32))


@pytest.mark.parametrize(
    "body",
    [
        "a = conv2d(4, 1); b = a -> batch_norm; output y = a + b",
        "output a = conv2d(4, 1); output y = batch_norm",
        "a = conv2d(4, 1); output y = (a -> batch_norm) + (a -> batch_norm)",
    ],
)
def test_what_somebody_else_reads_stays(body: str) -> None:
    model = compiled(spec(body))
    assert operators(model)["BatchNormalization"] and operators(model)["Conv"] == 1
    assert not any("/normalized" in name for name in tensors(model))


def test_an_output_that_is_not_asked_for_reads_nothing() -> None:
    found = spec("output a = conv2d(4, 1); output y = batch_norm")
    assert operators(nnspec.compile(found, weights(found), outputs="y").onnx) == {"Conv": 1}


@pytest.mark.parametrize("layers", ["relu -> batch_norm", "max_pool2d(2) -> batch_norm", "batch_norm", "group_norm(2)"])
def test_others_stay_one_operator(layers: str) -> None:
    found = spec(f"output y = {layers}")
    assert operators(compiled(found))["BatchNormalization"] == 1


def test_two_in_a_row_are_both_absorbed() -> None:
    found = spec("y = conv2d(4, 3) -> batch_norm -> batch_norm(affine = false) -> relu")
    assert operators(compiled(found)) == {"Conv": 1, "Relu": 1}


def test_each_use_of_a_shared_layer_has_weights_of_its_own() -> None:
    body = (
        "layer mix = conv2d(4, 3, padding = 1); y = x -> mix -> batch_norm -> relu -> mix -> batch_norm; z = y -> mix"
    )
    found = spec(body)
    model = nnspec.compile(found, given := weights(found)).onnx
    held = tensors(model)
    assert operators(model) == {"Conv": 3, "Relu": 1}
    assert {f"mix.{leaf}{more}" for leaf in ("weight", "bias") for more in ("", "/normalized", "/normalized_2")} == set(
        held
    )
    assert np.array_equal(held["mix.weight"], given["mix.weight"])


def test_a_residual_block() -> None:
    branch = "conv2d(4, 3, padding = 1) -> batch_norm"
    found = spec(f"h = {branch} -> relu -> {branch}; y = x + h -> relu")
    assert operators(compiled(found)) == {"Conv": 2, "Add": 1, "Relu": 2}


@pytest.mark.parametrize("opset", [17, 26])
def test_other_opsets(opset: int) -> None:
    found = spec("y = conv2d(4, 3) -> batch_norm -> relu -> flatten -> dense(3) -> batch_norm")
    assert not operators(nnspec.compile(found, weights(found), opset=opset).onnx)["BatchNormalization"]


def test_the_same_weights_give_the_same_bytes() -> None:
    found = spec("y = conv2d(4, 3) -> batch_norm -> relu")
    first, second = (onnx_file.to_bytes(nnspec.compile(found, weights(found)).onnx) for _ in range(2))
    assert first == second


def test_onnxruntime_makes_one_operator_of_convolution_and_activation(tmp_path: Path) -> None:
    """So the weights must be constants of four dimensions, and nothing may stand between the two."""
    body = "h = conv2d(16, 3, padding = 1) -> batch_norm -> relu -> conv2d(16, 3, padding = 1) -> batch_norm -> relu6"
    model = compiled(spec(body, "float32[N, 16, 8, 8]"))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    made = operators(onnx.load(tmp_path / "optimized.onnx"))
    assert made["Conv"] + made["FusedConv"] == 2 and not made["Relu"] + made["Clip"] + made["BatchNormalization"]


def test_rounding_that_a_network_makes_large_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a bias of 1000 the layer keeps four digits of the rest, which the normalization makes large; the new
    weights keep all. One rounding of the weights changes as much, so that the difference is none. What is wrong is
    refused all the same.
    """
    found = spec("h = conv2d(4, 3); output y = batch_norm")
    given = initial_values(found, registries(), 0)
    given |= {"h.bias": np.full(4, 1000, np.float32), "y.running_mean": np.full(4, 1000, np.float32)}
    given["y.running_var"] = np.zeros(4, np.float32)
    model = nnspec.compile(found, given).onnx
    outputs = {item.name: item.value for item in found.outputs}
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "h.bias/normalized")
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(5), bias.name))
    with pytest.raises(Fault, match="differs from the model in training"):
        verification.verify(model, found, registries(), outputs, given)
    monkeypatch.setattr(verification, "ROUNDINGS", 0)
    with pytest.raises(RunError, match="E703"):
        nnspec.compile(found, given)


def test_half_precision_is_absorbed_too() -> None:
    found = spec("y = conv2d(6, 3) -> batch_norm -> relu", "float16[N, 4, 5, 6]")
    given = {path: array.astype(np.float16) for path, array in weights(found).items()}
    model = nnspec.compile(found, given).onnx
    assert operators(model) == {"Conv": 1, "Relu": 1}
    assert {content.dtype for content in tensors(model).values()} == {np.dtype(np.float16)}
