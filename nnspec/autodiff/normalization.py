"""Gradients of normalizations, and of dropout."""

from __future__ import annotations

from math import prod

import numpy as np

from nnspec.autodiff.broadcasting import sum_over
from nnspec.autodiff.common import axis, integer, number, only, operand, optional
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.affine import affine
from nnspec.graph.graph import Graph, GraphError, Node, Value, numpy_dtype

Upstream = Value | tuple[Value | None, ...]


@gradient("Dropout")
def dropout(g: Graph, node: Node, dy: Upstream) -> Grads:
    """y = x / (1 - r) where the mask keeps it, else 0  =>  dx = dy / (1 - r) there.    ONNX: Dropout-13

    Layers use `graph.random.keep_mask` instead, which a resumed run draws again."""
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
def layer_normalization(g: Graph, node: Node, dy: Upstream) -> Grads:
    """h = (x - m) r, y = h s + b  =>  dx = r (dy s - mean(dy s) - h mean(dy h s)),  ds = dy h,  db = dy.

    dy h serves ds and dx; the means over a row are products with the column s / width, which take 7 us for 2048x64
    floats where those with a vector take 280. ONNX: LayerNormalization-17, arXiv:1607.06450
    """
    upstream = _only_first(node, dy)
    x, scale, at = operand(node, 0), operand(node, 1), axis(node, -1)
    rows, width = prod(x.static_shape[:at]), prod(x.static_shape[at:])
    mean, rate = _layer_statistics(g, node, list(range(at, x.rank)), rows)
    s = g.reshape(g.expand(scale, x.shape[at:]), (width,))
    d = g.reshape(upstream, (rows, width))
    h = _affine_rows(g, g.reshape(x, (rows, width)), rate, g.op("Neg", g.op("Mul", mean, rate)))
    dh, weights = g.op("Mul", d, h), g.reshape(g.op("Mul", s, 1 / width), (width, 1))
    mean_d, mean_dh = (g.reshape(g.op("MatMul", each, weights), (rows,)) for each in (d, dh))
    centred = _affine_rows(g, g.op("Mul", d, s), rate, g.op("Neg", g.op("Mul", rate, mean_d)))
    dx = g.op("Sub", centred, g.op("Mul", h, g.reshape(g.op("Mul", rate, mean_dh), (rows, 1))))
    return only(node, g.reshape(dx, x.shape), g.reshape(dh, x.shape), upstream)


def _layer_statistics(g: Graph, node: Node, over: list[int], rows: int) -> tuple[Value, Value]:
    """Mean and reciprocal deviation of each row: results 1 and 2 of the operator, or computed again."""
    x = operand(node, 0)
    if len(node.outputs) == 3:
        mean, rate = (g.cast(statistic, x.dtype) for statistic in node.outputs[1:])
    else:
        mean = g.reduce("ReduceMean", x, over, keepdims=True)
        centred = g.op("Sub", x, mean)
        rate = _rate(g, node, g.reduce("ReduceMean", g.op("Mul", centred, centred), over))
    return g.reshape(mean, (rows,)), g.reshape(rate, (rows,))


THREADED = 2**19
"""Elements from which Mul, which ONNX Runtime shares between threads, is faster than a normalization that multiplies.
Forward and backward, microseconds on one / two threads: for 16x64x32x32 floats 1120 / 950 with it and 1120 / 1180
without, for 64x16x8x8 60 / 60 and 54 / 55, for 16x512x4x4 197 / 227 and 161 / 188. The formula with h in the place of x
takes 1200 / 1160, 64 / 65 and 213 / 238.
"""


@gradient("BatchNormalization")
def batch_normalization(g: Graph, node: Node, dy: Upstream) -> Grads:
    """h = (x - m) r, y = h s + b per channel  =>  ds = sum(dy h) = r (sum(dy x) - m sum(dy)),  db = sum(dy).

    With the statistics of the batch, dx = s r (dy - db / n - h ds / n) = s r dy - a x + (a m - s r db / n), where
    a = s r² ds / n. With given ones, dx = s r dy,  dm = -s r db, and, as r depends on the variance v,
    dv = -s ds r² / 2.    ONNX: BatchNormalization-15, arXiv:1502.03167
    """
    upstream, *of_statistics = dy if isinstance(dy, tuple) else (dy,)
    x, scale = operand(node, 0), operand(node, 1)
    mean, variance = _batch_statistics(g, node)
    rate = _rate(g, node, variance)
    through = _statistics_gradient(g, node, x, mean, of_statistics)
    if upstream is None:
        return only(node, through)
    ds, db = _affine_gradient(g, upstream, x, mean, rate)
    if integer(node, "training_mode", 0):
        dx = _centred_gradient(g, upstream, x, g.op("Mul", scale, rate), mean, rate, ds, db)
        return only(node, g.op("Add", dx, through) if through else dx, ds, db)
    slope = g.op("Mul", scale, rate)
    dv = g.op("Mul", g.op("Mul", g.op("Mul", scale, ds), g.op("Mul", rate, rate)), -0.5)
    dx = g.op("Mul", upstream, _per_channel(g, slope, x))
    return dx, ds, db, g.op("Neg", g.op("Mul", slope, db)), dv


