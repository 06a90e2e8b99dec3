"""Gradients along sequences."""

from __future__ import annotations

from nnspec.autodiff.common import only, operand
from nnspec.autodiff.registry import Grads, gradient, trained_otherwise
from nnspec.graph.graph import Graph, GraphError, Node, Value

trained_otherwise("they do not tell their gates; a layer lowers to Scan in training", "RNN", "GRU", "LSTM")


@gradient("Scan")
def scan(g: Graph, node: Node, dys: tuple[Value | None, ...] | Value) -> Grads:
    """As whoever wrote the step says: for recurrent cells in nnspec/layers/cells.py.    ONNX: Scan-19"""
    reverse = node.attributes["body"].reverse
    if reverse is None:
        raise GraphError(f"the Scan at {node.origin} does not say how it is differentiated: give `reverse`")
    return tuple(reverse(g, node, dys if isinstance(dys, tuple) else (dys,)))


@gradient("ReverseSequence")
def reverse_sequence(g: Graph, node: Node, dy: Value) -> Grads:
    """dx is dy reversed again.    ONNX: ReverseSequence-10"""
    return only(node, g.op("ReverseSequence", dy, operand(node, 1), **node.attributes))
