"""What is said to somebody who writes what another framework, or Python, would take: one finding, exact to the word."""

from __future__ import annotations

from typing import Any

import pytest

from nnspec.ir.advice import foreign_option
from nnspec.library import registries

from .shorthand import codes, findings, model, outputs, raw

Said = tuple[str, str, int, str, str]
"""The spec, then code, column, message and help."""
SIZES = "(hidden = 16)"
COLUMNS = 'x = ["a", "b", "c", "d"]'


def train(*lines: str, loss: str = "cross_entropy(logits, kind)", optimizer: str = "adam") -> str:
    body = [f"loss = {loss}", f"optimizer = {optimizer}", "epochs = 3", *lines]
    return model(
        "logits = dense(3)",
        tail="train {\n  target kind: label[N]\n" + "".join(f"  {line}\n" for line in body) + "}\n",
    )


def data(*lines: str) -> str:
    return model("dense(3)", tail="data {\n" + "".join(f"  {line}\n" for line in lines) + "}\n")


def export(line: str) -> str:
    return model("output p = dense(3)", tail=f"export {{\n  {line}\n}}\n")


INPUT = "N stands for the rows, which come first"
ROWS = "a size that is free has a name, as the number of rows has: "
NAMED = ROWS + "float32[N, 4]"
CASES: dict[str, Said] = {
    "size of the input": (
        model("dense(4, hidden)", params=SIZES),
        "E205", 12, "dense: bias is true or false, got 16", "the size of the input is known: dense(hidden)",
    ),
    "size of the input, and more": (
        model("dense(4, 16, bias = false)"),
        "E205", 12, "dense: bias is true or false, got 16", "the size of the input is known: dense(16, bias = false)",
    ),
    "size of the input by name": (
        model("dense(16, in_features = 4)"),
        "E202", 13, "dense has no option in_features", "the size of the input is known: leave it out",
    ),
    "size of the input of a layer that needs none": (
        model("batch_norm(64)"),
        "E205", 14, "batch_norm: momentum is a number from 0 to 1 or none, got 64",
        "the size of the input is known: batch_norm",
    ),
    "size of the input behind another number": (
        model("group_norm(2, 4)"),
        "E205", 17, "group_norm: affine is true or false, got 4", "the size of the input is known: group_norm(2)",
    ),
    "size of the input as an axis": (
        model("layer_norm(64)"),
        "E207", 3, "layer_norm: axis 64 is outside float32[N, 4], whose axes are 0 to 1",
        "sizes are known, axes are counted: layer_norm normalizes the last axis",
    ),
    "normalized_shape": (
        model("layer_norm(normalized_shape = 4)"),
        "E202", 14, "layer_norm has no option normalized_shape", "did you mean axis?",
    ),
    "track_running_stats": (
        model("batch_norm(track_running_stats = false)"),
        "E202", 14, "batch_norm has no option track_running_stats", "did you mean track?",
    ),
    "epsilon": (
        model("batch_norm(epsilon = 0.001)"),
        "E202", 14, "batch_norm has no option epsilon", "did you mean eps?",
    ),
    "activation": (
        model('dense(16, activation = "ReLU")'),
        "E202", 13, "dense has no option activation", "an activation is a layer of its own: dense(16) -> relu",
    ),
    "activation without quotes": (
        model("dense(16, activation = tanh)"),
        "E202", 13, "dense has no option activation", "an activation is a layer of its own: dense(16) -> tanh",
    ),
    "p": (model("dropout(p = 0.1)"), "E202", 11, "dropout has no option p", "did you mean rate?"),
    "dim": (model("softmax(dim = -1)"), "E202", 11, "softmax has no option dim", "did you mean axis?"),
    "kernel_initializer": (
        model("dense(3, kernel_initializer = zeros)"),
        "E202", 12, "dense has no option kernel_initializer", "did you mean init?",
    ),
    "learning_rate": (
        train(optimizer="adam(learning_rate = 0.1)"),
        "E202", 20, "adam has no option learning_rate", "did you mean lr?",
    ),
    "sep": (
        data('train = csv("a.csv", sep = ";")', COLUMNS),
        "E202", 24, "csv has no option sep", "did you mean delimiter?",
    ),
    "max_epochs": (train("max_epochs = 3"), "E202", 3, "train has no setting max_epochs", "did you mean epochs?"),
    "type in parentheses": (
        raw("input x: (4,)", "dense(3)"),
        "E116", 12, "a type begins with its dtype", f"write `x: float32[N, 4]`; {INPUT}",
    ),
    "sizes in parentheses": (
        raw("input x: float32(N, 4)", "dense(3)"),
        "E116", 19, "the sizes of a type stand in brackets", f"write `x: float32[N, 4]`; {INPUT}",
    ),
    "type behind =": (
        raw("input x = (4,)", "dense(3)"),
        "E116", 11, "a type stands behind `:`", f"write `x: float32[N, 4]`; {INPUT}",
    ),
    "input_shape": (
        raw("input_shape = (4,)", "dense(3)"),
        "E114", 3, "`input_shape` declares no input", f"write `input features: float32[N, 4]`; {INPUT}",
    ),
    "None for the rows": (
        raw("input x: float32[None, 4]", "dense(3)"),
        "E205", 20, "a dimension is a whole number of at least 1 or a name, got None", NAMED,
    ),
    "-1 for the rows": (
        raw("input x: float32[-1, 4]", "dense(3)"),
        "E205", 20, "a dimension is a whole number of at least 1 or a name, got -1", NAMED,
    ),
    "None for the rows of images": (
        raw("input x: float32[None, 224, 224, 3]", "flatten"),
        "E205", 20, "a dimension is a whole number of at least 1 or a name, got None",
        ROWS + "float32[N, 224, 224, 3]",
    ),
    "None behind the rows": (
        raw("input x: int64[N, None]", "embedding(3, 2)"),
        "E205", 21, "a dimension is a whole number of at least 1 or a name, got None", ROWS + "int64[N, T]",
    ),
    "rows left out of images": (
        raw("input x: float32[3, 224, 224]", "conv2d(8, 3)"),
        "E203", 3, "conv2d needs an input of 4 dimensions [N, C, H, W], got float32[3, 224, 224]",
        "the rows come first: float32[N, 3, 224, 224]",
    ),
    "the first axis to flatten": (
        model("flatten(1)"), "E202", 11, "flatten takes no options",
        "flatten keeps the rows already; to keep more axes, there is reshape",
    ),
    "the first axis to flatten by name": (
        model("flatten(start_dim = 1)"), "E202", 11, "flatten has no option start_dim",
        "flatten keeps the rows already; to keep more axes, there is reshape",
    ),
    "a value to flatten": (
        model("y = flatten(x)"),
        "E202", 15, "flatten takes no options", "its input stands before the arrow: x -> flatten",
    ),
    "quoted augmentations": (
        data('train = csv("a.csv")', COLUMNS, 'augment = ["flip", "crop"]'),
        "E205", 3, 'data: augment is a list of augmentations, got ["flip", "crop"]',
        "write without quotes: augment = [flip(), crop(padding = …)]",
    ),
    "images without an input": (
        data('train = images("a")').replace("N, 4", "N, 1, 8, 8").replace("dense", "flatten -> dense"),
        "E405", 1, "nothing feeds the input x", 'x = "image"',
    ),
    "images without a target": (
        train().replace("dense", "flatten -> dense").replace("float32[N, 4]", "float32[N, 1, 8, 8]")
        + 'data {\n  train = idx("a")\n  x = "image"\n}\n',
        "E405", 1, "nothing feeds the target kind", 'kind = "label"',
    ),
    "a number for the rows": (
        train().replace("float32[N, 4]", "float32[32, 4]"),
        "E208", 10, "cross_entropy needs a class for each row of float32[32, 3], int64[32], got int64[N]",
        "declare the model's input with N in the place of 32, the number of rows",
    ),
    "float": (raw("input x: float[N, 4]", "dense(3)"), "E215", 12, "float is no dtype", "did you mean float32?"),
    "torch.long": (raw("input x: long[N, 4]", "flatten"), "E215", 12, "long is no dtype", "did you mean int64?"),
    "rows left out": (
        data('train = csv("a.csv")', COLUMNS).replace("float32[N, 4]", "float32[4]"),
        "E410", 12, "x is float32[4], and 4 columns feed it", "the rows come first: float32[N, 4]",
    ),
    "quoted optimizer": (
        train(optimizer='"adam"'),
        "E205", 3, 'train: optimizer is an optimizer, got "adam"', "write it without quotes: adam(lr = …)",
    ),
    "quoted initializer": (
        model('dense(3, init = "zeros")'),
        "E205", 12, 'dense: init is an initializer, got "zeros"', "write it without quotes: zeros",
    ),
    "a file as a source": (
        data('train = "data/iris.csv"', COLUMNS),
        "E205", 3, 'data: train is a source, got "data/iris.csv"', 'write csv("data/iris.csv")',
    ),
    "one pattern": (
        train('freeze = "a.*"'),
        "E205", 3, 'train: freeze is a list of strings, got "a.*"', 'a list stands in brackets: ["a.*"]',
    ),
    "one output": (
        export('outputs = "p"'),
        "E205", 3, 'export: outputs is a list of strings, got "p"', 'a list stands in brackets: ["p"]',
    ),
    "a column without quotes": (
        data('train = csv("a.csv")', COLUMNS).replace(COLUMNS, "x = x"),
        "E410", 7, "x: the name of a column is a string", 'write x = "x"',
    ),
    "columns without quotes": (
        data('train = csv("a.csv")', "x = [a, b, c, d]"),
        "E410", 7, "x: the names of columns are strings", 'write x = ["a", "b", "c", "d"]',
    ),
    "a path without quotes": (
        data("train = csv(data/iris.csv)", COLUMNS),
        "E204", 15, "a string stands in quotes", 'write "data/iris.csv"',
    ),
    "None": (model("embedding(3, 4, None)"), "E204", 19, "None is not defined", "write none"),
    "True": (model("dense(3, bias = True)"), "E204", 19, "True is not defined", "write true"),
    "False": (model("let a = False", "relu"), "E204", 11, "False is not defined", "write false"),
    "a layer called": (
        model("y = relu(x)"),
        "E202", 12, "relu takes no options", "its input stands before the arrow: x -> relu",
    ),
    "a layer called with an expression": (
        model("y = abs(x - 2 * (x + 1))"),
        "E202", 11, "abs takes no options", "its input stands before the arrow: x - 2 * (x + 1) -> abs",
    ),
    "a layer called with options": (
        model("y = dense(x, 3, bias = false)"),
        "E212", 13, "dense: units is a whole number above 0, got the value x: float32[N, 4]",
        "its input stands before the arrow: x -> dense(3, bias = false)",
    ),
    "a layer called with two values": (
        model("y = concat([x, x], axis = 1)"),
        "E212", 14, "concat: axis is a whole number, got a list of values",
        "its input stands before the arrow: (x, x) -> concat(axis = 1)",
    ),
    "a layer called in an expression": (
        model("y = relu(x) + 1"),
        "E218", 7, "", "x -> relu",
    ),
    "range": (model("repeat range(3) { dense(3) }"), "E201", 10, "there is no range", "write `repeat 3 as i { … }`"),
    "a bare loss": (
        train(loss="mse"),
        "E223", 10, "mse takes 2 values first, such as mse(logits, kind)", "",
    ),
    "an unknown loss": (
        train(loss="log_cosh"),
        "E403", 10, "log_cosh is not a loss",
        f"there are {', '.join(registries()['loss'])}; each is written with its values: mse(prediction, target)",
    ),
    "a word of a fixed set that is a layer": (
        model("gelu(approximate = tanh)"),
        "E204", 22, "tanh is no value here; a word of a fixed set is a string", 'write "tanh"',
    ),
    "an optimizer as a layer": (
        model("sgd(0.1)"),
        "E201", 3, "sgd is an optimizer, not a layer", "optimizer = sgd(lr = …) in the train section",
    ),
    "a loss as a layer": (
        model("x -> mse"),
        "E201", 8, "mse is a loss, not a layer", "loss = mse(prediction, target) in the train section",
    ),
    "a bare stop as a layer": (
        model("patience"),
        "E201", 3, "patience is a stop, not a layer", "early_stop = patience(epochs = …) in the train section",
    ),
    "a source as a layer": (
        model('csv("a.csv")'),
        "E201", 3, "csv is a source, not a layer", 'train = csv("…") in the data section',
    ),
    "a schedule as an optimizer": (
        train(optimizer="one_cycle(0.1)"),
        "E403", 15, "one_cycle is a schedule, not an optimizer", f"there are {', '.join(registries()['optimizer'])}",
    ),
    "an unnamed output in require": (
        model("dense(3)", tail="require {\n  output output: float32[N, 3]\n}\n"),
        "E112", 10, "`output` is a reserved word and cannot be a name",
        "give the output a name in the model: `output prediction = …`",
    ),
    "an unnamed output in a loss": (
        model("dense(3)", tail="train {\n  loss = mse(output, x)\n  optimizer = adam\n  steps = 1\n}\n"),
        "E112", 14, "`output` is a reserved word and cannot be a name",
        "give the output a name in the model: `output prediction = …`",
    ),
    "one column": (
        data('train = csv("a.csv")', 'x = ["a"]'),
        "E410", 7, "1 column gives [N, 1], and x is float32[N, 4]", "",
    ),
    "numbers": (
        model("dense(400)", tail="require {\n  params <= 1000\n}\n"),
        "E501", 3, "params is 2_000, and params <= 1_000 is required",
        "most is in dense_1.weight 1_600, dense_1.bias 400",
    ),
    "a loop that never ran": (
        model("repeat 0 { dense(3) }"),
        "E220", 7, "model m has no output", "the loop in line 4 ran zero times, and made nothing",
    ),
    "weights for a scope that is not there": (
        train('init = weights("f", into = "logit")'),
        "E411", 23, "into: the model has no parameter below logit", "did you mean logits?",
    ),
    "weights for parameters that are not there": (
        train('init = weights("f", into = "logits", only = "wieght")'),
        "E411", 40, 'only: no parameter has a path like "logits.wieght"', "the nearest is logits.weight",
    ),
    "a rename table with a loose end": (
        train('init = weights("f", rename = [["a.*", "b.*.*"]])'),
        "E205", 23, 'weights: rule 1 of the rename table: "b.*.*" has more * than "a.*"', "",
    ),
    "a rename table with a mark": (
        train('init = weights("f", rename = [["a", "b"], ["c", "d", "transposed"]])'),
        "E205", 23,
        "weights: rule 2 of the rename table ends with 'transposed'; "
        'only "transpose", "squeeze" or "tied" can stand there', "",
    ),
    "a rename table that is no table": (
        train('init = weights("f", rename = ["a", "b"])'),
        "E205", 23, 'weights: rename is a string or a list of lists of strings or lists of strings, got ["a", "b"]',
        'a list stands in brackets: [["a", "b"]]',
    ),
    "a pattern as a scope": (
        train('init = weights("f", into = "logits.*")'),
        "E205", 23, 'weights: into is a scope such as "backbone", without * and without dots at its ends', "",
    ),
    "another framework's word for weights": (
        train('init = from_pretrained("f")'),
        "E403", 10, "from_pretrained is not weights", "did you mean weights?",
    ),
    "float16 and int8": (
        export('precision = "float16"\n  quantize = "int8"'),
        "E205", 3, "export: a model is written in float16 or in int8, not in both", "",
    ),
    "stopping without validation": (
        train("early_stop = patience(5)") + f'data {{\n  train = csv("a.csv")\n  {COLUMNS}\n  kind = "k"\n}}\n',
        "E412", 16, "validation.loss is not measured: the data section has no validation",
        'write validation = 0.2 there, or monitor = "train.loss" here',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_finding_and_its_text(name: str) -> None:
    text, *wanted = CASES[name]
    (found,) = findings(text)
    assert found.span
    message = found.message if wanted[2] else ""
    assert [found.code, found.span.column, message, found.help] == wanted


def test_what_monitors_validation_is_clean_with_one_and_without_data() -> None:
    stopped = train("early_stop = patience(5)")
    section = f'data {{\n  train = csv("a.csv")\n  validation = 0.2\n  {COLUMNS}\n  kind = "k"\n}}\n'
    assert codes(stopped) == codes(stopped + section) == []


def test_names_that_mean_something_are_no_columns_and_paths_without_quotes() -> None:
    given = model("dense(3)", params='(folder = "a", file = "b.csv", names = ["a", "b", "c", "d"])', tail=(
        "data {\n  train = csv(file)\n  x = names\n}\n"
    ))  # fmt: skip
    assert codes(given) == []


SETTINGS: list[tuple[Any, str]] = [
    (None, "h is 3 by default, and cannot be none"),
    (2.5, "h is a whole number (its default is 3), got 2.5"),
    ("a", 'h is a whole number (its default is 3), got "a"'),
]


@pytest.mark.parametrize(("value", "message"), SETTINGS)
def test_settings(value: Any, message: str) -> None:
    (found,) = findings(model("dense(h)", params="(h = 3)"), {"h": value})
    assert (found.code, found.message) == ("E307", message)


def test_numbers_of_numpy_are_numbers() -> None:
    import numpy as np

    text = model("repeat n { dense(h) }", "dropout(rate)", params="(h = 3, n = 1, rate = 0.5)")
    assert codes(text, {"h": np.int64(8), "n": np.uint8(2), "rate": np.float32(0.25)}) == []
    assert codes(text, {"h": np.array([1, 2])}) == ["E307"]


# Names of other frameworks

OPTIONS = {
    "layer": {
        "dense": {"out_features": "units", "use_bias": "bias", "kernel_initializer": "init"},
        "embedding": {"num_embeddings": "count", "embedding_dim": "dim", "padding_idx": "padding"},
        "dropout": {"p": "rate"},
        "gaussian_noise": {"std": "deviation", "stddev": "deviation"},
        "leaky_relu": {"negative_slope": "slope"},
        "concat": {"dim": "axis"},
        "mean": {"dim": "axis", "keepdim": "keepdims"},
        "resize": {"scale_factor": "scale"},
        "one_hot": {"num_classes": "classes"},
        "clip": {"min_value": "min"},
    },
    "initializer": {"normal": {"std": "deviation"}, "uniform": {"a": "low", "maxval": "high"}},
    "optimizer": {"adam": {"learning_rate": "lr", "beta_1": "beta1", "betas": "beta1", "epsilon": "eps"}},
    "loss": {"cross_entropy": {"ignore_index": "ignore", "class_weight": "weight"}, "huber": {"beta": "delta"}},
    "metric": {"accuracy": {"ignore_index": "ignore", "dim": "axis"}},
    "schedule": {"step": {"gamma": "factor", "step_size": "every"}, "cosine": {"T_max": "epochs", "eta_min": "floor"}},
    "stop": {"patience": {"patience": "epochs"}},
    "source": {"csv": {"sep": "delimiter", "filename": "path"}},
    "section": {"train": {"max_epochs": "epochs", "clipnorm": "clip_norm"}},
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in OPTIONS for name in OPTIONS[kind]])
def test_options_of_other_frameworks(kind: str, name: str) -> None:
    cls = registries()[kind][name]
    assert {other: foreign_option(cls, other) for other in OPTIONS[kind][name]} == OPTIONS[kind][name]


def test_names_of_options_lead_to_options_that_there_are() -> None:
    """A base may name options that only some of its classes have; a class of its own may not."""
    for kind, registry in registries().items():
        for name in registry:
            stated = vars(registry[name]).get("foreign_options", {})
            unknown = set(stated.values()) - set(registry[name].option_names)
            assert not unknown, (
                f"foreign_options of the {kind} {name} lead to {sorted(unknown)}, which it does not have"
            )
            both = set(stated) & set(registry[name].option_names)
            assert not both, f"foreign_options of the {kind} {name} hold options of its own: {sorted(both)}"


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("x -> unsqueeze(1) -> conv1d(2, kernel = (3,  1))", "a list stands in brackets: [3, 1]"),
        ("x -> unsqueeze(1) -> conv1d(2, kernel = (x, 1))", "(a, b) -> concat(axis = 1)"),
        (
            'x -> unsqueeze(1) -> conv1d(2, 3, padding = "causal")',
            "conv1d(…, padding = [[(kernel - 1) * dilation, 0]]) pads the past alone",
        ),
    ],
)
def test_convolutions_as_in_python(line: str, help: str) -> None:
    (found,) = findings(model(line))
    assert found.help == help


