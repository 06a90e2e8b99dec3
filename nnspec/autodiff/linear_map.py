"""Linear maps along one axis, given by a matrix: padding by copies, pools, resampling."""

from __future__ import annotations

from math import prod

from nnspec.graph.graph import Array, Graph, Value, numpy_dtype


def transposed_map(g: Graph, dy: Value, axis: int, matrix: Array | Value) -> Value:
    """y = M x along `axis`, with M of shape [out, in]  =>  dx = M' dy along the same axis."""
    if not isinstance(matrix, Value):
        matrix = g.constant(matrix.astype(numpy_dtype(dy.dtype)))
    results, size = matrix.static_shape
    outer, inner = dy.static_shape[:axis], dy.static_shape[axis + 1 :]
    if prod(inner) == 1:
        product = g.op("MatMul", g.reshape(dy, (prod(outer), results)), matrix)
    else:
        product = g.op("MatMul", _turned(g, matrix), g.reshape(dy, (prod(outer), results, prod(inner))))
    return g.reshape(product, (*outer, size, *inner))


def _turned(g: Graph, matrix: Value) -> Value:
    """The transposed matrix."""
    return g.transpose(matrix, (1, 0)) if matrix.constant is None else g.constant(matrix.constant.T)
