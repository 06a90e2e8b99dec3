"""The form in which a convolution trains: products of matrices, where those and their gradients are faster.

What a spec says stays one Conv in files that are deployed, where ONNX Runtime has fast kernels for constant weights. In
training the weights change, and two thirds of the time goes to the gradients.
"""

from __future__ import annotations

from dataclasses import replace

from nnspec.graph.convolution import geometry
from nnspec.graph.convolution_forms import forward_form
from nnspec.graph.graph import Graph, Node
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
    """Append the form that is chosen instead of a node; False where there is none."""
    if node.op_type != "Conv":
        return False
    x, weight, bias = (*node.inputs, None)[:3]
    assert x is not None and weight is not None
    geo = geometry(node)
    form, tiles = forward_form(geo)
    with g.at(node.origin):
        match form:
            case "winograd":
                y = winograd(g, x, weight, tiles, geo.strides, (*geo.begins, *geo.ends))
            case "pointwise":
                y = pointwise(g, x, weight)
            case "depthwise":
                y = depthwise(g, x, weight, geo)
            case _:
                return False
        if bias:
            y = g.op("Add", y, g.reshape(bias, (bias.shape[0], *(1 for _ in geo.kernel))))
    last = g.nodes[-1]
    assert last.outputs == (y,) and y.type == node.outputs[0].type
    g.nodes[-1] = node.outputs[0].node = replace(last, outputs=node.outputs)
    return True
