"""What the layers say when something does not fit: what is wanted, what was found, the probable fix."""

from __future__ import annotations

from typing import Any

import pytest
from library_cases import build, tensor_type

from nnspec.diagnostics.errors import Fault
from nnspec.ir.fields import OptionError

FAULTS = [
    (
        "dense(3)",
        "float32[N, T, F]",
        "E214",
        "dense needs a known size on the last axis of float32[N, T, F], but F is symbolic",
    ),
    ("dense(3)", "int64[N, 4]", "E215", "dense needs a float dtype, got int64[N, 4]"),
    ("dense(3)", "float32[N]", "E203", "dense needs an input [*, in] of at least 2 dimensions, got float32[N]"),
    ("embedding(3, 2)", "float32[N, 4]", "E215", "embedding needs an integer dtype, got float32[N, 4]"),
    (
        "mean(0)",
        "float32[N, 4]",
        "E207",
        "mean cannot work along axis 0 of float32[N, 4]: the first dimension holds the rows of the batch, "
        "which stay apart",
    ),
    ("sum(2)", "float32[N, 4]", "E207", "axis 2 is outside float32[N, 4], whose axes are 0 to 1"),
    ("max([1, -1])", "float32[N, 4]", "E207", "max names an axis of float32[N, 4] twice: [1, -1]"),
    (
        "softmax(axis = 0)",
        "float32[N, 4]",
        "E207",
        "softmax cannot work along axis 0 of float32[N, 4]: the first dimension holds the rows of the batch, "
        "which stay apart",
    ),
    (
        "reshape(1, 28, 28)",
        "float32[N, 783]",
        "E203",
        "reshape(1, 28, 28) needs rows of 784 elements, but a row of float32[N, 783] has 783",
    ),
    (
        "reshape(5, -1)",
        "float32[N, 8]",
        "E203",
        "reshape(5, -1): a row of float32[N, 8] has 8 elements, which 5 does not provably divide",
    ),
    (
        "reshape(4, 2)",
        "float32[N, T]",
        "E214",
        "reshape(4, 2) needs rows of 8 elements, but a row of float32[N, T] has T",
    ),
    (
        "transpose(1, 0)",
        "float32[N, 4]",
        "E207",
        "transpose leaves the first dimension of float32[N, 4] in place: it holds the rows of the batch",
    ),
    (
        "transpose(0, 1)",
        "float32[N, 4, 5]",
        "E203",
        "transpose needs each of the 3 axes of float32[N, 4, 5] once, got [0, 1]",
    ),
    ("squeeze(1)", "float32[N, 4]", "E203", "squeeze removes axes of size 1, but axis 1 of float32[N, 4] is 4"),
    ("split(3)", "float32[N, 4]", "E203", "split(3) needs equal parts, but axis 1 of float32[N, 4] is 4"),
    (
        "split([1, 2])",
        "float32[N, 4]",
        "E203",
        "the sizes [1, 2] of split add up to 3, but axis 1 of float32[N, 4] is 4",
    ),
    ("slice(1, 3, 2)", "float32[N, 4]", "E203", "slice from 3 to 2 leaves nothing of axis 1 of float32[N, 4]"),
    (
        "slice(1, end = 5)",
        "float32[N, T]",
        "E214",
        "slice cannot tell how much it takes of axis 1 of float32[N, T], since T is symbolic",
    ),
    (
        'pad(4, mode = "reflect")',
        "float32[N, 4]",
        "E203",
        "pad mirrors at most 3 elements of axis 1 of float32[N, 4], asked for 4",
    ),
    ("glu", "float32[N, 5]", "E203", "glu halves axis 1 of float32[N, 5], but 5 is odd"),
    (
        "resize(4)",
        "float32[N, 4]",
        "E203",
        "resize needs an input [N, C, W], [N, C, H, W] or [N, C, D, H, W], got float32[N, 4]",
    ),
    (
        'pad([2, 5], mode = "circular")',
        "float32[N, 4]",
        "E203",
        "pad repeats at most 4 elements of axis 1 of float32[N, 4], asked for 5",
    ),
    ("pad(1, value = 0.5)", "int64[N, 4]", "E215", "the number 0.5 does not fit int64"),
    (
        'resize(3, mode = "area")',
        "float32[N, 2, H, 5]",
        "E214",
        'resize(mode = "area") needs a known size on axis 2 of float32[N, 2, H, 5], but H is symbolic',
    ),
    (
        'resize(3, mode = "cubic")',
        "float32[N, 2, 5]",
        "E203",
        'resize(mode = "cubic") needs an input [N, C, H, W], got float32[N, 2, 5]',
    ),
    (
        'resize(3, mode = "linear", antialias = true)',
        "float32[N, 2, 5]",
        "E203",
        "resize(antialias = true) needs an input [N, C, H, W], got float32[N, 2, 5]",
    ),
    (
        "resize([3, 3])",
        "float32[N, 2, 5]",
        "E203",
        "resize needs a size for each of 1 axes of float32[N, 2, 5], got [3, 3]",
    ),
    (
        'resize([3, W], mode = "area")',
        "float32[N, 2, 7, 5]",
        "E214",
        'resize(mode = "area") makes a known size only, but W is symbolic',
    ),
    (
        "resize([W])",
        "float32[N, 2, 7, W]",
        "E203",
        "resize needs a size for each of 2 axes of float32[N, 2, 7, W], got [W]",
    ),
    ("resize(scale = 0.1)", "float32[N, 2, 5]", "E203", "resize by 0.1 leaves nothing of float32[N, 2, 5]"),
    (
        "resize(scale = 1.3)",
        "float32[N, 1, H]",
        "E214",
        "resize by 1.3 gives no provable size for H of float32[N, 1, H]",
    ),
    ('lookup(["a"])', "int64[N]", "E215", "lookup in a list of strings needs a string input, got int64[N]"),
    ("lookup([1])", "string[N]", "E215", "lookup in a list of integers needs an integer input, got string[N]"),
    ('lookup(["a"], invert = true)', "string[N]", "E215", "lookup needs an integer dtype, got string[N]"),
    ("clip(max = 0.5)", "int64[N]", "E215", "clip needs whole bounds for int64[N]"),
    ('cast("float32")', "string[N]", "E215", 'cast converts numbers and bool, not strings: string[N] to "float32"'),
    ("standardize", "bool[N, 4]", "E215", "standardize needs a number dtype, got bool[N, 4]"),
    (
        "max_pool2d(3)",
        "float32[N, 4, 2, 8]",
        "E203",
        "max_pool2d: a kernel of 3 spans 3 elements, but axis 2 of float32[N, 4, 2, 8] has 2",
    ),
    (
        "max_pool2d([2, 3], padding = [[0, 1], 0], dilation = [1, 4])",
        "float32[N, 4, 2, 8]",
        "E203",
        "max_pool2d: a kernel of 3 with a dilation of 4 spans 9 elements, but axis 3 of float32[N, 4, 2, 8] has 8",
    ),
    (
        "max_pool1d(2, 1, padding = 3, dilation = 4)",
        "float32[N, 4, 1]",
        "E203",
        "max_pool1d: with a dilation of 4 a window steps over all of axis 2 of float32[N, 4, 1]",
    ),
    (
        "avg_pool2d(2)",
        "float32[N, 4, 8]",
        "E203",
        "avg_pool2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 4, 8]",
    ),
    (
        "avg_pool2d(2)",
        "uint8[N, 1, 8, 8]",
        "E215",
        "avg_pool2d needs float32 or float16, got uint8[N, 1, 8, 8]",
    ),
    (
        "global_avg_pool",
        "float32[N, 8]",
        "E203",
        "global_avg_pool needs an input [N, C, *] of at least 3 dimensions, got float32[N, 8]",
    ),
    (
        "batch_norm",
        "float32[N]",
        "E203",
        "batch_norm needs an input [N, C, *] of at least 2 dimensions, got float32[N]",
    ),
    (
        "batch_norm",
        "float32[N, C, 3]",
        "E214",
        "batch_norm needs a known size on axis 1 of float32[N, C, 3], but C is symbolic",
    ),
    ("batch_norm", "uint8[N, 3, 4, 4]", "E215", "batch_norm needs a float dtype, got uint8[N, 3, 4, 4]"),
    (
        "layer_norm(64)",
        "float32[N, 64]",
        "E207",
        "layer_norm: axis 64 is outside float32[N, 64], whose axes are 0 to 1",
    ),
    (
        "layer_norm([3, 8, 8])",
        "float32[N, 3, 8, 8]",
        "E207",
        "layer_norm: axis [3, 8, 8] is outside float32[N, 3, 8, 8], whose axes are 0 to 3",
    ),
    (
        "rms_norm([2, 1])",
        "float32[N, 3, 4]",
        "E207",
        "rms_norm needs the axes of float32[N, 3, 4] in order, got [2, 1]",
    ),
    (
        "group_norm(3)",
        "float32[N, 8, T]",
        "E203",
        "group_norm makes 3 groups of the channels on axis 1 of float32[N, 8, T], but 3 does not divide 8",
    ),
    (
        "group_norm(4)",
        "float32[N, 4]",
        "E203",
        "group_norm needs more than one value per group of a row, got float32[N, 4]",
    ),
    (
        "instance_norm",
        "float32[N, 4]",
        "E203",
        "instance_norm needs an input [N, C, *] of at least 3 dimensions, got float32[N, 4]",
    ),
    (
        "instance_norm",
        "float32[N, 4, 1, 1]",
        "E203",
        "instance_norm needs more than one value per channel of a row, got float32[N, 4, 1, 1]",
    ),
    ("l2_normalize([1, 1])", "float32[N, 4]", "E207", "l2_normalize names an axis of float32[N, 4] twice: [1, 1]"),
    (
        "spatial_dropout(0.1)",
        "float32[N, 4]",
        "E203",
        "spatial_dropout needs an input [N, C, *] of at least 3 dimensions, got float32[N, 4]",
    ),
]