@pytest.mark.parametrize(
    ("layer", "body", "type"),
    [
        ("SeparableConv2D(16, 3)", "depthwise_conv2d(3) -> conv2d(16, 1)", "float32[N, 16, 4, 4]"),
        (
            "nn.PixelShuffle(2)",
            "reshape(c, 2, 2, h, w) -> transpose(0, 1, 4, 2, 5, 3) -> reshape(c, 2 * h, 2 * w)",
            "float32[N, 2, 12, 12]",
        ),
        (
            "space_to_depth(2)",
            "reshape(c, h, 2, w, 2) -> transpose(0, 1, 3, 5, 2, 4) -> reshape(4 * c, h, w)",
            "float32[N, 32, 3, 3]",
        ),
        (
            "channel_shuffle(2)",
            "reshape(groups, c // groups, h, w) -> transpose(0, 2, 1, 3, 4) -> reshape(c, h, w)",
            "",
        ),
        (
            "SEBlock(8)",
            "x * (x -> global_avg_pool(keepdims = true) -> conv2d(c // 4, 1) -> relu -> conv2d(c, 1) -> sigmoid)",
            "float32[N, 8, 6, 6]",
        ),
        ("Sequential", "dense(64) -> relu -> dense(10)", "float32[N, 8, 6, 10]"),
    ],
)
def test_layers_that_are_several_here_and_what_is_written_for_them_works(layer: str, body: str, type: str) -> None:
    text = "nnspec 1\nmodel m {\n  input x: float32[N, 8, 6, 6]\n  %s\n  output y = %s\n}\n"
    (found,) = findings(text % ("", layer))
    assert found.code == "E201" and found.help and body in found.help
    sizes = {"PixelShuffle": (2, 6, 6), "space_to_depth": (8, 3, 3)}
    c, h, w = next((known for name, known in sizes.items() if name in layer), (8, 6, 6))
    written = text % (f"let c = {c}\n  let h = {h}\n  let w = {w}\n  let groups = 2", body)
    assert outputs(written) == {"y": type or "float32[N, 8, 6, 6]"}


def test_adaptive_pools_are_two_layers_here() -> None:
    text = "nnspec 1\nmodel m {\n  input x: float32[N, 8, 9, 9]\n  output y = x -> %s\n}\n"
    (found,) = findings(text % "nn.AdaptiveAvgPool2d(7)")
    assert found.help == 'did you mean global_avg_pool? To 7x7 means it is resize([7, 7], mode = "area")'
    assert outputs(text % 'resize([7, 7], mode = "area")') == {"y": "float32[N, 8, 7, 7]"}


def test_means_and_deviations_that_are_known() -> None:
    text = "nnspec 1\nmodel m {\n  input x: uint8[N, 3, 9, 9]\n  output y = %s\n}\n"
    (found,) = findings(text % "Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])")
    assert found.help.startswith("did you mean standardize? By numbers that are known it is rescale([1 / deviation, …]")
    (beside,) = findings(text.replace("uint8", "float32") % "x - [0.485, 0.456, 0.406]")
    assert beside.code == "E217" and beside.help == "rescale([…], offset = […]) takes a number for each channel"
    assert codes(text % "rescale([1 / 58, 1 / 57, 1 / 57], offset = [-2, -2, -1.8])") == []
