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
