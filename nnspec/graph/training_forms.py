"""The form in which a convolution trains: products of matrices, where those and their gradients are faster.

What a spec says stays one Conv in files that are deployed, where ONNX Runtime has fast kernels for constant weights. In
training the weights change, and two thirds of the time goes to the gradients.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np

from nnspec.graph.convolution import Geometry, geometry
from nnspec.graph.convolution_forms import ForwardForm, forward_form
from nnspec.graph.graph import Array, Graph, Node, Value, numpy_dtype
from nnspec.graph.layout import keep_channels_first
from nnspec.graph.matrix_forms import depthwise, pointwise
from nnspec.graph.winograd import winograd


def in_training_forms(g: Graph) -> None:
    """Replace the convolutions of a forward graph, before it is differentiated. All values stay what they are."""
    nodes, g.nodes = g.nodes, []
    for node in nodes:
        if not _replaced(g, node):
            g.nodes.append(node)
    keep_channels_first(g)


def _replaced(g: Graph, node: Node) -> bool:
    """Append the form that is chosen instead of a node; False where there is none.

    What of a kernel reads nothing but padding, as on an image of 1 x 1, is cut off first: with 512 channels 8.1 ms
    become 2.7.
    """
    if node.op_type != "Conv":
        return False
    x, weight, bias = (*node.inputs, None)[:3]
    assert x is not None and weight is not None
    whole = geometry(node)
    geo = whole.cropped()
    form, tiles = forward_form(geo)
    if form == "direct" and geo == whole:
        return False
    with g.at(node.origin):
        weight = weight if geo == whole else _cropped(g, weight, whole)
        y = _convolved(g, x, weight, geo, form, tiles)
        if bias:
            y = g.op("Add", y, g.reshape(bias, (bias.shape[0], *(1 for _ in geo.kernel))))
    last = g.nodes[-1]
    assert last.outputs == (y,) and y.type == node.outputs[0].type
    g.nodes[-1] = node.outputs[0].node = replace(last, outputs=node.outputs)
    return True


def _cropped(g: Graph, weight: Value, geo: Geometry) -> Value:
    """The elements of the kernel that are used, by a product: Slice and its gradient move every element by itself."""
    filters, channels, *_ = weight.static_shape
    kept: list[Array] = [np.eye(size)[:, slice(*used)] for size, used in zip(geo.kernel, geo.used, strict=True)]
    chosen = reduce(np.kron, kept)
    matrix = g.constant(chosen.astype(numpy_dtype(weight.dtype)))
    rows = g.op("Gemm", g.reshape(weight, (filters * channels, geo.elements)), matrix)
    return g.reshape(rows, (filters, channels, *geo.cropped().kernel))


def _convolved(g: Graph, x: Value, weight: Value, geo: Geometry, form: ForwardForm, tiles: tuple[int, ...]) -> Value:
    pads = (*geo.begins, *geo.ends)
    match form:
        case "winograd":
            return winograd(g, x, weight, tiles, geo.strides, pads)
        case "pointwise":
            return pointwise(g, x, weight)
        case "depthwise":
            return depthwise(g, x, weight, geo)
    return g.op("Conv", x, weight, pads=pads, strides=geo.strides, dilations=geo.dilations, group=geo.groups)
