"""Convolutions in the form that trains: which one it is, and that it changes no value and no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_builds import on_reference, projected

from nnspec.autodiff import gradients
from nnspec.graph.convolution import geometry
from nnspec.graph.convolution_forms import forward_form
from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph, Value
from nnspec.graph.invariants import check_graph
from nnspec.graph.passes import optimized
from nnspec.graph.training_forms import in_training_forms

Shape = tuple[int, ...]


def convolution(x: Shape, weight: Shape, dtype: str = "float32", *, bias: bool = False, **attributes: Any) -> Graph:
    """One Conv, whose result is the output `y`."""
    g = Graph("convolution", training=True)
    operands = [g.input("x", tensor_type(dtype, x)), g.input("weight", tensor_type(dtype, weight))]
    if bias:
        operands.append(g.input("bias", tensor_type(dtype, weight[:1])))
    with g.at("layer"):
        g.output("y", g.op("Conv", *operands, **attributes))
    return g


PADDED = {"pads": [1, 1, 1, 1]}
CASES: dict[str, tuple[tuple[str, Shape], Shape, Shape, dict[str, Any]]] = {
    "large images": (("winograd", (4, 4)), (16, 64, 32, 32), (64, 64, 3, 3), PADDED),
    "small images": (("winograd", (2, 2)), (16, 512, 4, 4), (512, 512, 3, 3), PADDED),
    "small images, many rows": (("winograd", (4, 4)), (64, 512, 4, 4), (512, 512, 3, 3), PADDED),
    "stride 2": (("winograd", (2, 2)), (16, 128, 16, 16), (256, 128, 3, 3), {"strides": [2, 2], **PADDED}),
    "one axis": (("winograd", (4,)), (16, 64, 100), (64, 64, 3), {"pads": [1, 1]}),
    "1 x 1 on small images": (("pointwise", ()), (16, 64, 8, 8), (384, 64, 1, 1), {}),
    "depthwise on small images": (("depthwise", ()), (16, 64, 8, 8), (64, 1, 3, 3), {"group": 64, **PADDED}),
    "1 x 1 on large images": (("direct", ()), (16, 64, 16, 16), (384, 64, 1, 1), {}),
    "1 x 1 with stride 2": (("direct", ()), (16, 64, 8, 8), (384, 64, 1, 1), {"strides": [2, 2]}),
    "depthwise on large images": (("direct", ()), (16, 64, 16, 16), (64, 1, 3, 3), {"group": 64, **PADDED}),
    "depthwise, one row": (("direct", ()), (1, 64, 8, 8), (64, 1, 3, 3), {"group": 64, **PADDED}),
    "depthwise, two filters each": (("direct", ()), (16, 64, 8, 8), (128, 1, 3, 3), {"group": 64, **PADDED}),
    "stride 2, large images": (("winograd", (4, 4)), (16, 64, 32, 32), (128, 64, 3, 3), {"strides": [2, 2], **PADDED}),
    "stride 2, fewer channels": (("direct", ()), (16, 32, 32, 32), (128, 32, 3, 3), {"strides": [2, 2], **PADDED}),
    "one channel": (("direct", ()), (16, 1, 32, 32), (64, 1, 3, 3), PADDED),
    "groups": (("direct", ()), (16, 64, 8, 8), (64, 32, 3, 3), {"group": 2, **PADDED}),
    "dilation": (("direct", ()), (16, 64, 8, 8), (64, 64, 3, 3), {"dilations": [2, 2]}),
    "kernel 5": (("direct", ()), (16, 64, 8, 8), (64, 64, 5, 5), {}),
    "strides 1 and 2": (("direct", ()), (16, 128, 8, 8), (128, 128, 3, 3), {"strides": [1, 2]}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_form_follows_from_the_shapes(case: str) -> None:
    wanted, x, weight, attributes = CASES[case]
    (node,) = convolution(x, weight, **attributes).nodes
    assert forward_form(geometry(node)) == wanted


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("x", "weight", "attributes"),
    [
        ((2, 16, 5, 6), (16, 16, 3, 3), PADDED),
        ((2, 3, 2, 3), (4, 3, 1, 1), {}),
        ((2, 3, 4), (4, 3, 1), {}),
        ((3, 4, 5, 6), (4, 1, 3, 2), {"group": 4, "pads": [1, 0, 2, 1], "strides": [2, 1]}),
        ((3, 4, 5, 6), (4, 1, 2, 3), {"group": 4, "pads": [0, 2, 1, 1], "dilations": [3, 2]}),
        ((3, 2, 7), (2, 1, 3), {"group": 2, "strides": [3]}),
        ((3, 2, 3, 2, 3), (2, 1, 2, 2, 2), {"group": 2, "pads": [0, 1, 0, 0, 0, 1]}),
        ((2, 3, 1, 1), (4, 3, 3, 3), PADDED),
        ((2, 3, 2, 1), (4, 3, 3, 5), {"strides": [2, 2], "pads": [1, 2, 1, 2]}),
        ((2, 4, 1, 3), (4, 2, 3, 3), {"group": 2, "pads": [2, 1, 0, 1]}),
        ((2, 2, 2, 3), (2, 1, 3, 3), {"group": 2, "pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ],
)
def test_values_and_gradients_stay_the_same(x: Shape, weight: Shape, attributes: dict[str, Any], bias: bool) -> None:
    direct, other = (_results(x, weight, attributes, bias, chosen) for chosen in (False, True))
    for a, b in zip(direct, other, strict=True):
        np.testing.assert_allclose(b, a, atol=1e-10)


@pytest.mark.parametrize(
    ("size", "kernel", "attributes", "used"),
    [
        (1, 3, {"pads": [1, 1]}, (1, 2)),
        (2, 3, {"pads": [1, 1]}, (0, 3)),
        (2, 3, {"pads": [1, 1], "strides": [2]}, (1, 3)),
        (1, 5, {"pads": [2, 2]}, (2, 3)),
        (2, 2, {"pads": [1, 0], "dilations": [2]}, (0, 2)),
        (3, 3, {"pads": [2, 2], "dilations": [2]}, (0, 3)),
        (1, 3, {"pads": [4, 4], "dilations": [2], "strides": [3]}, (2, 3)),
        (5, 3, {}, (0, 3)),
    ],
)
def test_what_of_a_kernel_reads_more_than_padding(
    size: int, kernel: int, attributes: dict[str, Any], used: tuple[int, int]
) -> None:
    (node,) = convolution((1, 1, size), (1, 1, kernel), **attributes).nodes
    assert geometry(node).used == (used,)
    assert geometry(node).cropped().kernel == (used[1] - used[0],)


def test_values_keep_their_names_and_nodes_their_layer() -> None:
    g = convolution((2, 16, 5, 6), (16, 16, 3, 3), **PADDED)
    y = g.outputs["y"]
    in_training_forms(g)
    check_graph(g)
    assert g.outputs["y"] is y
    assert {node.op_type for node in g.nodes} >= {"Gemm", "MatMul"} and "Conv" not in {n.op_type for n in g.nodes}
    assert {node.origin for node in g.nodes} == {"layer"}


def _results(x: Shape, weight: Shape, attributes: dict[str, Any], bias: bool, chosen: bool) -> list[Array]:
    """The convolution and the gradients of all its operands, in float64."""
    g = convolution(x, weight, "float64", bias=bias, **attributes)
    loss = projected(g, [g.outputs["y"]])
    if chosen:
        before = len(g.nodes)
        in_training_forms(g)
        assert len(g.nodes) > before
    for value, gradient in zip(tuple(g.inputs), gradients(g, loss, g.inputs), strict=True):
        assert isinstance(gradient, Value)
        g.output(f"gradient/{value.name}", gradient)
    return on_reference(optimized(g), _feeds(g))


def _feeds(g: Graph) -> dict[str, Array]:
    random = np.random.default_rng(7)
    return {value.name: random.uniform(0.5, 1.5, size=value.static_shape) for value in g.inputs}


def block(chosen: bool) -> Graph:
    """An inverted residual, with batch norms that learn, and all its gradients."""
    g = Graph("block", training=True)
    x = g.input("x", tensor_type("float64", (3, 4, 2, 3)))

    def normalized(name: str, y: Value) -> Value:
        channels = tensor_type("float64", y.shape[1:2])
        own = [g.input(f"{name}/{part}", channels) for part in ("scale", "offset", "mean", "variance")]
        return g.op("BatchNormalization", y, *own, outputs=3, training_mode=1, momentum=0.0)[0]

    y = g.op("Conv", x, g.input("widen", tensor_type("float64", (6, 4, 1, 1))))
    y = g.op("Clip", normalized("first", y), 0, 6)
    y = g.op("Conv", y, g.input("filter", tensor_type("float64", (6, 1, 3, 3))), group=6, **PADDED)
    y = g.op("Relu", normalized("second", y))
    y = g.op("Conv", y, g.input("narrow", tensor_type("float64", (4, 6, 1, 1))))
    y = g.op("Add", normalized("third", y), x)
    g.output("y", g.op("Tanh", y))
    loss = projected(g, [g.outputs["y"]])
    if chosen:
        in_training_forms(g)
        check_graph(g)
    wanted = [value for value in g.inputs if not value.name.endswith(("mean", "variance"))]
    for value, gradient in zip(wanted, gradients(g, loss, wanted), strict=True):
        assert gradient is not None
        g.output(f"gradient/{value.name}", gradient)
    return optimized(g)


def test_a_block_of_products_changes_its_order_only_at_its_ends() -> None:
    """Forward and backward: into the block, out of it before the sum, and the same for the gradients."""
    direct, other = block(False), block(True)
    check_graph(other)
    for a, b in zip(on_reference(direct, _feeds(direct)), on_reference(other, _feeds(other)), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-10)
    large = [node for node in other.nodes if node.op_type == "Transpose" and node.outputs[0].rank == 4]
    assert len(large) == 4