def _statistics_gradient(g: Graph, node: Node, x: Value, mean: Value, dy: list[Value | None]) -> Value | None:
    """m = mean(x) and v = mean((x - m)²), of the batch  =>  dx = (dm + 2 (x - m) dv) / n."""
    if not any(dy):
        return None
    if number(node, "momentum", 0.9) != 0:
        raise GraphError(f"the running statistics of {node.op_type} at {node.origin} have no gradient rule")
    dm, dv = (each or g.expand(g.constant(0, x.dtype), mean.shape) for each in dy)
    share = x.static_shape[1] / prod(x.static_shape)
    slope = g.op("Mul", dv, 2 * share)
    return affine(g, x, slope, g.op("Sub", g.op("Mul", dm, share), g.op("Mul", slope, mean)))


@gradient("InstanceNormalization")
def instance_normalization(g: Graph, node: Node, dy: Value) -> Grads:
    """As BatchNormalization over the positions of each channel of each row, which are its channels; ds and db are sums
    over the rows.    ONNX: InstanceNormalization-6, arXiv:1607.08022

    Layers train with BatchNormalization, which gives out the statistics.
    """
    x = operand(node, 0)
    rows, channels = x.static_shape[:2]
    one = (1, rows * channels, prod(x.static_shape[2:]))
    flat, upstream = g.reshape(x, one), g.reshape(dy, one)
    mean = g.reduce("ReduceMean", flat, [0, 2])
    centred = g.op("Sub", flat, _per_channel(g, mean, flat))
    rate = _rate(g, node, g.reduce("ReduceMean", g.op("Mul", centred, centred), [0, 2]))
    scale = g.reshape(g.expand(operand(node, 1), (rows, channels)), (rows * channels,))
    ds, db = _affine_gradient(g, upstream, flat, mean, rate)
    dx = _centred_gradient(g, upstream, flat, g.op("Mul", scale, rate), mean, rate, ds, db)
    ds, db = (sum_over(g, g.reshape(each, (rows, channels)), [0]) for each in (ds, db))
    return g.reshape(dx, x.shape), ds, db


def _affine_gradient(g: Graph, dy: Value, x: Value, mean: Value, rate: Value) -> tuple[Value, Value]:
    """ds = r (sum(dy x) - m sum(dy)) and db = sum(dy), per channel."""
    db = _channel_sum(g, dy)
    return g.op("Mul", rate, g.op("Sub", _channel_sum(g, g.op("Mul", dy, x)), g.op("Mul", mean, db))), db


def _centred_gradient(
    g: Graph, dy: Value, x: Value, slope: Value, mean: Value, rate: Value, ds: Value, db: Value
) -> Value:
    """dx = k dy - a x + (a m - k db / n) with a = k r ds / n, where the slope k is s r."""
    share = g.op("Mul", slope, x.static_shape[1] / prod(x.static_shape))
    a = g.op("Mul", g.op("Mul", rate, ds), share)
    offset = g.op("Sub", g.op("Mul", share, db), g.op("Mul", a, mean))
    if prod(x.static_shape) < THREADED:
        none = g.constant(np.zeros(x.static_shape[1], numpy_dtype(x.dtype)))
        return g.op("Sub", affine(g, dy, slope, none), affine(g, x, a, offset))
    scaled = affine(g, dy, slope, g.op("Neg", offset))
    return g.op("Sub", scaled, g.op("Mul", x, _per_channel(g, a, x)))


def _batch_statistics(g: Graph, node: Node) -> tuple[Value, Value]:
    """The mean and the (biased) variance that x was normalised with. With momentum 0 the operator gives out those of
    the batch.
    """
    if not integer(node, "training_mode", 0):
        return operand(node, 3), operand(node, 4)
    if number(node, "momentum", 0.9) == 0:
        return node.outputs[1], node.outputs[2]
    x = operand(node, 0)
    over = [0, *range(2, x.rank)]
    mean = g.reduce("ReduceMean", x, over)
    centred = g.op("Sub", x, _per_channel(g, mean, x))
    return mean, g.reduce("ReduceMean", g.op("Mul", centred, centred), over)


def _rate(g: Graph, node: Node, variance: Value) -> Value:
    """1 / sqrt(v + epsilon)."""
    epsilon = number(node, "epsilon", 1e-5)
    return g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, epsilon)))


def _affine_rows(g: Graph, x: Value, scale: Value, offset: Value) -> Value:
    """x a + b with a and b per row. The whole layer norm takes 0.60 ms for 1024x384 floats and 0.20 for 2048x64,
    forward included, where plain Sub, Mul and ReduceMean take 0.75 and 0.27.
    """
    return g.reshape(affine(g, g.reshape(x, (1, *x.shape)), scale, offset), x.shape)


def _per_channel(g: Graph, statistic: Value, x: Value) -> Value:
    """[C] as [C, 1, 1], which broadcasts along the axes of x."""
    return g.reshape(statistic, (*statistic.shape, *(1 for _ in x.shape[2:])))


def _channel_sum(g: Graph, x: Value) -> Value:
    """The sum per channel: inside each image first, which takes 31 us for 32x64x16x16 floats where all axes at once
    take 38.
    """
    return sum_over(g, g.reduce("ReduceSum", x, list(range(2, x.rank))), [0])


def _only_first(node: Node, dy: Upstream) -> Value:
    """The gradient of the result; the statistics are for bookkeeping and must not carry one."""
    upstream, *statistics = dy if isinstance(dy, tuple) else (dy,)
    if upstream is None or any(statistic is not None for statistic in statistics):
        raise GraphError(f"the statistics of {node.op_type} at {node.origin} have no gradient rule")
    return upstream
