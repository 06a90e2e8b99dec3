"""Settings, data, train and export, as far as they concern checking."""

from __future__ import annotations

import pytest

from .shorthand import codes, findings, places, spec

MODEL = """nnspec 1
model m(hidden = 8, rate = 0.5, flag = true, mode = "a", sizes = [1, 2]) {
  input x: float32[N, 4]
  h = dense(hidden)
  logits = dense(3)
  output p = logits -> softmax
}
"""
DATA = 'data {\n  train = csv("rows.csv")\n  x = ["a", "b", "c", "d"]\n  kind = "kind"\n}\n'
TRAIN = """train {
  target kind: label[N]
  loss = cross_entropy(logits, kind)
  optimizer = adam(lr = 0.01)
  epochs = 10
}
"""


def text(data: str = DATA, train: str = TRAIN, tail: str = "") -> str:
    """The model is 7 lines, the data section begins in line 8, the train section in line 13."""
    return MODEL + data + train + tail


def with_train(*lines: str, drop: str = "") -> str:
    """The train section with more lines, the first of which is line 18."""
    kept = "".join(line + "\n" for line in TRAIN.splitlines()[:-1] if not drop or not line.strip().startswith(drop))
    return text(train=kept + "".join(f"  {line}\n" for line in lines) + "}\n")


def test_a_whole_spec() -> None:
    assert codes(text()) == []
    found = spec(text())
    assert found.train and found.data
    assert [(t.name, t.label, t.classes, str(t.type)) for t in found.train.targets] == [("kind", True, 3, "int64[N]")]
    assert [(f.name, f.columns, f.single) for f in found.data.feeds] == [
        ("x", ("a", "b", "c", "d"), False),
        ("kind", ("kind",), True),
    ]


# Settings of the model


def test_settings_override_parameters() -> None:
    found = spec(text(), hidden=16, rate=1, flag=False, mode="b", sizes=[3])
    assert found.parameters[0].shape == (16, 4)
    assert found.settings == {"hidden": 16, "rate": 1, "flag": False, "mode": "b", "sizes": [3]}


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("hiden", 16, 7),
        ("hidden", 0.5, 9),
        ("hidden", "16", 9),
        ("hidden", True, 9),
        ("flag", 1, 33),
        ("mode", 1, 46),
        ("sizes", 1, 58),
        ("rate", float("nan"), 21),
        ("rate", float("inf"), 21),
        ("hidden", 10**400, 9),
        ("mode", {}, 46),
        ("sizes", [object()], 58),
    ],
)
def test_settings_that_do_not_fit(name: str, value: object, column: int) -> None:
    assert places(text(), {name: value}) == [("E307", 2, column)]


def test_a_parameter_without_default_must_be_set() -> None:
    needed = MODEL.replace("hidden = 8", "hidden")
    assert places(needed) == [("E206", 2, 9)]
    assert codes(needed, {"hidden": 3}) == []


# train

LOSSES = {
    "cross_entropy(logits, kind)": None,
    "cross_entropy(logits, kind) + 0.3 * cross_entropy(h -> dense(3), kind)": "E408",
    "0.5 * cross_entropy(logits, kind) + cross_entropy(logits, kind, label_smoothing = 0.1)": None,
    "cross_entropy(logits, kind) / 2": None,
    "logits -> mean(axis = 1)": "E408",
    "logits": "E408",
    "3": "E205",
    "cross_entropy(logits)": "E223",
    "cross_entropy(logits, 3)": "E212",
    "cross_entropy(logits, knd)": "E204",
    "cross_entropi(logits, kind)": "E403",
    "cross_entropy(logits, kind, smoothing = 0.1)": "E202",
    "mse(logits, kind)": "E2",
    "cross_entropy(h, kind, weight = [1, 2])": "E203",
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss: str) -> None:
    found = codes(text(train=TRAIN.replace("cross_entropy(logits, kind)", loss)))
    wanted = LOSSES[loss]
    assert [code[: len(wanted)] for code in found] == [wanted] if wanted else found == []