PAIRS = [
    (
        "layer",
        "concat",
        "float32[N, 2]",
        "float32[M, 3]",
        "E214",
        "concat needs equal sizes outside axis 1, got float32[N, 2] and float32[M, 3]: N against M on axis 0",
    ),
    (
        "layer",
        "concat(axis = 1)",
        "float32[N, 2, 4]",
        "float32[N, 2, 5]",
        "E208",
        "concat needs equal sizes outside axis 1, got float32[N, 2, 4] and float32[N, 2, 5]: 4 against 5 on axis 2",
    ),
    (
        "layer",
        "stack",
        "float32[N, 2]",
        "int64[N, 2]",
        "E215",
        "stack needs one dtype, got float32[N, 2] and int64[N, 2]",
    ),
    (
        "operator",
        "add",
        "float32[N, 2]",
        "int64[N, 2]",
        "E215",
        "add needs values of one dtype, got float32[N, 2] and int64[N, 2]",
    ),
    (
        "operator",
        "add",
        "float32[N, 1]",
        "float32[N]",
        "E208",
        "float32[N] and float32[N, 1] would broadcast to float32[N, N]: every row of one with every row of the other",
    ),
    (
        "operator",
        "matmul",
        "float32[N, 2, 3]",
        "float32[2, 3]",
        "E208",
        "float32[N, 2, 3] @ float32[2, 3] does not fit: 3 columns against 2 rows",
    ),
    ("operator", "divide", "int64[N]", "int64[N]", "E215", "divide needs a float dtype, got int64[N]"),
    (
        "loss",
        "mse",
        "float32[N, 1]",
        "float32[N]",
        "E208",
        "mse needs prediction and target of one shape, got float32[N, 1] and float32[N]",
    ),
    (
        "loss",
        "mse",
        "float32[N]",
        "int64[N]",
        "E215",
        "mse needs a target of the prediction's dtype, got float32[N] and int64[N]",
    ),
    (
        "loss",
        "cross_entropy",
        "float32[N]",
        "int64[N]",
        "E203",
        "cross_entropy needs logits [N, classes], got float32[N]",
    ),
    (
        "loss",
        "cross_entropy",
        "float32[N, T, C]",
        "int64[N, T]",
        "E214",
        "cross_entropy needs a known size on the last axis of float32[N, T, C], but C is symbolic",
    ),
    (
        "loss",
        "cross_entropy",
        "float32[N, 4]",
        "float32[N, 4]",
        "E215",
        "cross_entropy needs classes as the target, int64[N], got float32[N, 4]",
    ),
    (
        "loss",
        "cross_entropy",
        "float32[N, 4, 5]",
        "int64[N, 5]",
        "E208",
        "cross_entropy needs a class for each row of float32[N, 4, 5], int64[N, 4], got int64[N, 5]",
    ),
    (
        "loss",
        "cross_entropy(weight = [1, 2])",
        "float32[N, 4]",
        "int64[N]",
        "E203",
        "cross_entropy needs a weight for each of the 4 classes of float32[N, 4], got 2",
    ),
    (
        "metric",
        "top_k_accuracy",
        "float32[N, 4]",
        "int64[N]",
        "E203",
        "top_k_accuracy(k = 5) needs at least 5 classes, but float32[N, 4] has 4",
    ),
]

