"""Gradients of arithmetic and of elementary functions."""

from __future__ import annotations

from math import pi, sqrt

from nnspec.autodiff.common import inputs, mask, operand, sign, smallest
from nnspec.autodiff.registry import Grads, gradient, non_differentiable
from nnspec.graph.dtypes import is_float
from nnspec.graph.graph import Graph, Node, Value

non_differentiable("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger")
non_differentiable("Ceil", "Floor", "Round", "Sign")
non_differentiable("Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual")
non_differentiable("And", "Not", "Or", "Xor")
non_differentiable("BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor")


@gradient("Identity", broadcasts=True)
def identity(g: Graph, node: Node, dy: Value) -> Grads:
    """y = x  =>  dx = dy.    ONNX: Identity-21"""
    return (dy,)


@gradient("Cast", broadcasts=True)
def cast(g: Graph, node: Node, dy: Value) -> Grads:
    """dx = dy in the dtype of x.    ONNX: Cast-21"""
    (x,) = inputs(node)
    return (g.cast(dy, x.dtype) if is_float(x.dtype) else None,)


@gradient("Neg", broadcasts=True)
def neg(g: Graph, node: Node, dy: Value) -> Grads:
    """y = -x  =>  dx = -dy.    ONNX: Neg-13"""
    return (g.op("Neg", dy),)