def test_a_loss_may_use_values_only() -> None:
    train = "train {\n  loss = mse(logits -> softmax, logits)\n  optimizer = adam(lr = 0.01)\n  steps = 3\n}\n"
    assert codes(text(data="", train=train)) == []


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["epoch = 3"], [("E202", 18, 3)]),
        (["steps = 3"], [("E205", 18, 3)]),
        (["epochs = 3"], [("E210", 18, 3)]),
        (["batch_size = 0"], [("E205", 18, 3)]),
        (["freeze = [\"h.*\"]"], []),
        (["freeze = [\"h.*\", \"stem.*\"]"], [("E411", 18, 20)]),
        (["regularize = l2(1e-4)"], []),
        (["regularize = [l2(1e-4), l1(1e-5, on = \"*.kernel\")]"], [("E411", 18, 36)]),
        (["metrics = accuracy(logits, kind)"], []),
        (["metrics = [accuracy]"], [("E410", 18, 14)]),
        (["metrics = [acuracy(logits, kind)]"], [("E403", 18, 14)]),
        (["metrics = [accuracy(h, kind), accuracy(x, x)]"], []),
        (["early_stop = patience(5, monitor = \"train.loss\")"], []),
        (["early_stop = patience(5, monitor = \"validation.loss\")"], [("E412", 18, 28)]),
        (["early_stop = patience(5, monitor = \"validation.accuracy\")"], [("E412", 18, 28)]),
        (["metrics = [accuracy(logits, kind)]", "early_stop = patience(5, monitor = \"train.accuracy\")"], []),
        (["average = ema(0.99)", "seed = 3", "clip_norm = 1.0", "accumulate = 2"], []),
        (["target other: float32[N, 3]"], [("E405", 8, 1)]),
        (["target kind: label[N]"], [("E210", 18, 10)]),
        (["target logits: label[N]"], [("E210", 18, 10)]),
        (["target other: labels[N]"], [("E215", 18, 17)]),
        (["seed = * 3"], [("E1", 18, 10)]),
    ],
)  # fmt: skip
def test_lines_of_the_train_section(lines: list[str], wanted: list[tuple[str, int, int]]) -> None:
    found = places(with_train(*lines))
    assert [(code[: len(w[0])], line, column) for (code, line, column), w in zip(found, wanted, strict=True)] == wanted


def test_missing_settings() -> None:
    assert places(with_train(drop="optimizer")) == [("E206", 13, 1)]
    assert places(with_train(drop="epochs")) == [("E205", 13, 1)]


def test_what_is_missing_because_of_an_error_is_not_said() -> None:
    broken = text(train=TRAIN.replace("optimizer = adam(lr = 0.01)", "optimizer = adam(lr = "))
    assert [code[:2] for code in codes(broken)] == ["E1"]
    broken = text(train=TRAIN.replace("target kind: label[N]", "target kind label[N]"))
    assert [code[:2] for code in codes(broken)] == ["E1"]


def test_metrics_that_are_used_twice_have_the_name_of_the_target() -> None:
    train = TRAIN.replace(
        "  epochs",
        "  target other: label[N]\n  metrics = [accuracy(logits, kind), accuracy(h, other), "
        "accuracy(logits, other), top_k_accuracy(h, kind)]\n  epochs",
    )
    data = DATA.replace("  kind", '  other = "o"\n  kind')
    found = spec(text(data=data, train=train))
    assert found.train
    assert [metric.name for metric in found.train.metrics] == [
        "accuracy.kind",
        "accuracy.other",
        "accuracy.other_2",
        "top_k_accuracy",
    ]


def test_a_metric_of_an_expression_belongs_to_the_training() -> None:
    found = spec(with_train("metrics = [accuracy(logits -> softmax, kind)]"))
    assert found.train
    assert found.nodes[-1].component == "softmax"
    assert len(found.nodes) == 3
    assert [node.component for node in found.train.nodes] == ["cross_entropy", "softmax"]


def test_the_classes_of_a_label_are_the_size_of_the_logits() -> None:
    along = MODEL.replace("  output p", "  maps = x -> reshape(2, 2)\n  output p") + (
        "train {\n  target kind: label[N, 2]\n  loss = cross_entropy(maps, kind, axis = 1)\n"
        "  optimizer = adam(lr = 0.1)\n  epochs = 3\n}\n"
    )
    found = spec(along)
    assert found.train and found.train.targets[0].classes == 2


# data


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ('kind = "kind"', 'knd = "kind"', "E404", 11, 3),
        ('  kind = "kind"\n', "", "E405", 8, 1),
        ('["a", "b", "c", "d"]', '["a", "b"]', "E410", 10, 7),
        ('["a", "b", "c", "d"]', '["a", "b", "c", "c"]', "E410", 10, 7),
        ('["a", "b", "c", "d"]', "3", "E410", 10, 7),
        ('["a", "b", "c", "d"]', "[]", "E410", 10, 7),
        ('["a", "b", "c", "d"]', "a", "E410", 10, 7),
        ('csv("rows.csv")', 'cvs("rows.csv")', "E403", 9, 11),
        ('csv("rows.csv")', "csv()", "E206", 9, 11),
        ('csv("rows.csv")', "0.2", "E205", 9, 3),
        ('  train = csv("rows.csv")\n', "", "E206", 8, 1),
        ('  kind = "kind"\n', '  kind = "kind"\n  kind = "other"\n', "E210", 12, 3),
        ('  kind = "kind"\n', '  kind = "kind"\n  validation = 1.5\n', "E205", 12, 3),
    ],
)
def test_data(old: str, new: str, code: str, line: int, column: int) -> None:
    assert places(text(data=DATA.replace(old, new))) == [(code, line, column)]


