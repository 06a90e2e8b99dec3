"""Gradients of reductions and running sums.

A gradient of a reduction is the same along the reduced axes. It stays in that smaller shape: the engine repeats it
where it must.
"""

from __future__ import annotations

from nnspec.autodiff.common import axis, integer, integers, mask, only, operand, optional, smallest, zeros
from nnspec.autodiff.registry import Grads, gradient, non_differentiable
from nnspec.graph.graph import Graph, Node, Value
from nnspec.ir.dims import product

non_differentiable("ArgMax", "ArgMin")


@gradient("ReduceSum", broadcasts=True)
def reduce_sum(g: Graph, node: Node, dy: Value) -> Grads:
    """y = sum x  =>  dx = dy.    ONNX: ReduceSum-13"""
    return only(node, _kept(g, node, dy))


@gradient("ReduceMean", broadcasts=True)
def reduce_mean(g: Graph, node: Node, dy: Value) -> Grads:
    """y = (sum x) / n  =>  dx = dy / n.    ONNX: ReduceMean-18"""
    return only(node, g.op("Mul", _kept(g, node, dy), 1 / _count(node)))


@gradient("ReduceMax", "ReduceMin")
def reduce_extremum(g: Graph, node: Node, dy: Value) -> Grads:
    """dy goes to the extreme element; elements that tie share it equally (as in torch.amax, not torch.max).    ONNX:
    ReduceMax-20
    """
    x = operand(node, 0)
    winners = mask(g, g.op("Equal", x, _kept(g, node, node.outputs[0])), dy.dtype)
    share = g.op("Div", _kept(g, node, dy), g.reduce("ReduceSum", winners, _axes(node), keepdims=True))
    return only(node, g.op("Mul", winners, share))


@gradient("ReduceL2")
def reduce_l2(g: Graph, node: Node, dy: Value) -> Grads:
    """y = sqrt(sum x^2)  =>  dx = dy x / y, and 0 where all x are 0.    ONNX: ReduceL2-18"""
    y = g.op("Max", _kept(g, node, node.outputs[0]), smallest(dy.dtype))
    return only(node, g.op("Mul", operand(node, 0), g.op("Div", _kept(g, node, dy), y)))


@gradient("ReduceSumSquare")
def reduce_sum_square(g: Graph, node: Node, dy: Value) -> Grads:
    """y = sum x^2  =>  dx = 2 dy x.    ONNX: ReduceSumSquare-18"""
    return only(node, g.op("Mul", operand(node, 0), g.op("Mul", _kept(g, node, dy), 2)))


@gradient("ReduceProd")
def reduce_prod(g: Graph, node: Node, dy: Value) -> Grads:
    """y = prod x  =>  dx_i = dy prod of the others: p / x_i with p the product of what is not 0, and 0 if one of the
    others is 0. ONNX: ReduceProd-18
    """
    x = operand(node, 0)
    is_zero = g.op("Equal", x, 0)
    nonzero, zero = g.op("Where", is_zero, 1, x), mask(g, is_zero, x.dtype)
    other_zeros = g.op("Sub", g.reduce("ReduceSum", zero, _axes(node), keepdims=True), zero)
    product_ = g.reduce("ReduceProd", nonzero, _axes(node), keepdims=True)
    others = g.op("Mul", g.op("Div", product_, nonzero), mask(g, g.op("Equal", other_zeros, 0), x.dtype))
    return only(node, g.op("Mul", _kept(g, node, dy), others))


@gradient("TopK")
def top_k(g: Graph, node: Node, dy: tuple[Value | None, Value | None]) -> Grads:
    """dy goes back to where the values came from; no index occurs twice.    ONNX: TopK-11"""
    upstream, _ = dy
    if upstream is None:
        return only(node, None)
    base = zeros(g, operand(node, 0))
    return only(node, g.op("ScatterElements", base, node.outputs[1], upstream, axis=axis(node, -1)))


@gradient("CumSum")
def cumulative_sum(g: Graph, node: Node, dy: Value) -> Grads:
    """y_i = x_0 + … + x_i  =>  dx_i = dy_i + … + dy_n: the running sum from the other end.    ONNX: CumSum-14"""
    exclusive, reverse = integer(node, "exclusive", 0), integer(node, "reverse", 0)
    return only(node, g.op("CumSum", dy, operand(node, 1), exclusive=exclusive, reverse=1 - reverse))


def _axes(node: Node) -> list[int]:
    """The reduced axes from the front; all axes where none are given."""
    x, axes = operand(node, 0), optional(node, 1)
    given = sorted(a % x.rank for a in integers(axes)) if axes else []
    return given if given or integer(node, "noop_with_empty_axes", 0) else list(range(x.rank))


def _kept(g: Graph, node: Node, y: Value) -> Value:
    """A result of the reduction, or something that broadcasts to it, with 1 in the place of each reduced axis."""
    x, axes = operand(node, 0), _axes(node)
    if integer(node, "keepdims", 1):
        return y
    padded = iter((1,) * (x.rank - len(axes) - y.rank) + y.shape)
    return g.reshape(y, tuple(1 if i in axes else next(padded) for i in range(x.rank)))


def _count(node: Node) -> int:
    """How many elements are reduced to one."""
    x = operand(node, 0)
    count = product(tuple(x.shape[a] for a in _axes(node)))
    return count if isinstance(count, int) else x.static_shape[0]