REFUSED = [
    ("layer", "reshape(-1, -1)", "only one size can be -1"),
    ("layer", "reshape(0, 3)", "sizes are at least 1"),
    ("layer", "embedding(5, 3, padding = 5)", "padding (5) must be an id below count (5)"),
    ("layer", "clip", "give min, max or both"),
    ("layer", "clip(2, 1)", "min (2) is above max (1)"),
    ("layer", "resize", "give size or scale"),
    ("layer", "pad([[1, 2], [3, 4]])", "amount has 2 pairs for 1 axes"),
    ("layer", "resize(2, align_corners = true)", 'align_corners is for the modes "linear" and "cubic"'),
    ("layer", 'resize(2, mode = "area", antialias = true)', 'antialias is for the modes "linear" and "cubic"'),
    ("layer", "max_pool2d([2, 2, 2])", "kernel is one number, or a list of 2, one for each axis"),
    ("layer", "max_pool3d(2, [1, 2])", "stride is one number, or a list of 3, one for each axis"),
    (
        "layer",
        "max_pool2d(3, padding = [1, 1, 1, 1])",
        'padding is "same", "valid", one number, or a list of 2 numbers',
    ),
    ("layer", "avg_pool1d(3, padding = [3, 0])", "a padding of 3 holds whole windows of 3 elements"),
    ("layer", 'lookup(["a", "a"])', "'a' is in the list twice"),
    ("initializer", "uniform(1, 0)", "low (1.0) must be below high (0.0)"),
    ("optimizer", "sgd(0.1, nesterov = true)", "nesterov needs momentum above 0 and no dampening"),
    ("layer", "dense(0)", "units is a whole number above 0"),
    ("layer", "dropout(1)", "rate is a number of at least 0 and below 1"),
    ("layer", "batch_norm(64)", "momentum is a number from 0 to 1 or none"),
    ("layer", "instance_norm(momentum = none)", "momentum is a number from 0 to 1"),
    ("layer", "group_norm(0)", "groups is a whole number above 0"),
    ("layer", "layer_norm(eps = 0)", "eps is a number above 0"),
    ("optimizer", "adam(-1)", "lr is a number above 0 or a schedule"),
]


