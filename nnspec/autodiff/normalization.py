"""Gradients of normalizations, and of dropout."""

from __future__ import annotations

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.common import axis, integer, number, only, operand, optional
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Graph, GraphError, Node, Value
from nnspec.ir.dims import product


@gradient("Dropout")
def dropout(g: Graph, node: Node, dy: Value | tuple[Value | None, ...]) -> Grads:
    """y = x / (1 - r) where the mask keeps it, else 0  =>  dx = dy / (1 - r) there.    ONNX: Dropout-13, arXiv:1207.0580"""
    upstream = dy[0] if isinstance(dy, tuple) else dy
    ratio, training = _constant(node, 1, 0.5), _constant(node, 2, 0.0)
    if upstream is None or not training:
        return only(node, upstream)
    if len(node.outputs) < 2:
        raise GraphError(f"Dropout at {node.origin} trains only with its mask as a second output")
    return only(node, g.op("Where", node.outputs[1], g.op("Mul", upstream, 1 / (1 - ratio)), 0))


def _constant(node: Node, index: int, default: float) -> float:
    value = optional(node, index)
    if value is None:
        return default
    if value.constant is None:
        raise GraphError(f"{node.op_type} at {node.origin}: input {index} must be a constant")
    return float(value.constant.item())


@gradient("LayerNormalization")
def layer_normalization(g: Graph, node: Node, dy: Value | tuple[Value | None, ...]) -> Grads:
    """h = (x - m) r, y = h s + b  =>  w = dy s,  dx = r (w - mean(w) - h mean(w h)),  ds = dy h,  db = dy.

    ONNX: LayerNormalization-17, arXiv:1607.06450"""
    upstream = _only_first(node, dy)
    x, scale = operand(node, 0), operand(node, 1)
    over = list(range(axis(node, -1), x.rank))
    mean, rate = _layer_statistics(g, node, over)
    h = g.op("Mul", g.op("Sub", x, mean), rate)
    w = g.op("Mul", upstream, scale)
    along_h = g.op("Mul", h, g.reduce("ReduceMean", g.op("Mul", w, h), over, keepdims=True))
    centred = g.op("Sub", g.op("Sub", w, g.reduce("ReduceMean", w, over, keepdims=True)), along_h)
    return only(node, g.op("Mul", rate, centred), g.op("Mul", upstream, h), upstream)


def _layer_statistics(g: Graph, node: Node, over: list[int]) -> tuple[Value, Value]:
    """Mean and reciprocal deviation: what the operator gives out, or computed again."""
    x = operand(node, 0)
    if len(node.outputs) == 3:
        return g.cast(node.outputs[1], x.dtype), g.cast(node.outputs[2], x.dtype)
    mean = g.reduce("ReduceMean", x, over, keepdims=True)
    centred = g.op("Sub", x, mean)
    variance = g.reduce("ReduceMean", g.op("Mul", centred, centred), over, keepdims=True)
    return mean, _rate(g, node, variance)


@gradient("BatchNormalization")
def batch_normalization(g: Graph, node: Node, dy: Value | tuple[Value | None, ...]) -> Grads:
    """h = (x - m) r, y = h s + b per channel  =>  ds = sum(dy h),  db = sum(dy).

    With the statistics of the batch, dx = s r (dy - db / n - h ds / n). With given ones, dx = s r dy,  dm = -s r db,  and, as r depends on
    the variance v, dv = -s ds r^2 / 2.    ONNX: BatchNormalization-15, arXiv:1502.03167"""
    upstream = _only_first(node, dy)
    x, scale = operand(node, 0), operand(node, 1)
    over = [0, *range(2, x.rank)]
    mean, variance = _batch_statistics(g, node, over)
    rate = _rate(g, node, variance)
    h = g.op("Mul", g.op("Sub", x, _per_channel(g, mean, x)), _per_channel(g, rate, x))
    ds, db = _channel_sum(g, g.op("Mul", upstream, h)), _channel_sum(g, upstream)
    slope = g.op("Mul", scale, rate)
    if not integer(node, "training_mode", 0):
        dv = g.op("Mul", g.op("Mul", g.op("Mul", scale, ds), g.op("Mul", rate, rate)), -0.5)
        return g.op("Mul", upstream, _per_channel(g, slope, x)), ds, db, g.op("Neg", g.op("Mul", slope, db)), dv
    share = 1 / _elements(x, over)
    along_h = g.op("Mul", h, _per_channel(g, g.op("Mul", ds, share), x))
    centred = g.op("Sub", g.op("Sub", upstream, _per_channel(g, g.op("Mul", db, share), x)), along_h)
    return only(node, g.op("Mul", centred, _per_channel(g, slope, x)), ds, db)


def _batch_statistics(g: Graph, node: Node, over: list[int]) -> tuple[Value, Value]:
    """The mean and the (biased) variance that x was normalised with. With momentum 0 the operator gives out those of the batch."""
    if not integer(node, "training_mode", 0):
        return operand(node, 3), operand(node, 4)
    if number(node, "momentum", 0.9) == 0:
        return node.outputs[1], node.outputs[2]
    x = operand(node, 0)
    mean = g.reduce("ReduceMean", x, over)
    centred = g.op("Sub", x, _per_channel(g, mean, x))
    return mean, g.reduce("ReduceMean", g.op("Mul", centred, centred), over)


def _rate(g: Graph, node: Node, variance: Value) -> Value:
    """1 / sqrt(v + epsilon)."""
    epsilon = number(node, "epsilon", 1e-5)
    return g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, epsilon)))


def _per_channel(g: Graph, statistic: Value, x: Value) -> Value:
    """[C] as [C, 1, 1], which broadcasts along the axes of x."""
    return g.reshape(statistic, (*statistic.shape, *(1 for _ in x.shape[2:])))


def _channel_sum(g: Graph, x: Value) -> Value:
    """The sum per channel: inside each image first, which takes 31 us for 32x64x16x16 floats where all axes at once take 38."""
    inner = g.reduce("ReduceSum", x, list(range(2, x.rank)))
    return sum_over(g, inner, [0])


def _elements(x: Value, over: list[int]) -> int:
    count = product(tuple(x.static_shape[a] for a in over))
    assert isinstance(count, int)
    return count


def _only_first(node: Node, dy: Value | tuple[Value | None, ...]) -> Value:
    """The gradient of the result; the statistics are for bookkeeping and must not carry one."""
    upstream, *statistics = dy if isinstance(dy, tuple) else (dy,)
    if upstream is None or any(s is not None for s in statistics):
        raise GraphError(f"the statistics of {node.op_type} at {node.origin} have no gradient rule")
    return upstream
