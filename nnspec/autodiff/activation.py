"""Gradients of activation functions. Where the slope follows from the result, x is not read again."""

from __future__ import annotations

from math import pi, sqrt

from nnspec.autodiff.common import LARGE, inputs, mask, number
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Graph, Node, Value

SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875


@gradient("Relu", broadcasts=True)
def relu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = max(x, 0)  =>  dx = dy [y > 0].    ONNX: Relu-14"""
    return (g.op("Mul", dy, _positive(g, node.outputs[0])),)


def _positive(g: Graph, x: Value) -> Value:
    """1 where x > 0, else 0.

    In float32 a steep HardSigmoid is the mask in one pass: with the product by it 0.18 ms for 0.5 M elements, Greater
    and Cast 0.23, Where 0.30.
    """
    if x.dtype == "float32":
        return g.op("HardSigmoid", x, alpha=LARGE["float32"], beta=0.0)
    return mask(g, g.op("Greater", x, 0), x.dtype)


@gradient("LeakyRelu", broadcasts=True)
def leaky_relu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x > 0 ? x : a x  =>  dx = x > 0 ? dy : a dy.    ONNX: LeakyRelu-16"""
    (x,) = inputs(node)
    return (g.op("Where", g.op("Greater", x, 0), dy, g.op("Mul", dy, number(node, "alpha", 0.01))),)


@gradient("PRelu", broadcasts=True)
def prelu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x > 0 ? x : a x  =>  dx = x > 0 ? dy : a dy,  da = dy min(x, 0).    ONNX: PRelu-16"""
    x, slope = inputs(node)
    dx = g.op("Where", g.op("Greater", x, 0), dy, g.op("Mul", dy, slope))
    return dx, g.op("Mul", dy, g.op("Min", x, 0))


@gradient("ThresholdedRelu", broadcasts=True)
def thresholded_relu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x > a ? x : 0  =>  dx = dy [x > a].    ONNX: ThresholdedRelu-10"""
    (x,) = inputs(node)
    return (g.op("Mul", dy, mask(g, g.op("Greater", x, number(node, "alpha", 1.0)), dy.dtype)),)


@gradient("Elu", broadcasts=True)
def elu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x > 0 ? x : a (e^x - 1)  =>  dx = dy (x > 0 ? 1 : y + a).    ONNX: Elu-6, arXiv:1511.07289"""
    (x,) = inputs(node)
    slope = g.op("Add", node.outputs[0], number(node, "alpha", 1.0))
    return (g.op("Mul", dy, g.op("Where", g.op("Greater", x, 0), 1, slope)),)


@gradient("Selu", broadcasts=True)
def selu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = c (x > 0 ? x : a (e^x - 1))  =>  dx = dy (x > 0 ? c : y + c a).    ONNX: Selu-6, arXiv:1706.02515"""
    (x,) = inputs(node)
    alpha, gamma = number(node, "alpha", SELU_ALPHA), number(node, "gamma", SELU_GAMMA)
    slope = g.op("Add", node.outputs[0], gamma * alpha)
    return (g.op("Mul", dy, g.op("Where", g.op("Greater", x, 0), gamma, slope)),)


@gradient("Celu", broadcasts=True)
def celu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = max(x, 0) + min(a (e^(x/a) - 1), 0)  =>  dx = dy (1 + min(y, 0) / a).    ONNX: Celu-12, arXiv:1704.07483"""
    below = g.op("Min", node.outputs[0], 0)
    return (g.op("Mul", dy, g.op("Add", g.op("Mul", below, 1 / number(node, "alpha", 1.0)), 1)),)


@gradient("Sigmoid", broadcasts=True)
def sigmoid(g: Graph, node: Node, dy: Value) -> Grads:
    """y = 1 / (1 + e^-x)  =>  dx = dy y (1 - y).    ONNX: Sigmoid-13"""
    y = node.outputs[0]
    return (g.op("Mul", dy, g.op("Mul", y, g.op("Sub", 1, y))),)


@gradient("HardSigmoid", broadcasts=True)
def hard_sigmoid(g: Graph, node: Node, dy: Value) -> Grads:
    """y = min(max(a x + b, 0), 1)  =>  dx = dy a [0 < y < 1], and inside alone y (1 - y) > 0.    ONNX: HardSigmoid-6"""
    y = node.outputs[0]
    return (g.op("Mul", g.op("Mul", dy, number(node, "alpha", 0.2)), _positive(g, g.op("Mul", y, g.op("Sub", 1, y)))),)


@gradient("HardSwish", broadcasts=True)
def hard_swish(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x min(max(x/6 + 1/2, 0), 1)  =>  dx = dy (|x| < 3 ? x/3 + 1/2 : [x > 0]).    ONNX: HardSwish-14,
    arXiv:1905.02244
    """
    (x,) = inputs(node)
    inner = g.op("Add", g.op("Mul", x, 1 / 3), 0.5)
    outer = mask(g, g.op("Greater", x, 0), dy.dtype)
    return (g.op("Mul", dy, g.op("Where", g.op("Less", g.op("Abs", x), 3), inner, outer)),)


