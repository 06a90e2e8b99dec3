"""What is said of a spec in which nothing is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import nnspec
from nnspec.diagnostics.errors import Diagnostic
from nnspec.ir.decay import patterns_of
from nnspec.ir.spec import Spec

from .shorthand import findings, model, spec

TRAIN = """train {{
  target kind: label[N]
  loss      = cross_entropy(logits, kind)
  optimizer = {}
  epochs    = 1
  {}
}}
"""


def trained(optimizer: str, settings: str = "") -> str:
    return model("dense(8) -> relu", "logits = dense(3)", tail=TRAIN.format(optimizer, settings))


def test_weight_decay_that_meets_biases_is_a_warning_with_a_way_out() -> None:
    (found,) = findings(trained("adamw(lr = 0.01, weight_decay = 0.1)"))
    assert (found.code, found.severity) == ("W301", "warning")
    assert found.message == "weight decay shrinks 2 biases too, such as dense_1.bias"
    assert found.help == 'decay_on = "*.weight" spares them'
    assert found.span and (found.span.line, found.span.column) == (10, 32)


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        ("adamw(lr = 0.01)", ""),  # the default of the optimizer: nobody asked for it
        ("sgd(lr = 0.1)", ""),
        ("sgd(lr = 0.1, weight_decay = 0.0)", ""),
        ("adamw(lr = 0.01, weight_decay = 1e-4)", ""),  # a step takes 1e-6 off
        ("adamw(lr = warmup_cosine(peak = 1e-3), weight_decay = 9e-3)", ""),
        ('adamw(lr = 0.01, weight_decay = 0.1, decay_on = "*")', ""),
        ('adamw(lr = 0.01, weight_decay = 0.1, decay_on = "*.weight")', ""),
        ("adamw(lr = 0.01, weight_decay = 0.1)", 'freeze = ["*.bias"]'),
        ("adamw", ""),
    ],
)
def test_where_there_is_nothing_to_gain_nothing_is_said(optimizer: str, settings: str) -> None:
    assert findings(trained(optimizer, settings)) == []


@pytest.mark.parametrize(
    "rate", ["0.1", "warmup_cosine(peak = 0.1)", "one_cycle(0.1)", "plateau(0.1)", "step(0.1, every = 3)"]
)
def test_the_greatest_learning_rate_counts(rate: str) -> None:
    assert [one.code for one in findings(trained(f"sgd(lr = {rate}, weight_decay = 1e-4)"))] == ["W301"]


def test_a_model_without_biases_is_not_warned_of() -> None:
    text = trained("sgd(lr = 0.1, weight_decay = 0.1)").replace("dense(8)", "dense(8, bias = false)")
    assert findings(text.replace("dense(3)", "dense(3, bias = false)")) == []


def test_a_warning_stops_nothing() -> None:
    text = trained("adamw(lr = 0.01, weight_decay = 0.1)")
    found: Spec = spec(text)
    assert [one.code for one in found.warnings] == ["W301"]
    assert Spec.model_validate_json(found.model_dump_json()).warnings == found.warnings
    with pytest.raises(nnspec.SpecError) as caught:
        spec(text.replace("relu", "rellu"))
    assert [one.severity for one in caught.value.diagnostics] == ["error"]


@pytest.mark.parametrize("layer", ["batch_norm", "unsqueeze(1) -> instance_norm(track = true, {}) -> squeeze(1)"])
def test_a_momentum_of_keras_is_a_warning(layer: str) -> None:
    written = layer if "{}" in layer else "batch_norm({})"
    (found,) = findings(model(f"dense(3) -> {written.format('momentum = 0.99')} -> relu"))
    assert (found.code, found.severity) == ("W302", "warning")
    assert "momentum = 0.99 keeps 0.01 of the running statistics at each step" in found.message
    assert found.help == "it is the part of the new, as in PyTorch; Keras's 0.99 is momentum = 0.01"
    for momentum in ("0.01", "0.1", "0.5", "1"):
        assert findings(model(f"dense(3) -> {written.format(f'momentum = {momentum}')} -> relu")) == []


def test_a_warning_is_given_once_for_each_place() -> None:
    assert len(findings(model("repeat 3 { dense(3) -> batch_norm(0.9) }"))) == 1


def test_check_gives_warnings_to_those_who_ask(tmp_path: Any) -> None:
    path = tmp_path / "a.nn"
    path.write_text(trained("adamw(lr = 0.01, weight_decay = 0.1)"))
    assert nnspec.check(path) == []
    (found,) = nnspec.check(path, warnings=True)
    assert isinstance(found, Diagnostic) and found.severity == "warning"


RESNET = [f"layers.{n}.conv2d_{m}.weight" for n in range(3) for m in (1, 2)]


@pytest.mark.parametrize(
    ("weights", "others", "patterns"),
    [
        (["a.weight", "b.weight"], ["a.bias", "b.bias"], ["*.weight"]),
        (["conv2d_1.weight", "conv2d_2.weight", "logits.weight"], ["batch_norm_1.weight", "logits.bias"],
         ["conv2d_*.weight", "logits.weight"]),
        (["stem.weight", *RESNET, "logits.weight"], ["layers.0.batch_norm_1.weight", "logits.bias"],
         ["stem.weight", "*conv2d_*.weight", "logits.weight"]),
        (["d.0.attention_1.query.weight", "d.1.attention_1.query.weight", "d.0.attention_1.out.weight"],
         ["d.0.layer_norm_1.weight", "d.0.attention_1.query.bias"], ["*attention_*.weight"]),
        ([f"w{n}.kernel{n}" for n in range(9)], ["w.bias"], []),
    ],
)  # fmt: skip
def test_patterns_cover_the_weights_and_nothing_else(
    weights: list[str], others: list[str], patterns: list[str]
) -> None:
    assert patterns_of(weights, others) == patterns


def image(line: str, shape: str = "3, 32, 32") -> str:
    return f"nnspec 1\nmodel m {{\n  input x: float32[N, {shape}]\n  output y = {line}\n}}\n"


@pytest.mark.parametrize(
    ("text", "code", "help"),
    [
        (image("conv2d(3, 6, 5)"), "W320", "conv2d(6, 5) makes 6 channels"),
        (image("conv2d(3, 16, 1)"), "W320", "conv2d(16, 1) makes 16 channels"),
        (image("conv1d(1, 8, 3)", "1, 100"), "W320", "conv1d(8, 3) makes 8 channels"),
        (image("conv2d(16, 3)", "32, 32, 3"), "W321", "transpose(0, 3, 1, 2)"),
        (image("max_pool2d(1)", "28, 28, 1"), "W321", "transpose(0, 3, 1, 2)"),
        (image("conv2d(5, 1) -> softmax"), "W322", "axis = 1 is the axis of the channels; axis = 3"),
        (image("conv2d(5, 1) -> prelu(true)"), "W322", "axis = 1"),
        (image("batch_norm -> layer_norm"), "W322", "axis = 1"),
    ],
)
def test_the_order_of_other_frameworks_is_legal_and_hardly_ever_meant(text: str, code: str, help: str) -> None:
    (found,) = findings(text)
    assert (found.code, found.severity, found.span and found.span.line) == (code, "warning", 4)
    assert help in found.help


@pytest.mark.parametrize(
    "text",
    [
        image("conv2d(16, 3)"),
        image("conv2d(3, 3, 1)"),
        image("conv2d(3, 4, 2)"),
        image("conv2d(3, 4, 1)"),
        image("conv2d(8, 16, 16)"),
        image("conv2d(3, [6, 6], 5)"),
        image("conv2d(4, 3)", "32, 40, 3"),
        image("conv2d(4, 1)", "64, 64, 2"),
        image("conv2d(4, 1)", "3, 3, 3"),
        image("conv2d(4, 1)", "H, W, 3").replace("N, H", "N, 8"),
        image("transpose(0, 3, 1, 2) -> conv2d(4, 1)", "32, 32, 3"),
        image("conv2d(5, 1) -> softmax(axis = 3)"),
        image("conv2d(5, 1) -> prelu"),
        image("conv2d(5, 1) -> transpose(0, 2, 3, 1) -> softmax"),
        image("global_avg_pool -> softmax"),
        image("dense(3) -> softmax"),
    ],
)
def test_what_may_well_be_meant(text: str) -> None:
    assert findings(text) == []