@pytest.mark.parametrize(
    ("call", "type", "code", "message"), FAULTS, ids=[f"{call} {type}" for call, type, *_ in FAULTS]
)
def test_layer_says_what_is_wrong(call: str, type: str, code: str, message: str) -> None:
    layer: Any = build("layer", call)
    with pytest.raises(Fault) as caught:
        layer.infer(tensor_type(type))
    assert (caught.value.code, caught.value.message) == (code, message)


@pytest.mark.parametrize(
    ("kind", "call", "a", "b", "code", "message"), PAIRS, ids=[f"{p[1]} {p[2]} {p[3]}" for p in PAIRS]
)
def test_pair_says_what_is_wrong(kind: str, call: str, a: str, b: str, code: str, message: str) -> None:
    component: Any = build(kind, call)
    with pytest.raises(Fault) as caught:
        component.infer(tensor_type(a), tensor_type(b))
    assert caught.value.code == code
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(("kind", "call", "message"), REFUSED, ids=[call for _, call, _ in REFUSED])
def test_options_that_make_no_sense_are_refused(kind: str, call: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        build(kind, call)
    assert message in str(caught.value)


def test_the_help_names_the_fix() -> None:
    mse: Any = build("loss", "mse")
    with pytest.raises(Fault) as caught:
        mse.infer(tensor_type("float32[N, 1]"), tensor_type("float32[N]"))
    assert (
        caught.value.help == "declare the target as float32[N, 1] (a list of one column), or squeeze(-1) the prediction"
    )
    dense: Any = build("layer", "dense(2)")
    with pytest.raises(Fault) as caught:
        dense.infer(tensor_type("uint8[N, 4]"))
    assert caught.value.help == 'cast("float32") converts'


@pytest.mark.parametrize(
    ("call", "a", "b", "help"),
    [
        ("concat", "float32[N, 3, 8, 8]", "float32[N, 4, 8, 8]", "concat(axis = 1) joins them there"),
        (
            "concat(axis = 1)",
            "float32[N, 3, 9, 9]",
            "float32[N, 3, 8, 8]",
            "pad, slice or resize makes them equal; sizes",
        ),
        ("concat(axis = 1)", "float32[N, 3, 9]", "float32[N, 3, 4]", "pad, slice or resize makes them equal"),
        ("concat(axis = 1)", "float32[N, 3, T]", "float32[N, 3, S]", "give both dimensions the same name"),
        ("add", "float32[N, 3, 8, 8]", "float32[N, 3]", "sizes are compared from the last: reshape(3, 1, 1) makes"),
        ("multiply", "float32[N, 3]", "float32[N, 3, T]", "sizes are compared from the last: reshape(3, 1) makes"),
    ],
)
def test_the_help_for_images_that_differ(call: str, a: str, b: str, help: str) -> None:
    component: Any = build("layer" if call.startswith("concat") else "operator", call)
    with pytest.raises(Fault) as caught:
        component.infer(tensor_type(a), tensor_type(b))
    assert caught.value.help.startswith(help)


def test_a_size_that_must_be_known_names_the_symbols_of_the_input() -> None:
    dense: Any = build("layer", "dense(2)")
    with pytest.raises(Fault) as caught:
        dense.infer(tensor_type("float32[N, H * W]"))
    wanted = "declare the input with a number in the place of H and W, or take global_avg_pool in the place of flatten"
    assert caught.value.help == wanted


def test_rows_never_run_along_another_axis() -> None:
    """[N] against [N, N] would fit by broadcasting, and pair every row with every other."""
    add: Any = build("operator", "add")
    with pytest.raises(Fault, match="every row of one with every row of the other"):
        add.infer(tensor_type("float32[N]"), tensor_type("float32[N, N]"))
    assert add.infer(tensor_type("float32[N, T, 3]"), tensor_type("float32[T, 3]")) == tensor_type("float32[N, T, 3]")
    assert add.infer(tensor_type("float32[N, 3]"), tensor_type("float32[]")) == tensor_type("float32[N, 3]")


@pytest.mark.parametrize(
    ("value", "dtype"), [("300", "uint8"), ("0.5", "int64"), ("true", "float32"), ("1", "bool"), ("1", "string")]
)
def test_a_number_must_fit_the_dtype_beside_it(value: str, dtype: str) -> None:
    constant: Any = build("operator", f'constant({value}, "{dtype}")')
    with pytest.raises(Fault, match=f"the number {value} does not fit {dtype}"):
        constant.infer()