@gradient("Tanh", broadcasts=True)
def tanh(g: Graph, node: Node, dy: Value) -> Grads:
    """y = tanh x  =>  dx = dy (1 - y^2).    ONNX: Tanh-13"""
    y = node.outputs[0]
    return (g.op("Mul", dy, g.op("Sub", 1, g.op("Mul", y, y))),)


@gradient("Softplus", broadcasts=True)
def softplus(g: Graph, node: Node, dy: Value) -> Grads:
    """y = log(1 + e^x)  =>  dx = dy e^(x - y).    ONNX: Softplus-1

    That is sigmoid x, and right to the last digits also where x is very negative: ONNX Runtime's Sigmoid is right to
    1e-7 absolutely, which is nothing at x = -17.
    """
    (x,) = inputs(node)
    return (g.op("Mul", dy, g.op("Exp", g.op("Sub", x, node.outputs[0]))),)


@gradient("Softsign", broadcasts=True)
def softsign(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x / (1 + |x|)  =>  dx = dy (1 - |y|)^2.    ONNX: Softsign-1"""
    rest = g.op("Sub", 1, g.op("Abs", node.outputs[0]))
    return (g.op("Mul", dy, g.op("Mul", rest, rest)),)


@gradient("Mish", broadcasts=True)
def mish(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x t, t = tanh log(1 + e^x)  =>  dx = dy (t + x sigmoid(x) (1 - t^2)).    ONNX: Mish-18, arXiv:1908.08681"""
    (x,) = inputs(node)
    t = g.op("Tanh", g.op("Softplus", x))
    slope = g.op("Mul", g.op("Mul", x, g.op("Sigmoid", x)), g.op("Sub", 1, g.op("Mul", t, t)))
    return (g.op("Mul", dy, g.op("Add", t, slope)),)


@gradient("Gelu", broadcasts=True)
def gelu(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x P(x)  =>  dx = dy (P(x) + x P'(x)).    ONNX: Gelu-20, arXiv:1606.08415"""
    (x,) = inputs(node)
    cdf, density = (_tanh_cdf if node.attributes.get("approximate", "none") == "tanh" else _normal_cdf)(g, x)
    return (g.op("Mul", dy, g.op("Add", cdf, g.op("Mul", x, density))),)


def _normal_cdf(g: Graph, x: Value) -> tuple[Value, Value]:
    """P = (1 + erf(x / sqrt 2)) / 2,  P' = e^(-x^2 / 2) / sqrt(2 pi)."""
    cdf = g.op("Mul", g.op("Add", g.op("Erf", g.op("Mul", x, sqrt(0.5))), 1), 0.5)
    bell = g.op("Exp", g.op("Mul", g.op("Mul", x, x), -0.5))
    return cdf, g.op("Mul", bell, 1 / sqrt(2 * pi))


def _tanh_cdf(g: Graph, x: Value) -> tuple[Value, Value]:
    """P = (1 + tanh u) / 2 = sigmoid 2u,  P' = P (1 - P) 2u',  u = sqrt(2/pi) (x + 0.044715 x^3)."""
    square = g.op("Mul", x, x)
    twice = g.op("Mul", x, g.op("Add", g.op("Mul", square, 2 * sqrt(2 / pi) * 0.044715), 2 * sqrt(2 / pi)))
    cdf = g.op("Sigmoid", twice)
    slope = g.op("Add", g.op("Mul", square, 6 * sqrt(2 / pi) * 0.044715), 2 * sqrt(2 / pi))
    return cdf, g.op("Mul", g.op("Mul", cdf, g.op("Sub", 1, cdf)), slope)
