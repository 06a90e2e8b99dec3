"""Gradients of matrix products."""

from __future__ import annotations

from nnspec.autodiff.broadcasting import unbroadcast
from nnspec.autodiff.common import integer, number, operand
from nnspec.autodiff.registry import Grads, gradient
from nnspec.graph.graph import Graph, Node, Value
from nnspec.ir.dims import Shape, product


@gradient("MatMul")
def matmul(g: Graph, node: Node, dy: Value) -> Grads:
    """y = a b  =>  da = dy b',  db = a' dy.    ONNX: MatMul-13

    Leading axes of `a` against one matrix `b` become rows, and those of `b` against one matrix `a` columns, so that the
    gradient of the matrix is one product and not one per batch and a sum.
    Elsewhere the Transpose is written before the MatMul: ONNX Runtime fuses the two.
    """
    a, b = operand(node, 0), operand(node, 1)
    if a.rank == 1 or b.rank == 1:
        return _with_vectors(g, a, b, dy)
    if b.rank == 2:
        rows, dy_rows = _as_rows(g, a), _as_rows(g, dy)
        return g.reshape(g.op("Gemm", dy_rows, b, transB=1), a.shape), g.op("Gemm", rows, dy_rows, transA=1)
    if a.rank == 2:
        return g.op("Gemm", _as_columns(g, dy), _as_columns(g, b), transB=1), g.op("MatMul", _swapped(g, a), dy)
    return g.op("MatMul", dy, _swapped(g, b)), _right(g, a, b, dy)


def _right(g: Graph, a: Value, b: Value, dy: Value) -> Value:
    """db = a' dy. Where b = c' it is (dy' a)', so that the gradient of c needs no Transpose that moves elements, which
    takes 0.65 ms for 36 matrices of 256 x 256.
    """
    if b.node and b.node.op_type == "Transpose" and _swaps(b.node):
        dc: Value = g.op("MatMul", _swapped(g, dy), a)
        return _swapped(g, unbroadcast(g, dc, _exchanged(b.shape), dc.shape))
    product_: Value = g.op("MatMul", _swapped(g, a), dy)
    return product_


@gradient("Gemm")
def gemm(g: Graph, node: Node, dy: Value) -> Grads:
    """y = alpha A B + beta c, A = a or a', B = b or b'  =>  dA = alpha dy B',  dB = alpha A' dy,  dc = beta dy.
    ONNX: Gemm-13
    """
    a, b = operand(node, 0), operand(node, 1)
    ta, tb = integer(node, "transA", 0), integer(node, "transB", 0)
    alpha, beta = number(node, "alpha", 1.0), number(node, "beta", 1.0)
    da = _product(g, alpha, (b, tb), (dy, 1)) if ta else _product(g, alpha, (dy, 0), (b, 1 - tb))
    db = _product(g, alpha, (dy, 1), (a, ta)) if tb else _product(g, alpha, (a, 1 - ta), (dy, 0))
    if len(node.inputs) == 2:
        return da, db
    return da, db, dy if beta == 1 else g.op("Mul", dy, beta)


def _product(g: Graph, alpha: float, left: tuple[Value, int], right: tuple[Value, int]) -> Value:
    """alpha a b, where a factor with a 1 is transposed."""
    (a, trans_a), (b, trans_b) = left, right
    return g.op("Gemm", a, b, alpha=alpha, transA=trans_a, transB=trans_b)


def _with_vectors(g: Graph, a: Value, b: Value, dy: Value) -> Grads:
    """A vector is a matrix of one row on the left, of one column on the right."""
    left = g.reshape(a, (1, *a.shape)) if a.rank == 1 else a
    right = g.reshape(b, (*b.shape, 1)) if b.rank == 1 else b
    batch = dy.shape[: dy.rank - (a.rank > 1) - (b.rank > 1)]
    whole = g.reshape(dy, (*batch, left.shape[-2], right.shape[-1]))
    da, db = g.op("MatMul", whole, _swapped(g, right)), g.op("MatMul", _swapped(g, left), whole)
    da = g.reshape(da, (*da.shape[:-2], *a.shape[-1:])) if a.rank == 1 else da
    db = g.reshape(db, (*db.shape[:-2], *b.shape[-1:])) if b.rank == 1 else db
    return da, db


def _as_rows(g: Graph, x: Value) -> Value:
    return g.reshape(x, (product(x.shape[:-1]), x.shape[-1]))


def _as_columns(g: Graph, x: Value) -> Value:
    """[*, A, B] as [A, * B]."""
    order = [x.rank - 2, *range(x.rank - 2), x.rank - 1]
    return g.reshape(g.transpose(x, order), (x.shape[-2], product((*x.shape[:-2], x.shape[-1]))))


def _swaps(node: Node) -> bool:
    """Whether a Transpose exchanges the last two axes and no others."""
    rank = node.outputs[0].rank
    return list(node.attributes.get("perm", range(rank)[::-1])) == [*range(rank - 2), rank - 1, rank - 2]


def _exchanged(shape: Shape) -> Shape:
    return *shape[:-2], shape[-1], shape[-2]


def _swapped(g: Graph, x: Value) -> Value:
    """The last two axes exchanged."""
    return g.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])
