"""Max pooling for the reference evaluator, whose own overlooks pads where the stride is 1."""

from __future__ import annotations

import numpy as np
from onnx.reference.op_run import OpRun

from nnspec.graph.graph import Array


class MaxPool(OpRun):
    """Axis by axis, over windows of a view."""

    def _run(
        self,
        x: Array,
        auto_pad: str | None = None,
        ceil_mode: int | None = None,
        dilations: list[int] | None = None,
        kernel_shape: list[int] | None = None,
        pads: list[int] | None = None,
        storage_order: int | None = None,
        strides: list[int] | None = None,
    ) -> tuple[Array]:
        assert kernel_shape is not None and auto_pad in (None, "NOTSET") and not ceil_mode
        rank = len(kernel_shape)
        steps, gaps, border = (
            strides or [1] * rank,
            dilations or [1] * rank,
            np.reshape(pads or [0] * 2 * rank, (2, -1)),
        )
        for at, (kernel, step, gap, sides) in enumerate(zip(kernel_shape, steps, gaps, border.T, strict=True), 2):
            around = [tuple(sides) if axis == at else (0, 0) for axis in range(x.ndim)]
            x = np.pad(x, around, constant_values=-np.inf)
            windows = np.lib.stride_tricks.sliding_window_view(x, (kernel - 1) * gap + 1, at)
            x = windows[..., ::gap].max(-1)[(slice(None),) * at + (slice(None, None, step),)]
        return (x,)