@gradient("Add", broadcasts=True)
def add(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a + b  =>  da = dy,  db = dy.    ONNX: Add-14"""
    return dy, dy


@gradient("Sum", broadcasts=True)
def sum_(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a + b + …  =>  da = db = … = dy.    ONNX: Sum-13"""
    return tuple(dy for _ in node.inputs)


@gradient("Sub", broadcasts=True)
def sub(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a - b  =>  da = dy,  db = -dy.    ONNX: Sub-14"""
    return dy, g.op("Neg", dy)


@gradient("Mul", broadcasts=True)
def mul(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a b  =>  da = dy b,  db = dy a;  a square has one gradient, 2 dy a.    ONNX: Mul-14"""
    a, b = inputs(node)
    if a is b:
        return g.op("Mul", g.op("Mul", dy, 2), a), None
    return g.op("Mul", dy, b), g.op("Mul", dy, a)


@gradient("Div", broadcasts=True)
def div(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a / b  =>  da = dy / b,  db = -da y.    ONNX: Div-14"""
    _, b = inputs(node)
    da = g.op("Div", dy, b)
    return da, g.op("Neg", g.op("Mul", da, node.outputs[0]))


@gradient("Mod", broadcasts=True)
def mod(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a - b trunc(a / b)  =>  da = dy,  db = -dy trunc(a / b), and (a - y) / b is whole up to rounding.    ONNX:
    Mod-13
    """
    a, b = inputs(node)
    quotient = g.op("Round", g.op("Div", g.op("Sub", a, node.outputs[0]), b))
    return dy, g.op("Neg", g.op("Mul", dy, quotient))


@gradient("Pow", broadcasts=True)
def power(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a^b  =>  da = dy b a^(b-1),  db = dy y log a, which is 0 where a <= 0.    ONNX: Pow-15"""
    a, b = inputs(node)
    y = node.outputs[0]
    positive = g.op("Greater", a, 0)
    log = g.op("Log", g.op("Where", positive, a, 1))
    db = g.cast(g.op("Mul", dy, g.op("Mul", y, log)), b.dtype) if is_float(b.dtype) else None
    return g.op("Mul", dy, _power_slope(g, a, g.cast(b, a.dtype), b)), db


def _power_slope(g: Graph, a: Value, b: Value, exponent: Value) -> Value:
    """b a^(b-1). Squares and constants avoid Pow, which is slow, and 0 * inf at a = b = 0."""
    if exponent.constant is not None and exponent.constant.size == 1:
        number = float(exponent.constant.reshape(()))
        if number == 2:
            return g.op("Mul", a, 2)
        return g.op("Mul", g.op("Pow", a, number - 1), number) if number else g.op("Mul", a, 0)
    is_zero = g.op("Equal", b, 0)
    lower = g.op("Pow", a, g.op("Where", is_zero, 1, g.op("Sub", b, 1)))
    return g.op("Mul", b, lower)


@gradient("Max", "Min", broadcasts=True)
def extremum(g: Graph, node: Node, dy: Value) -> Grads:
    """dy goes to the operand that is the extremum; operands that tie share it equally.    ONNX: Max-13, Min-13"""
    operands = inputs(node)
    winners = [mask(g, g.op("Equal", x, node.outputs[0]), dy.dtype) for x in operands]
    share = g.op("Div", dy, g.op("Sum", *winners)) if len(operands) > 1 else dy
    return tuple(g.op("Mul", share, winner) for winner in winners)


@gradient("Where", broadcasts=True)
def where(g: Graph, node: Node, dy: Value) -> Grads:
    """y = c ? a : b  =>  da = c ? dy : 0,  db = c ? 0 : dy.    ONNX: Where-16"""
    condition = operand(node, 0)
    return None, g.op("Where", condition, dy, 0), g.op("Where", condition, 0, dy)


@gradient("Clip", broadcasts=True)
def clip(g: Graph, node: Node, dy: Value) -> Grads:
    """y = min(max(x, low), high)  =>  dx = dy where y = x, so 1 on the bounds as well; a bound gets the rest.    ONNX:
    Clip-13
    """
    x, *bounds = node.inputs
    assert x is not None
    grads: list[Value | None] = [g.op("Mul", dy, mask(g, g.op("Equal", x, node.outputs[0]), dy.dtype))]
    for bound, beyond in zip(bounds, ("Less", "Greater"), strict=False):
        grads.append(g.op("Mul", dy, mask(g, g.op(beyond, x, bound), dy.dtype)) if bound is not None else None)
    return tuple(grads)


@gradient("Abs", broadcasts=True)
def absolute(g: Graph, node: Node, dy: Value) -> Grads:
    """y = |x|  =>  dx = dy sign x, 0 at 0.    ONNX: Abs-13"""
    (x,) = inputs(node)
    return (g.op("Mul", dy, sign(g, x)),)


@gradient("Exp", broadcasts=True)
def exp(g: Graph, node: Node, dy: Value) -> Grads:
    """y = e^x  =>  dx = dy y.    ONNX: Exp-13"""
    return (g.op("Mul", dy, node.outputs[0]),)


@gradient("Log", broadcasts=True)
def log(g: Graph, node: Node, dy: Value) -> Grads:
    """y = log x  =>  dx = dy / x.    ONNX: Log-13"""
    (x,) = inputs(node)
    return (g.op("Div", dy, x),)


@gradient("Sqrt", broadcasts=True)
def square_root(g: Graph, node: Node, dy: Value) -> Grads:
    """y = sqrt x  =>  dx = dy / (2 y). At 0 it is huge, but 0 for dy = 0, not NaN.    ONNX: Sqrt-13"""
    y = g.op("Max", node.outputs[0], smallest(dy.dtype))
    return (g.op("Div", g.op("Mul", dy, 0.5), y),)


@gradient("Reciprocal", broadcasts=True)
def reciprocal(g: Graph, node: Node, dy: Value) -> Grads:
    """y = 1 / x  =>  dx = -dy y^2.    ONNX: Reciprocal-13"""
    y = node.outputs[0]
    return (g.op("Neg", g.op("Mul", dy, g.op("Mul", y, y))),)


@gradient("Erf", broadcasts=True)
def erf(g: Graph, node: Node, dy: Value) -> Grads:
    """y = erf x  =>  dx = dy 2 / sqrt(pi) e^(-x^2).    ONNX: Erf-13"""
    (x,) = inputs(node)
    bell = g.op("Exp", g.op("Neg", g.op("Mul", x, x)))
    return (g.op("Mul", g.op("Mul", dy, 2 / sqrt(pi)), bell),)


@gradient("Sin", broadcasts=True)
def sine(g: Graph, node: Node, dy: Value) -> Grads:
    """y = sin x  =>  dx = dy cos x.    ONNX: Sin-7"""
    (x,) = inputs(node)
    return (g.op("Mul", dy, g.op("Cos", x)),)


@gradient("Cos", broadcasts=True)
def cosine(g: Graph, node: Node, dy: Value) -> Grads:
    """y = cos x  =>  dx = -dy sin x.    ONNX: Cos-7"""
    (x,) = inputs(node)
    return (g.op("Neg", g.op("Mul", dy, g.op("Sin", x))),)
