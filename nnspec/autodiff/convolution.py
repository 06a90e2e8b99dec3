"""Gradients of convolutions: each is the other's adjoint; those of the weights have forms of their own."""

from __future__ import annotations

from typing import Any

from nnspec.autodiff.common import operand
from nnspec.autodiff.conv_weight import weight_gradient
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.convolution import Geometry, geometry
from nnspec.graph.graph import Graph, Node, Value


@gradient("Conv")
def conv(g: Graph, node: Node, dy: Value) -> Grads:
    """y[i] = sum_j w[j] x[i s + j d - p] + b  =>  dx = the transposed convolution of dy by w, dw[j] = sum_i dy[i]
    x[i s + j d - p], db = sum_i dy[i].    ONNX: Conv-11
    """
    x, weight, geo = operand(node, 0), operand(node, 1), geometry(node)
    return (*(_spread(g, dy, weight, geo), weight_gradient(g, x, dy, geo)), *_offset(g, node, dy))


@gradient("ConvTranspose")
def conv_transpose(g: Graph, node: Node, dy: Value) -> Grads:
    """y[i s + j d - p] += w[j] x[i] + b  =>  dx = the convolution of dy by w, dw[j] = sum_i x[i] dy[i s + j d - p],
    db = sum_i dy[i].    ONNX: ConvTranspose-11

    What output_padding put at the end depends on the offset alone.
    """
    x, weight, geo = operand(node, 0), operand(node, 1), geometry(node)
    return (*(_gather(g, dy, weight, geo), weight_gradient(g, dy, x, geo)), *_offset(g, node, dy))


def _spread(g: Graph, dy: Value, weight: Value, geo: Geometry) -> Value:
    """The transposed convolution of dy that has the size of x: elements that no window read get 0."""
    left = [unread - end for unread, end in zip(geo.unread, geo.ends, strict=True)]
    pads = [*geo.begins, *(max(-more, 0) for more in left)]
    more = [max(extra, 0) for extra in left]
    dx: Value = g.op("ConvTranspose", dy, weight, pads=pads, output_padding=more, **_attributes(geo))
    return dx


def _gather(g: Graph, dy: Value, weight: Value, geo: Geometry) -> Value:
    """The convolution of dy that has the size of x."""
    for at, (size, end) in enumerate(zip(geo.inner, geo.ends, strict=True), 2):
        dy = g.slice(dy, at, 0, size + end) if end < 0 else dy
    pads = [*geo.begins, *(max(end, 0) for end in geo.ends)]
    dx: Value = g.op("Conv", dy, weight, pads=pads, **_attributes(geo))
    return dx


def _attributes(geo: Geometry) -> dict[str, Any]:
    return {
        "kernel_shape": list(geo.kernel),
        "strides": list(geo.strides),
        "dilations": list(geo.dilations),
        "group": geo.groups,
    }


def _offset(g: Graph, node: Node, dy: Value) -> Grads:
    """The gradient of the third input, where it is given."""
    if len(node.inputs) < 3:
        return ()
    return (g.reduce("ReduceSum", dy, [0, *range(2, dy.rank)]) if node.inputs[2] else None,)
