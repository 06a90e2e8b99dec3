"""The form in which a convolution trains: products of matrices, where those and their gradients are faster.

What a spec says stays one Conv in files that are deployed, where ONNX Runtime has fast kernels for constant weights. In
training the weights change, and two thirds of the time goes to the gradients.
"""

from __future__ import annotations

from dataclasses import replace

from nnspec.graph.convolution import Geometry, forward_form, geometry
from nnspec.graph.graph import Graph, Node, Value
from nnspec.graph.winograd import winograd


def in_training_forms(g: Graph) -> None:
    """Replace the convolutions of a forward graph, before it is differentiated. All values stay what they are."""
    nodes, g.nodes = g.nodes, []
    for node in nodes:
        if not _replaced(g, node):
            g.nodes.append(node)


def _replaced(g: Graph, node: Node) -> bool:
    """Append the form that is chosen instead of a node; False where there is none."""
    if node.op_type != "Conv":
        return False
    x, weight, bias = (*node.inputs, None)[:3]
    assert x is not None and weight is not None
    geo = geometry(node)
    form, tiles = forward_form(geo, x.static_shape[0], x.static_shape[1], weight.static_shape[0])
    if form == "direct":
        return False
    with g.at(node.origin):
        y = _as_winograd(g, x, weight, geo, tiles)
        if bias:
            y = g.op("Add", y, g.reshape(bias, (bias.shape[0], *(1 for _ in geo.kernel))))
    _name(g, y, node.outputs[0])
    return True


def _as_winograd(g: Graph, x: Value, weight: Value, geo: Geometry, tiles: tuple[int, ...]) -> Value:
    return winograd(g, x, weight, tiles, geo.strides, (*geo.begins, *geo.ends))


def _name(g: Graph, made: Value, wanted: Value) -> None:
    """Let the last node make a value that is known already."""
    last = g.nodes[-1]
    assert last.outputs == (made,) and made.type == wanted.type
    g.nodes[-1] = wanted.node = replace(last, outputs=(wanted,))
