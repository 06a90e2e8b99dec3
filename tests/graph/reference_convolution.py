"""Conv and ConvTranspose in NumPy, as the ONNX specification says them: a sum for each element of the kernel.

In ONNX's reference evaluator (1.23) ConvTranspose fails with groups, or gives wrong numbers where each has one filter;
ours stands in its place. Its Conv is right in all rows of operator_cases.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

Array = np.ndarray[Any, Any]
Numbers = Sequence[int] | None


class Conv(OpRun):
    op_domain = ""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str = "NOTSET",
        dilations: Numbers = None,
        group: int = 1,
        kernel_shape: Numbers = None,
        pads: Numbers = None,
        strides: Numbers = None,
    ) -> tuple[Array]:
        """y[i] = the sum over j of w[j] x[i stride + j dilation - begin]."""
        assert auto_pad in ("NOTSET", "")
        axes = x.ndim - 2
        (strides, dilations, pads), kernel = _filled(axes, strides, dilations, pads), w.shape[2:]
        x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)])
        sizes = [
            (size - (k - 1) * d - 1) // s + 1
            for size, k, d, s in zip(x.shape[2:], kernel, dilations, strides, strict=True)
        ]
        parts = x.reshape(len(x), group, -1, *x.shape[2:])
        filters = w.reshape(group, -1, *w.shape[1:])
        y = np.zeros((len(x), group, filters.shape[1], *sizes), x.dtype)
        for j in product(*map(range, kernel)):
            y += np.einsum(
                "ngc...,gmc->ngm...", parts[(..., *_places(j, sizes, strides, dilations))], filters[(..., *j)]
            )
        return (_offset(y.reshape(len(x), -1, *sizes), b),)


class ConvTranspose(OpRun):
    op_domain = ""

    def _run(
        self,
        x: Array,
        w: Array,
        b: Array | None = None,
        auto_pad: str = "NOTSET",
        dilations: Numbers = None,
        group: int = 1,
        kernel_shape: Numbers = None,
        output_padding: Numbers = None,
        output_shape: Numbers = None,
        pads: Numbers = None,
        strides: Numbers = None,
    ) -> tuple[Array]:
        """y[i stride + j dilation - begin] = the sum over i and j of w[j] x[i]."""
        assert auto_pad in ("NOTSET", "") and output_shape is None
        axes = x.ndim - 2
        (strides, dilations, pads), kernel = _filled(axes, strides, dilations, pads), w.shape[2:]
        more = output_padding or [0] * axes
        sizes = x.shape[2:]
        whole = [
            (size - 1) * s + (k - 1) * d + 1 + extra
            for size, s, k, d, extra in zip(sizes, strides, kernel, dilations, more, strict=True)
        ]
        parts = x.reshape(len(x), group, -1, *sizes)
        filters = w.reshape(group, -1, *w.shape[1:])
        y = np.zeros((len(x), group, w.shape[1], *whole), x.dtype)
        for j in product(*map(range, kernel)):
            y[(..., *_places(j, sizes, strides, dilations))] += np.einsum(
                "ngc...,gcm->ngm...", parts, filters[(..., *j)]
            )
        inside = (slice(begin, size - end) for begin, end, size in zip(pads[:axes], pads[axes:], whole, strict=True))
        y = y.reshape(len(x), -1, *whole)[(..., *inside)]
        return (_offset(y, b),)


def _filled(axes: int, strides: Numbers, dilations: Numbers, pads: Numbers) -> tuple[Any, Any, Any]:
    return list(strides or [1] * axes), list(dilations or [1] * axes), list(pads or [0] * (2 * axes))


def _places(j: Sequence[int], sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Any:
    """What element j of the kernel reads, for all windows."""
    return (
        slice(at * d, at * d + (size - 1) * s + 1, s)
        for at, size, s, d in zip(j, sizes, strides, dilations, strict=True)
    )


def _offset(y: Array, b: Array | None) -> Array:
    return y if b is None else y + b.reshape(-1, *[1] * (y.ndim - 2))


REPLACED = [ConvTranspose]
"""What is given to the evaluator in the place of its own."""
