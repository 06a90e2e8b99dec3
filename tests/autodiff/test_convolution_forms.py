"""Every form of a convolution's gradients over every geometry, chosen there or not; the choices; the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_builds import session
from onnx.reference import ReferenceEvaluator
from operator_cases import CONVOLUTIONS
from reference_convolution import Conv, ConvTranspose

from nnspec.autodiff import conv_weight, convolution, gradients
from nnspec.autodiff.conv_weight import FORMS, by_slices
from nnspec.graph import convolution_forms as forms
from nnspec.graph.convolution import Geometry, geometry
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph, Value
from nnspec.graph.onnx_file import to_model
from nnspec.graph.passes import optimized

Attributes = dict[str, Any]
Shape = tuple[int, ...]

IDS = [f"{x} {w} {attributes}" for x, w, attributes in CONVOLUTIONS]
every_geometry = pytest.mark.parametrize(("x", "w", "attributes"), CONVOLUTIONS, ids=IDS)


def sampled(*shapes: Shape) -> list[Array]:
    random = np.random.default_rng(0)
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def convolved(x: Array, w: Array, attributes: Attributes) -> Array:
    given = {"strides": None, "pads": None, "dilations": None, "group": 1} | attributes
    (y,) = Conv._run(None, x.astype(np.float64), w.astype(np.float64), **given)  # type: ignore[arg-type]
    return y


def node(x: Shape, w: Shape, attributes: Attributes) -> tuple[Graph, Value, Value, Value, Geometry]:
    """A graph with the images, the weight and the gradient of the result as inputs, and the geometry."""
    g = Graph("form", training=True)
    images, weight = g.input("x", tensor_type("float32", x)), g.input("w", tensor_type("float32", w))
    y = g.op("Conv", images, weight, **attributes)
    assert y.node is not None
    g.nodes.clear()
    return g, images, weight, g.input("dy", y.type), geometry(y.node)


def run(g: Graph, result: Value, feeds: dict[str, Array]) -> Array:
    g.output("result", result)
    found: Array = session(optimized(g)).run(None, feeds)[0]
    return found


def weight_gradient(x: Array, dy: Array, w: Shape, attributes: Attributes) -> Array:
    """By the definition: the slope of <y, dy> along every element of the weight."""
    found = np.zeros(w)
    for index in np.ndindex(*w):
        unit = np.zeros(w)
        unit[index] = 1
        found[index] = np.sum(convolved(x, unit, attributes) * dy)
    return found


def input_gradient(x: Shape, dy: Array, w: Array, attributes: Attributes) -> Array:
    found = np.zeros(x)
    for index in np.ndindex(*x):
        unit = np.zeros(x)
        unit[index] = 1
        found[index] = np.sum(convolved(unit, w, attributes) * dy)
    return found


@every_geometry
def test_the_reference_is_that_of_onnx(x: Shape, w: Shape, attributes: Attributes) -> None:
    """Sums in NumPy, by which the forms are judged; they stand in for ONNX's ConvTranspose, wrong with groups."""
    groups = attributes.get("group", 1)
    transposed = (w[1] * groups, w[0] // groups, *w[2:])
    for op_type, shape, ours in (("Conv", w, Conv), ("ConvTranspose", transposed, ConvTranspose)):
        if op_type == "ConvTranspose" and groups > 1:
            continue
        g = Graph("convolution")
        operands = [g.input("x", tensor_type("float32", x)), g.input("w", tensor_type("float32", shape))]
        g.output("y", g.op(op_type, *operands, **attributes))
        model, feeds = to_model(g), dict(zip("xw", sampled(x, shape), strict=True))
        (wanted,) = ReferenceEvaluator(model).run(None, feeds)
        (found,) = ReferenceEvaluator(model, new_ops=[ours]).run(None, feeds)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@every_geometry
def test_every_form_of_the_weight_gradient(
    x: Shape, w: Shape, attributes: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, weight = sampled(x, w)
    (dy,) = sampled(convolved(images, weight, attributes).shape)
    wanted, feeds = weight_gradient(images, dy, w, attributes), {"x": images, "w": weight, "dy": dy}
    for name, form in FORMS.items():
        g, given, _, upstream, geo = node(x, w, attributes)
        if name == "whole" and (geo.places > 1 or geo.groups > 1):
            continue
        if name in ("sums", "diagonals") and geo.groups != geo.channels:
            continue
        np.testing.assert_allclose(run(g, form(g, given, upstream, geo), feeds), wanted, rtol=1e-4, atol=1e-5)
    for joined in range(len(x) - 1):
        for own in (False, True):
            monkeypatch.setattr(conv_weight, "joined_axes", lambda geo, joined=joined: joined)
            monkeypatch.setattr(conv_weight, "image_by_image", lambda geo, own=own: own)
            g, given, _, upstream, geo = node(x, w, attributes)
            np.testing.assert_allclose(run(g, by_slices(g, given, upstream, geo), feeds), wanted, rtol=1e-4, atol=1e-5)


@every_geometry
def test_every_form_of_the_input_gradient(
    x: Shape, w: Shape, attributes: Attributes, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, weight = sampled(x, w)
    (dy,) = sampled(convolved(images, weight, attributes).shape)
    wanted = input_gradient(x, dy, weight, attributes)
    for form in ("transposed", "flipped"):
        g, _, given, upstream, geo = node(x, w, attributes)
        if form == "flipped" and not can_be_flipped(geo):
            continue
        monkeypatch.setattr(convolution, "input_form", lambda geo, form=form: form)
        found = run(g, convolution._input_gradient(g, upstream, given, geo), {"x": images, "w": weight, "dy": dy})
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def can_be_flipped(geo: Geometry) -> bool:
    wide = any(max(begin, end) >= extent for begin, end, extent in zip(geo.begins, geo.ends, geo.extents, strict=True))
    return set(geo.strides) == {1} and not wide


CHOICES: dict[str, tuple[Shape, Shape, Attributes, str, str]] = {
    "LeNet, second": ((64, 6, 14, 14), (16, 6, 5, 5), {}, "transposed", "slices"),
    "LeNet, third": ((64, 16, 5, 5), (120, 16, 5, 5), {}, "transposed", "whole"),
    "ResNet-50, stem": ((4, 3, 64, 64), (64, 3, 7, 7), {"strides": [2, 2], "pads": [3] * 4}, "transposed", "swapped"),
    "ResNet, narrow": ((16, 64, 32, 32), (64, 64, 3, 3), {"pads": [1] * 4}, "transposed", "slices"),
    "ResNet, wide": ((16, 512, 4, 4), (512, 512, 3, 3), {"pads": [1] * 4}, "flipped", "slices"),
    "ResNet, down": ((16, 64, 32, 32), (128, 64, 3, 3), {"strides": [2, 2], "pads": [1] * 4}, "transposed", "slices"),
    "1 x 1": ((16, 192, 8, 8), (32, 192, 1, 1), {}, "flipped", "slices"),
    "1 x 1, down": ((16, 64, 32, 32), (128, 64, 1, 1), {"strides": [2, 2]}, "transposed", "slices"),
    "patches": ((2, 3, 224, 224), (192, 3, 16, 16), {"strides": [16, 16]}, "transposed", "swapped"),
    "depthwise": ((16, 144, 16, 16), (144, 1, 3, 3), {"group": 144, "pads": [1] * 4}, "flipped", "diagonals"),
    "depthwise, large": ((2, 32, 112, 112), (32, 1, 3, 3), {"group": 32, "pads": [1] * 4}, "flipped", "sums"),
    "depthwise, long": ((16, 64, 256), (64, 1, 7), {"group": 64, "pads": [3, 3]}, "flipped", "sums"),
    "padding beyond the kernel": ((2, 96, 4, 4), (96, 96, 1, 1), {"pads": [1] * 4}, "transposed", "slices"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_what_is_chosen(case: str) -> None:
    x, w, attributes, of_input, of_weight = CHOICES[case]
    *_, geo = node(x, w, attributes)
    assert (forms.input_form(geo), forms.weight_form(geo)) == (of_input, of_weight)


def test_each_form_is_chosen_somewhere() -> None:
    assert {form for *_, form in CHOICES.values()} == set(FORMS)


def gradients_of(x: Shape, w: Shape, attributes: Attributes, op_type: str = "Conv") -> Graph:
    g = Graph("gradients", training=True)
    shape = (w[1] * attributes.get("group", 1), w[0] // attributes.get("group", 1), *w[2:])
    images = g.input("x", tensor_type("float32", x))
    weight = g.input("w", tensor_type("float32", w if op_type == "Conv" else shape))
    bias = g.input("b", tensor_type("float32", w[:1]))
    y = g.op(op_type, images, weight, bias, **attributes)
    loss = g.reduce("ReduceSum", g.op("Mul", y, y), range(y.rank))
    for name, value in zip("xwb", gradients(g, loss, [images, weight, bias]), strict=True):
        assert value is not None
        g.output(f"d{name}", value)
    return optimized(g)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    ("case", "op_type"),
    [
        *((case, "Conv") for case in ("LeNet, second", "ResNet, narrow", "ResNet, down", "1 x 1", "depthwise")),
        *((case, "ConvTranspose") for case in ("LeNet, second", "1 x 1, down", "depthwise")),
    ],
)
def test_the_same_bits_in_every_run(case: str, op_type: str, threads: int) -> None:
    """Work enough for several threads; whatever the order in which they come, the sums are the same."""
    x, w, attributes, *_ = CHOICES[case]
    g = gradients_of((2, *x[1:]), w, attributes, op_type)
    given = session(g, threads)
    feeds = dict(zip("xwb", sampled((2, *x[1:]), *(value.static_shape for value in g.inputs[1:])), strict=True))
    first = [array.tobytes() for array in given.run(None, feeds)]
    for _ in range(50):
        assert [array.tobytes() for array in given.run(None, feeds)] == first


def test_gradients_of_gradients() -> None:
    """The rules are closed: a convolution's gradient has a gradient, which finite differences of the first confirm."""
    x, w, dy = sampled((2, 2, 5, 4), (3, 2, 3, 2), (2, 3, 3, 4))
    g = Graph("second", training=True)
    images, weight = g.input("x", tensor_type("float32", x.shape)), g.input("w", tensor_type("float32", w.shape))
    upstream = g.input("dy", tensor_type("float32", dy.shape))
    y = g.op("Conv", images, weight, strides=[2, 1], pads=[1, 0, 1, 1])
    loss = g.reduce("ReduceSum", g.op("Mul", y, upstream), range(4))
    (dw,) = gradients(g, loss, [weight])
    assert dw is not None
    (again,) = gradients(g, g.reduce("ReduceSum", g.op("Mul", dw, dw), range(4)), [images])
    assert again is not None
    g.output("dw", dw)
    g.output("again", again)
    given, feeds = session(optimized(g)), {"x": x, "w": w, "dy": dy}
    first, found = given.run(None, feeds)
    direction = sampled(x.shape)[0]
    moved = given.run(["dw"], feeds | {"x": x + direction})[0]
    # dw is linear in x: <dw, dw> changes by 2 <dw, its change>.
    np.testing.assert_allclose(np.sum(found * direction), 2 * np.sum(first * (moved - first)), rtol=1e-4)
