"""Gradients of the softmax family."""

from __future__ import annotations

from nnspec.autodiff.common import axis
from nnspec.autodiff.registry import Grads, gradient, trained_otherwise
from nnspec.graph.graph import Graph, Node, Value

trained_otherwise("attention and rms_norm lower to their parts in training", "Attention", "RMSNormalization")
trained_otherwise("attention turns pairs of features with Mul and Add in training", "RotaryEmbedding")


@gradient("Softmax")
def softmax(g: Graph, node: Node, dy: Value) -> Grads:
    """y = e^x / sum e^x  =>  dx = y (dy - sum(y dy)).    ONNX: Softmax-13"""
    y = node.outputs[0]
    along = g.reduce("ReduceSum", g.op("Mul", y, dy), [axis(node, -1)], keepdims=True)
    return (g.op("Mul", y, g.op("Sub", dy, along)),)


@gradient("LogSoftmax")
def log_softmax(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x - log sum e^x  =>  dx = dy - e^y sum(dy).    ONNX: LogSoftmax-13"""
    along = g.reduce("ReduceSum", dy, [axis(node, -1)], keepdims=True)
    return (g.op("Sub", dy, g.op("Mul", g.op("Exp", node.outputs[0]), along)),)
