"""Convolutions: what they say about inputs and options that do not fit, what they become, and symbolic sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from library_cases import Case, build, lowered, model_of, onnxruntime, reference, tensor_type

import nnspec
from nnspec.diagnostics.errors import Fault, SpecError
from nnspec.ir.components import Example
from nnspec.ir.fields import OptionError

IMAGES = "float32[N, 3, 8, 8]"

FAULTS = [
    (
        "conv2d(32, kernel = 5)",
        "float32[N, 784]",
        "E203 conv2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 784]",
        "move flatten below the convolutions, or reshape(1, 28, 28) first",
    ),
    (
        "conv2d(32, 5)",
        "float32[N, 3072]",
        "E203 conv2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 3072]",
        "move flatten below the convolutions, or reshape(3, 32, 32) first",
    ),
    (
        "conv2d(32, 5)",
        "float32[N, 28, 28]",
        "E203 conv2d needs an input of 4 dimensions [N, C, H, W], got float32[N, 28, 28]",
        "unsqueeze(1) makes one channel of it; conv1d takes [N, C, W]",
    ),
    (
        "conv_transpose1d(2, 3)",
        IMAGES,
        "E203 conv_transpose1d needs an input of 3 dimensions [N, C, W], got float32[N, 3, 8, 8]",
        "conv_transpose2d takes [N, C, H, W]",
    ),
    (
        "conv2d(32, 3)",
        "float32[N, 28, 28, 1]",
        "E203 conv2d: a kernel of 3 spans 3 elements, but axis 3 of float32[N, 28, 28, 1] has 1",
        "channels come first: transpose(0, 3, 1, 2)",
    ),
    (
        "conv2d(32, 3, dilation = 5)",
        IMAGES,
        "E203 conv2d: a kernel of 3 with a dilation of 5 spans 11 elements, but axis 2 of float32[N, 3, 8, 8] has 8",
        'take a smaller kernel, or pad: padding = "same"',
    ),
    (
        "depthwise_conv2d(11, padding = 1)",
        IMAGES,
        "E203 depthwise_conv2d: a kernel of 11 spans 11 elements, but axis 2 of float32[N, 3, 8, 8] has 8 with a "
        "padding of [1, 1]",
        'take a smaller kernel, or pad: padding = "same"',
    ),
    (
        "conv2d(3, 64, 7, 2, 3)",
        IMAGES,
        "E203 conv2d: a kernel of 64 with a dilation of 3 spans 190 elements, but axis 2 of float32[N, 3, 8, 8] has 8 "
        "with a padding of [2, 2]",
        "the channels of the input are known: conv2d(64, 7)",
    ),
    (
        "depthwise_conv2d(32, 3)",
        IMAGES,
        "E203 depthwise_conv2d: a kernel of 32 spans 32 elements, but axis 2 of float32[N, 3, 8, 8] has 8",
        "its channels are those of the input, times multiplier: depthwise_conv2d(3)",
    ),
    (
        "conv2d(4, 3, groups = 2)",
        IMAGES,
        "E203 conv2d cannot take the 3 channels of float32[N, 3, 8, 8] in 2 groups of one size",
        "",
    ),
    (
        "conv_transpose2d(4, 3, groups = 2)",
        IMAGES,
        "E203 conv_transpose2d cannot take the 3 channels of float32[N, 3, 8, 8] in 2 groups of one size",
        "",
    ),
    (
        "conv_transpose2d(4, 3, 2, padding = [0, [9, 8]])",
        IMAGES,
        "E203 conv_transpose2d: axis 3 of float32[N, 3, 8, 8] becomes 17 elements, and a padding of [9, 8] leaves "
        "nothing of it",
        "",
    ),
    ("conv2d(4, 3)", "float64[N, 3, 8, 8]", "E215 conv2d needs float32 or float16, got float64[N, 3, 8, 8]",
     'cast("float32") converts'),
    ("conv3d(4, 3)", "uint8[N, 3, 8, 8, 8]", "E215 conv3d needs float32 or float16, got uint8[N, 3, 8, 8, 8]",
     'cast("float32") converts'),
    ("conv2d(4, 3)", "float32[N, C, 8, 8]",
     "E214 conv2d needs a known size on axis 1 of float32[N, C, 8, 8], but C is symbolic",
     "declare the input with a number in the place of C"),
    (
        'conv2d(4, 3, padding = [0, [8, 1]], padding_mode = "reflect")',
        IMAGES,
        'E203 conv2d: padding_mode = "reflect" finds at most 7 elements for the border of axis 3 of '
        "float32[N, 3, 8, 8], asked for 8",
        'padding_mode = "edge" has no limit',
    ),
    (
        'depthwise_conv2d(3, padding = 9, padding_mode = "circular")',
        IMAGES,
        'E203 depthwise_conv2d: padding_mode = "circular" finds at most 8 elements for the border of axis 2 of '
        "float32[N, 3, 8, 8], asked for 9",
        'padding_mode = "edge" has no limit',
    ),
    (
        'conv1d(4, 3, 2, "same", padding_mode = "edge")',
        "float32[N, 3, T]",
        'E214 conv1d: with padding_mode = "edge" and a stride, padding = "same" needs a known size on axis 2 of '
        "float32[N, 3, T], but T is symbolic",
        "give the padding in numbers, or declare the input with a number in the place of T",
    ),
]  # fmt: skip

REFUSED = [
    ("conv2d(33, 3, groups = 2)", "groups (2) must divide channels (33)"),
    ("conv_transpose3d(33, 3, groups = 2)", "groups (2) must divide channels (33)"),
    ("conv2d(4, [3, 3, 3])", "kernel is one number, or a list of 2, one for each axis"),
    ("conv3d(4, 3, dilation = [1, 2])", "dilation is one number, or a list of 3, one for each axis"),
    ("conv2d(4, 3, padding = [0, 1, 0, 1])", "a list of 2 numbers or pairs [before, behind]"),
    ("conv2d(4, 0)", "kernel is a whole number above 0"),
    ("conv2d(4, 3, padding = -1)", "padding is one of"),
    (
        "conv_transpose2d(4, 3, output_padding = 1)",
        "output_padding (1) must be below the stride (1) or the dilation (1)",
    ),
    ("conv_transpose2d(4, 3, 2, output_padding = [1, 0, 1])", "output_padding is one number, or a list of 2"),
    ('conv_transpose1d(4, 3, 2, "same", output_padding = 1)', "output_padding has no meaning"),
]

HELPS = [
    ("conv2d(in_channels = 3, channels = 8, kernel = 3)", "the size of the input is known: leave it out"),
    ("conv2d(out_channels = 8, kernel = 3)", "did you mean channels?"),
    ("conv2d(filters = 8, kernel = 3)", "did you mean channels?"),
    ("conv2d(8, kernel_size = 3)", "did you mean kernel?"),
    ("conv2d(8, 3, strides = 2)", "did you mean stride?"),
    ("conv2d(8, 3, dilation_rate = 2)", "did you mean dilation?"),
    ("conv2d(8, 3, use_bias = false)", "did you mean bias?"),
    ("conv2d(8, 3, kernel_initializer = he_normal())", "did you mean init?"),
    ("conv2d(8, 3, activation = relu)", "an activation is a layer of its own: conv2d(8, 3) -> relu"),
    ('conv2d(8, 3, data_format = "channels_last")', "channels are on axis 1: transpose(0, 3, 1, 2) makes"),
    ('conv2d(8, 3, padding = "SAME")', 'did you mean "same"?'),
    ('conv2d(8, 3, padding = 1, padding_mode = "replicate")', 'did you mean "edge"?'),
    ('conv2d(8, 3, padding = 1, padding_mode = "constant")', 'did you mean "zeros"?'),
    ("depthwise_conv2d(3, depth_multiplier = 2)", "did you mean multiplier?"),
    ("conv_transpose2d(8, 3, out_channels = 2)", "did you mean channels?"),
    ("Conv2D(8, 3)", "did you mean conv2d?"),
    ("nn.ConvTranspose2d(8, 3)", "did you mean conv_transpose2d?"),
    ("Conv1DTranspose(8, 3)", "did you mean conv_transpose1d?"),
    ("DepthwiseConv2D(3)", "did you mean depthwise_conv2d?"),
]

MACS = [
    ("conv2d(16, 3, padding = 1)", IMAGES, "27648*N"),
    ("conv2d(16, 3, 2, padding = 1, groups = 1)", IMAGES, "6912*N"),
    ("conv1d(4, 3, groups = 2)", "float32[N, 6, T]", "36*N*T-72*N"),
    ("conv_transpose2d(16, 4, 2, 1)", IMAGES, "49152*N"),
    ("depthwise_conv2d(3, padding = 1, multiplier = 2)", IMAGES, "3456*N"),
    ("conv3d(2, 2)", "float32[N, 1, 3, 3, 3]", "128*N"),
]
"""Elements of the result, or of the input of a transpose, times what the filter reads or writes for each."""

LOWERED = [
    ("conv2d(4, 3)", IMAGES, ["Conv"]),
    ('conv2d(4, 3, 2, "same")', IMAGES, ["Conv"]),
    ('conv2d(4, 3, 1, "same")', "float32[N, 3, H, W]", ["Conv"]),
    ('conv2d(4, 3, 2, "same")', "float32[N, 3, 8*H, 2*W]", ["Conv"]),
    ("depthwise_conv2d(3, padding = [[0, 2], 1])", IMAGES, ["Conv"]),
    ('conv2d(4, 3, padding = 1, padding_mode = "reflect")', IMAGES, ["Pad", "Conv"]),
    ('conv2d(4, 1, padding_mode = "reflect")', IMAGES, ["Conv"]),
    ("conv_transpose2d(4, 4, 2, 1)", IMAGES, ["ConvTranspose"]),
    ('conv_transpose2d(4, 3, 2, "same")', IMAGES, ["ConvTranspose"]),
]
"""What a layer becomes for a batch of any size: no operator more than it takes."""


@pytest.mark.parametrize(
    ("call", "type", "message", "help"), FAULTS, ids=[f"{call} {type}" for call, type, *_ in FAULTS]
)
def test_what_does_not_fit_is_said_with_the_shapes(call: str, type: str, message: str, help: str) -> None:
    layer: Any = build("layer", call)
    with pytest.raises(Fault) as caught:
        layer.infer(tensor_type(type))
    assert f"{caught.value.code} {caught.value.message}" == message
    assert caught.value.help == help


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[call for call, _ in REFUSED])
def test_options_that_make_no_sense_are_refused(call: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        build("layer", call)
    assert message in str(caught.value)


@pytest.mark.parametrize(("call", "help"), HELPS, ids=[call for call, _ in HELPS])
def test_habits_from_other_frameworks_are_answered(call: str, help: str) -> None:
    with pytest.raises(SpecError) as caught:
        nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: {IMAGES}\n  {call}\n}}\n")
    assert help in caught.value.diagnostics[0].help


@pytest.mark.parametrize(("call", "type", "wanted"), MACS, ids=[call for call, *_ in MACS])
def test_macs(call: str, type: str, wanted: str) -> None:
    layer: Any = build("layer", call)
    layer.infer(tensor_type(type))
    assert str(layer.macs(tensor_type(type))) == wanted


@pytest.mark.parametrize(("call", "type", "operators"), LOWERED, ids=[f"{call} {type}" for call, type, _ in LOWERED])
def test_what_a_layer_becomes(call: str, type: str, operators: list[str]) -> None:
    graph = lowered(Case("layer", Example(call, (type,))), symbolic=True).graph
    assert [node.op_type for node in graph.nodes] == operators


SYMBOLIC = [
    "conv2d(4, 3)",
    "conv2d(4, 3, stride = 2, padding = 1)",
    'conv2d(4, 3, stride = 2, padding = "same")',
    'conv2d(4, 2, stride = 3, padding = "same")',
    'conv2d(4, 1, stride = 2, padding = "same")',
    'conv2d(4, [2, 3], stride = [1, 4], padding = "same", dilation = [2, 1])',
    'conv2d(6, 3, padding = 1, groups = 3, padding_mode = "circular")',
    'conv2d(4, 3, padding = [[2, 0], 1], padding_mode = "edge")',
    'depthwise_conv2d(4, stride = 2, padding = "same")',
    "conv_transpose2d(4, 3, stride = 2, padding = 1, output_padding = 1)",
    'conv_transpose2d(4, 2, stride = 3, padding = "same")',
]


@pytest.mark.parametrize("call", SYMBOLIC)
def test_one_file_takes_images_of_all_sizes(call: str) -> None:
    """The graph of symbolic sizes, at run time, is what `infer` says, and what the graph of those sizes computes."""
    free = lowered(Case("layer", Example(call, ("float32[N, 3, H, W]",))), symbolic=True)
    model, feeds = model_of(free)
    for height, width in ((5, 7), (8, 6), (9, 9), (12, 10)):
        x = np.random.default_rng(0).normal(size=(2, 3, height, width)).astype(np.float32)
        fixed = lowered(Case("layer", Example(call, (f"float32[2, 3, {height}, {width}]",))))
        (wanted,) = reference(model_of(fixed)[0], feeds | {"x0": x})
        (found,) = onnxruntime(model, feeds | {"x0": x})
        layer: Any = build("layer", call)
        assert found.shape == layer.infer(tensor_type(f"float32[2, 3, {height}, {width}]")).shape
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("call", ["conv2d(4, 3, padding = 1)", "conv_transpose2d(4, 3, 2)", "depthwise_conv2d(3)"])
def test_half_precision_runs(call: str) -> None:
    case = Case("layer", Example(call, ("float16[2, 3, 5, 4]",)))
    model, feeds = model_of(lowered(case))
    (found,) = onnxruntime(model, feeds)
    (wanted,) = reference(model_of(lowered(case))[0], {name: array.astype(np.float64) for name, array in feeds.items()})
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, wanted, rtol=2e-2, atol=2e-2)


def test_parameters_have_the_layout_of_pytorch() -> None:
    wanted = {
        "conv2d(8, [3, 2], groups = 2)": (8, 2, 3, 2),
        "conv_transpose2d(8, [3, 2], groups = 2)": (4, 4, 3, 2),
        "depthwise_conv2d(3, multiplier = 2)": (8, 1, 3, 3),
    }
    for call, shape in wanted.items():
        layer: Any = build("layer", call)
        parameters = layer.parameters(tensor_type("float32[N, 4, 8, 8]"))
        assert {name: spec.shape for name, spec in parameters.items()} == {"weight": shape, "bias": (8,)}


def test_a_layer_with_circular_borders_is_a_file_of_old_opsets() -> None:
    """Pad has the mode wrap from opset 19 on only."""
    spec = nnspec.loads(
        f'nnspec 1\nmodel m {{\n  input x: {IMAGES}\n  conv2d(2, 3, padding = 1, padding_mode = "circular")\n}}\n'
    )
    assert nnspec.compile(spec, opset=17).run({"x": np.ones((1, 3, 8, 8), np.float32)})["output"].shape == (1, 2, 8, 8)


@pytest.mark.parametrize("mode", ["reflect", "edge", "circular"])
def test_wide_borders_of_images_of_any_size_compile(mode: str) -> None:
    """A compiled model is tried on small images first, and these borders are wider than those."""
    spec = nnspec.loads(
        "nnspec 1\nmodel m {\n  input x: float32[N, 3, H, W]\n"
        f'  conv2d(2, 3, padding = 9, padding_mode = "{mode}")\n}}\n'
    )
    assert nnspec.compile(spec).run({"x": np.ones((1, 3, 10, 11), np.float32)})["output"].shape == (1, 2, 26, 27)
