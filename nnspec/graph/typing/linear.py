"""Matrix products."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.dims import Dim, Shape
from nnspec.ir.types import TensorType, broadcast


@typed("MatMul")
def matmul(call: Call) -> TensorType:
    """NumPy's product: matrices in the last two axes, the leading axes broadcast, a vector counts as one row or one
    column.
    """
    return tensor_type(same_dtype(call.types()), product_shape(call.type(0).shape, call.type(1).shape))


def product_shape(a: Shape, b: Shape) -> Shape:
    """The shape of NumPy's product."""
    if not a or not b:
        raise ValueError("a product needs at least one axis")
    left: Shape = a if len(a) > 1 else (1, *a)
    right: Shape = b if len(b) > 1 else (*b, 1)
    _same_inner(left[-1], right[-2])
    batch = broadcast(left[:-2], right[:-2])
    rows = left[-2:-1] if len(a) > 1 else ()
    columns = right[-1:] if len(b) > 1 else ()
    return (*batch, *rows, *columns)


@typed("Gemm")
def gemm(call: Call) -> TensorType:
    """alpha A' B' + beta C: matrices, C broadcasts to the result."""
    a, b = call.type(0), call.type(1)
    if a.rank != 2 or b.rank != 2:
        raise ValueError("the factors are matrices")
    rows, inner = reversed(a.shape) if call.integer("transA", 0) else a.shape
    other, columns = reversed(b.shape) if call.integer("transB", 0) else b.shape
    _same_inner(inner, other)
    if call.has(2) and broadcast((rows, columns), call.type(2).shape) != (rows, columns):
        raise ValueError("C does not broadcast to the product")
    return tensor_type(same_dtype(call.types()), (rows, columns))


def _same_inner(a: Dim, b: Dim) -> None:
    if a != b:
        raise ValueError(f"inner dimensions {a} and {b} differ")
