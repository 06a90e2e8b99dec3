"""Linear maps along one axis, given by a matrix: padding by copies, resampling."""

from __future__ import annotations

import numpy as np

from nnspec.graph.graph import Array, Graph, Value, numpy_dtype


def transposed_map(g: Graph, dy: Value, axis: int, matrix: Array | Value) -> Value:
    """y = M x along `axis`, with M of shape [out, in]  =>  dx = M' dy along the same axis."""
    if not isinstance(matrix, Value):
        matrix = g.constant(matrix.astype(numpy_dtype(dy.dtype)))
    order = [i for i in range(dy.rank) if i != axis] + [axis]
    moved = g.op("MatMul", g.transpose(dy, order), matrix)
    return g.transpose(moved, np.argsort(order).tolist())
