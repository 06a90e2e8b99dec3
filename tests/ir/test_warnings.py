"""What is said of a spec in which nothing is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import nnspec
from nnspec.diagnostics.errors import Diagnostic
from nnspec.ir.decay import patterns_of
from nnspec.ir.spec import Spec

from .shorthand import ROOT, codes, findings, model, raw, spec

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
        ("adamw(lr = 1e-3, weight_decay = 0.01)", ""),  # a step takes 1e-5 off, the most usual of all settings
        ("adamw(lr = warmup_cosine(peak = 1e-3), weight_decay = 9e-2)", ""),
        ('adamw(lr = 0.01, weight_decay = 0.1, decay_on = "*")', ""),
        ('adamw(lr = 0.01, weight_decay = 0.1, decay_on = "*.weight")', ""),
        ("adamw(lr = 0.01, weight_decay = 0.1)", 'freeze = ["*.bias"]'),
        ("adamw", ""),
    ],
)
def test_where_there_is_nothing_to_gain_nothing_is_said(optimizer: str, settings: str) -> None:
    assert findings(trained(optimizer, settings)) == []


def test_what_a_whole_run_takes_off_counts_where_its_steps_are_known() -> None:
    text = trained("adamw(lr = 3e-3, weight_decay = 0.1)").replace("epochs    = 1", "steps = {}")
    found = [findings(text.replace("{}", steps)) for steps in ("300", "3_000")]
    assert [[one.code for one in own] for own in found] == [[], ["W301"]]


def test_the_examples_of_the_contract_are_not_warned_of_decay() -> None:
    for name in ("char_gpt", "digits_cnn"):
        found = nnspec.check(ROOT / f"tests/acceptance/{name}.nn", warnings=True)
        assert "W301" not in [one.code for one in found]


@pytest.mark.parametrize(
    "rate", ["0.1", "warmup_cosine(peak = 0.1)", "one_cycle(0.1)", "plateau(0.1)", "step(0.1, every = 3)"]
)
def test_the_greatest_learning_rate_counts(rate: str) -> None:
    assert [one.code for one in findings(trained(f"sgd(lr = {rate}, weight_decay = 2e-3)"))] == ["W301"]


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
    (found,) = findings(model(f"dense(3, bias = false) -> {written.format('momentum = 0.99')} -> relu"))
    assert (found.code, found.severity) == ("W302", "warning")
    assert "momentum = 0.99 keeps 0.01 of the running statistics at each step" in found.message
    assert found.help == "it is the part of the new, as in PyTorch; Keras's 0.99 is momentum = 0.01"
    for momentum in ("0.01", "0.1", "0.5", "1"):
        assert findings(model(f"dense(3, bias = false) -> {written.format(f'momentum = {momentum}')} -> relu")) == []


def test_a_warning_is_given_once_for_each_place() -> None:
    assert len(findings(model("repeat 3 { dense(3, bias = false) -> batch_norm(0.9) }"))) == 1


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


# ---- what is legal and looks like a mistake


def warned(text: str) -> list[tuple[str, str, int]]:
    """Code, message and line of every warning of a text without errors."""
    found = findings(text)
    assert {one.severity for one in found} <= {"warning"}
    return [(one.code, one.message, one.span.line if one.span else 0) for one in found]


def test_values_inputs_and_targets_that_nothing_uses() -> None:
    text = raw(
        "input x: float32[N, 4]",
        "input y: float32[N, 4]",
        "x -> dense(3) -> relu",
        "h, c = x -> split(2, axis = 1)",
        "output logits = h -> dense(3)",
        tail=TRAIN.format("adam(lr = 0.01)", "").replace("target kind", "target more: float32[N]\n  target kind"),
    )
    assert warned(text) == [
        ("W303", "nothing uses the input y", 4),
        ("W303", "nothing uses what relu makes here", 5),
        ("W303", "nothing uses the target more", 10),
    ]


def test_values_that_require_metrics_or_a_later_use_name_are_used() -> None:
    parts = "h = dense(4)\n  y = x -> dense(3)"
    assert warned(raw("input x: float32[N, 4]", parts)) == [("W303", "nothing uses the value h", 4)]
    assert warned(raw("input x: float32[N, 4]", parts, tail="require { h: float32[N, 4] }\n")) == []


def test_a_value_of_a_block_is_used_if_one_call_uses_it() -> None:
    block = "block b(keep) {\n  input x\n  h = x -> relu\n  if keep { output h } else { output x }\n}\n"
    assert warned(model("b(true) -> b(false)", blocks=block)) == []
    assert [code for code, *_ in warned(model("b(false) -> tanh", blocks=block))] == ["W303"]


def test_names_that_nothing_uses() -> None:
    text = model(
        "let k = 3",
        "layer enc = dense(3)",
        "repeat 2 { let j = 4 }",
        "dense(a)",
        params="(a = 1, b = 3, c = 99)",
        tail="require { params <= c }\n",
    )
    assert [message for code, message, _ in warned(text)] == [
        "nothing uses the parameter b",
        "nothing uses the name k",
        "nothing uses the layer enc",
        "nothing uses the name j",
    ]


def test_the_name_of_an_option_is_no_use_of_a_parameter() -> None:
    (found,) = findings(model("dense(3, bias = false)", params="(bias = true)"))
    assert (found.code, found.message) == ("W304", "nothing uses the parameter bias")
    assert findings(model("dense(3, bias = bias)", params="(bias = true)")) == []


def test_a_block_that_is_brought_in_for_nothing() -> None:
    text = model("mlp(3)").replace("nnspec 1\n", "nnspec 1\nuse std.feedforward: mlp, residual_dense\n")
    assert warned(text) == [("W304", "nothing uses the block residual_dense", 2)]


def test_logits_that_were_squashed() -> None:
    text = trained("adam(lr = 0.01)").replace("logits = dense(3)", "scores = dense(3)\n  logits = softmax")
    (found,) = findings(text)
    assert (found.code, found.help) == ("W305", "give it scores")
    assert found.span and (found.span.line, found.span.column) == (10, 29)
    (edit,) = found.edits
    assert (edit.span, edit.text) == (found.span, "scores")
    (found,) = findings(text.replace("scores = dense(3)", "dense(3)"))
    assert (found.code, found.edits) == ("W305", ())


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("dense(3) -> batch_norm", ["W307"]),
        ("dense(3, bias = false) -> batch_norm", []),
        ("dense(3) -> relu -> batch_norm", []),
        ("dense(3) -> layer_norm", []),
        ("h = dense(3)\n  h -> batch_norm -> relu\n  h + 1", ["W303"]),  # h itself is an operand too
        ("reshape(1, 4) -> dense(3) -> batch_norm", []),  # the bias lies along another axis
        ("reshape(1, 2, 2) -> conv2d(3, kernel = 1) -> batch_norm", ["W307"]),
    ],
)
def test_biases_before_batch_norm(line: str, codes: list[str]) -> None:
    assert [code for code, *_ in warned(model(line))] == codes


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("dense(3) -> dropout(0.5)", ["W308"]),
        ("dense(3) -> dropout(0.5) -> softmax", ["W308"]),
        ("dropout(0.5) -> dense(3)", []),
        ("dropout(0.5) -> dense(3) -> softmax", []),
    ],
)
def test_dropout_on_the_result(line: str, codes: list[str]) -> None:
    text = trained("adam(lr = 0.01)").replace("logits = dense(3)", f"logits = {line}")
    assert [code for code, *_ in warned(text) if code != "W305"] == codes
    assert warned(model(line)) == []  # where nothing learns, dropout does nothing


def test_classes_that_are_counted_differently() -> None:
    settings = "metrics = [accuracy(other, kind)]"
    text = trained("adam(lr = 0.01)", settings).replace(
        "logits = dense(3)", "other = x -> dense(5)\n  logits = x -> dense(3)"
    )
    messages = {code: message for code, message, _ in warned(text)}
    assert messages["W309"] == "kind has 3 classes in cross_entropy, and 5 in accuracy"


@pytest.mark.parametrize(
    ("settings", "codes"), [("", ["W310"]), ('freeze = ["aux.*"]', []), ('init = "w.safetensors"', [])]
)
def test_outputs_that_training_does_not_reach(settings: str, codes: list[str]) -> None:
    text = trained("adam(lr = 0.01)", settings).replace(
        "logits = dense(3)", "h = relu\n  output aux = h -> dense(2)\n  output logits = h -> dense(3)"
    )
    assert [code for code, *_ in warned(text)] == codes


@pytest.mark.parametrize(
    ("freeze", "codes"),
    [('["*"]', ["W312"]), ('["logits.*", "dense_1.*"]', ["W312"]), ('["logits.*"]', []), ('["*.weight"]', [])],
)
def test_freeze_that_leaves_nothing_to_train(freeze: str, codes: list[str]) -> None:
    text = trained("adam(lr = 0.01)", f"freeze = {freeze}").replace(
        "logits = dense(3)", "logits = dense(8) -> dense(3)"
    )
    assert [code for code, *_ in warned(text)] == codes


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        ("adam(lr = 1.0)", "a learning rate of 1 is far above what is usual"),
        ("adam(lr = one_cycle(peak = 1.0))", "a learning rate of 1 is far above what is usual"),
        ("adam(1e-8)", "a learning rate of 1e-08 is far below what is usual"),
        ("lion(lr = 0.1)", "a learning rate of 0.1 is far above what is usual"),
        ("sgd(lr = 100.0)", "a learning rate of 100 is far above what is usual"),
        *(
            (f"{name}(lr = {rate})", "")
            for name, rate in {"adam": 0.1, "sgd": 1.0, "adadelta": 1.0, "lion": 1e-4}.items()
        ),
        *((name, "") for name in ("adam", "adamw", "rmsprop", "adagrad", "adadelta", "lion", "lamb")),
    ],
)
def test_learning_rates(optimizer: str, said: str) -> None:
    assert [message for _, message, _ in warned(trained(optimizer))] == ([said] if said else [])


LOUD = "dense(3) -> batch_norm"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (model(f"{LOUD}  # nnspec: allow W307"), []),
        (model(f"{LOUD}  # nnspec: allow W301, W307 (it is meant)"), []),
        (model("# nnspec: allow W307", "# since it is meant", LOUD), []),
        ("# nnspec: allow W307\n" + model(LOUD), []),
        (model("# nnspec: allow W307", "relu", LOUD), ["W307"]),
        (model(f"{LOUD}  # nnspec: allow W301"), ["W307"]),
        (model("densse(3)  # nnspec: allow E201"), ["E201"]),
    ],
)
def test_comments_allow_warnings(text: str, codes: list[str]) -> None:
    assert [one.code for one in findings(text)] == codes


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


PIXELS = """nnspec 1
use std.resnet: conv_norm
model m {{
  input photo: {}[N, 3, 32, 32]
  {}
  output logits = flatten -> dense(3)
}}
data {{
  train = {}
  photo = "image"
  kind = "label"
}}
train {{
  target kind: label[N]
  loss = cross_entropy(logits, kind)
  optimizer = adam
  epochs = 3
}}
"""


@pytest.mark.parametrize(
    ("dtype", "line", "at"),
    [
        ("float32", "conv2d(4, 3)", "a.nn:5:3"),
        ("uint8", 'cast("float32") -> resize(8) -> conv2d(4, 3)', "a.nn:5:35"),
        ("float32", "pad(1)", "a.nn:6:30"),
    ],
)
def test_weights_that_read_bytes(dtype: str, line: str, at: str) -> None:
    said = findings(PIXELS.format(dtype, line, 'images("pets", size = 32)'))
    assert [(found.severity, str(found.span)) for found in said if found.code == "W323"] == [("warning", at)]


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("rescale(1 / 255) -> conv2d(4, 3)", 'images("pets", size = 32)'),
        ("standardize(axis = 1) -> conv2d(4, 3)", 'images("pets", size = 32)'),
        ("x = photo / 255.0 -> conv2d(4, 3)", 'images("pets", size = 32)'),
        ("conv_norm(8, 3)", 'images("pets", size = 32)'),
        ("conv2d(4, 3)", 'npz("pets.npz")'),
        ("conv2d(4, 3)", "synthetic(8)"),
    ],
)
def test_pixels_that_are_brought_to_size(line: str, source: str) -> None:
    assert "W323" not in codes(PIXELS.format("float32", line, source))
