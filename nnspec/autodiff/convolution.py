"""Gradients of convolutions: each is the other's adjoint; those of the weights have forms of their own."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.common import operand
from nnspec.autodiff.conv_slices import cut
from nnspec.autodiff.conv_weight import weight_gradient
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.convolution import Geometry, geometry
from nnspec.graph.convolution_forms import input_form
from nnspec.graph.graph import Graph, Node, Value, numpy_dtype


@gradient("Conv")
def conv(g: Graph, node: Node, dy: Value) -> Grads:
    """y[i] = sum_j w[j] x[i s + j d - p] + b  =>  dx = the transposed convolution of dy by w, dw[j] = sum_i dy[i]
    x[i s + j d - p], db = sum_i dy[i].    ONNX: Conv-11
    """
    x, weight, geo = operand(node, 0), operand(node, 1), geometry(node)
    return (*(_input_gradient(g, dy, weight, geo), weight_gradient(g, x, dy, geo)), *_offset(g, node, dy))


@gradient("ConvTranspose")
def conv_transpose(g: Graph, node: Node, dy: Value) -> Grads:
    """y[i s + j d - p] += w[j] x[i] + b  =>  dx = the convolution of dy by w, dw[j] = sum_i x[i] dy[i s + j d - p],
    db = sum_i dy[i].    ONNX: ConvTranspose-11

    What output_padding put at the end depends on the offset alone.
    """
    x, weight, geo = operand(node, 0), operand(node, 1), geometry(node)
    return (*(_output_gradient(g, dy, weight, geo), weight_gradient(g, dy, x, geo)), *_offset(g, node, dy))


def _input_gradient(g: Graph, dy: Value, weight: Value, geo: Geometry) -> Value:
    """Of a Conv, by the form that is fastest: what is not read gets 0."""
    form = input_form(geo)
    if form == "flipped":
        return _flipped(g, dy, weight, geo)
    pads = [*geo.begins, *(max(end, 0) for end in geo.surplus)]
    more = [max(-end, 0) for end in geo.surplus]
    dx: Value = g.op("ConvTranspose", dy, weight, pads=pads, output_padding=more, **_attributes(geo))
    return dx


def _flipped(g: Graph, dy: Value, weight: Value, geo: Geometry) -> Value:
    """Strides of 1: a convolution by the weight backwards, in which channels and filters change places.

    Backwards by a product with a matrix: Slice takes three times as long.
    """
    channels, filters = geo.channels // geo.groups, geo.filters // geo.groups
    backwards = weight
    if geo.elements > 1:
        flip = g.constant(np.eye(geo.elements, dtype=numpy_dtype(weight.dtype))[::-1])
        backwards = g.op("Gemm", g.reshape(weight, (geo.filters * channels, geo.elements)), flip)
    split = g.reshape(backwards, (geo.groups, filters, channels, geo.elements))
    swapped = g.reshape(g.transpose(split, (0, 2, 1, 3)), (geo.channels, filters, *geo.kernel))
    borders = (geo.begins, geo.ends)
    pads = [extent - 1 - n for side in borders for extent, n in zip(geo.extents, side, strict=True)]
    dx: Value = g.op("Conv", dy, swapped, pads=pads, **_attributes(geo))
    return dx


def _output_gradient(g: Graph, dy: Value, weight: Value, geo: Geometry) -> Value:
    """Of a ConvTranspose: the convolution of dy, whose end may be longer than what is read."""
    pads = [*geo.begins, *(max(end, 0) for end in geo.surplus)]
    dx: Value = g.op("Conv", dy, weight, pads=pads, **_attributes(geo))
    for at, size in enumerate(geo.outer, 2):
        dx = cut(g, dx, at, 0, size)
    return dx


def _attributes(geo: Geometry) -> dict[str, Any]:
    return {
        "kernel_shape": list(geo.kernel),
        "strides": list(geo.strides),
        "dilations": list(geo.dilations),
        "group": geo.groups,
    }


def _offset(g: Graph, node: Node, dy: Value) -> Grads:
    """The gradient of the third input, where it is given: the sums of dy, first over the places, which lie together."""
    if len(node.inputs) < 3:
        return ()
    rows, filters, *sizes = dy.static_shape
    sums = g.reduce("ReduceSum", g.reshape(dy, (rows, filters, prod(sizes))), [2])
    return (sum_over(g, sums, [0]),)