def test_feeds() -> None:
    assert codes(text(data=DATA.replace('["a", "b", "c", "d"]', '"a"'))) == []
    assert codes(text(data="data {\n  train = synthetic(64)\n  validation = 0.25\n}\n")) == []
    assert codes(text(data=DATA.replace("kind = ", "validation = 0.2\n  shuffle = false\n  kind = "))) == []
    assert codes(text(data=DATA.replace('"rows.csv"', "mode"))) == []


def test_a_data_section_without_training() -> None:
    assert places(text(train="")) == [("E404", 11, 3)]
    assert codes(text(data=DATA.replace('  kind = "kind"\n', ""), train="")) == []


def test_a_broken_line_hides_what_it_would_feed() -> None:
    assert [code[:2] for code in codes(text(data=DATA.replace('kind = "kind"', 'kind = "kind')))] == ["E1"]


def test_sections_of_a_broken_model() -> None:
    """What the model would have had is not missed below."""
    broken = text().replace("logits = dense(3)", "logits = densse(3)")
    assert codes(broken) == ["E201"]
    broken = text(tail='export { outputs = ["p"] }\n').replace("input x: float32[N, 4]", "input x: float32[N, 0]")
    assert codes(broken) == ["E205"]


# export and the outline


def test_export() -> None:
    assert codes(text(tail='export { opset = 21, outputs = ["p"] }\n'.replace(", ", "\n  "))) == []
    assert places(text(tail='export { outputs = ["p", "q"] }\n')) == [("E410", 19, 26)]
    assert places(text(tail="export { opset = 3 }\n")) == [("E205", 19, 10)]
    assert places(text(tail="export { precision = float16 }\n")) == [("E204", 19, 22)]
    (found,) = findings(text(tail="export { precision = float16 }\n"))
    assert '"float16"' in found.help


def test_the_outline_of_a_file() -> None:
    assert places(text(tail="train { seed = 3 }\n")) == [("E306", 19, 1)]
    assert places(text(tail="model n {\n  input x: float32[N, 4]\n  dense(3)\n}\n")) == [("E306", 19, 7)]


def test_models_have_inputs_and_outputs() -> None:
    assert places("nnspec 1\nmodel m {\n}\n") == [("E220", 2, 7)]
    assert places("nnspec 1\nmodel m {\n  input x: float32[N, 4]\n}\n") == [("E220", 2, 7)]
    assert places("nnspec 1\nmodel m {\n  input x\n  relu\n}\n") == [("E215", 3, 9)]
    assert places("nnspec 1\nmodel m {\n  input x: [N, 4]\n  relu\n}\n") == [("E215", 3, 9)]
    assert places("nnspec 1\nmodel m {\n  input x: float33[N, 4]\n  relu\n}\n") == [("E215", 3, 12)]
    assert places("nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  output x -> relu\n}\n") == [("E220", 4, 15)]
    assert places("nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  output x\n}\n") == [("E210", 4, 10)]
    assert places("nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  output y = relu\n  output y\n}\n") == [
        ("E210", 5, 10)
    ]


@pytest.mark.parametrize("ignored", [-1, 3, 255])
@pytest.mark.parametrize("where", ["loss", "metrics"])
def test_a_label_numbers_the_values_so_that_what_is_ignored_is_a_number_of_a_class(ignored: int, where: str) -> None:
    call = "cross_entropy(logits, kind{})" if where == "loss" else "accuracy(logits, kind{})"
    line = call.format(f", ignore = {ignored}")
    bad = with_train(f"{where} = {f'[{line}]' if where == 'metrics' else line}", drop=where)
    (found,) = findings(bad)
    assert found.code == "E205" and f"0 to 2, got {ignored}" in found.message
    assert found.help.endswith("declare target kind: int64[N]")
    assert codes(bad.replace("label[N]", "int64[N]")) == []
    assert codes(bad.replace(f"ignore = {ignored}", "ignore = 2")) == []
