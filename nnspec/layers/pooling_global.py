"""Layers that make one number of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, require_dtype
from nnspec.ir.dims import product
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class GlobalPool(Layer):
    """Base of the pools over all axes behind the channels."""

    keepdims: bool = False
    """Leave size 1 in the place of the axes that go."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if x.rank < 3:
            raise Fault("E203", f"{self.name} needs an input [N, C, *] of at least 3 dimensions, got {x}")
        return x.with_shape(*x.shape[:2], *((1,) * (x.rank - 2) if self.keepdims else ()))


@LAYERS("global_avg_pool")
class GlobalAvgPool(GlobalPool):
    """The mean of each channel.    [N, C, *] -> [N, C]    ONNX: ReduceMean.

    Means of so many parts (AdaptiveAvgPool2d(7)) are `resize(7, mode = "area")`.
    """

    foreign_names = (
        *("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "global_average_pooling"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    )
    examples = (
        Example("global_avg_pool", ("float32[N, 3, 4, 5]",)),
        Example("global_avg_pool(keepdims = true)", ("float32[N, 3, T]",)),
        Example("global_avg_pool", ("float32[N, 2, 2, H, W]",)),
    )

    def lower(self, g: Graph, x: Value) -> Value:
        return g.reduce("ReduceMean", x, range(2, x.rank), self.keepdims)


@LAYERS("global_max_pool")
class GlobalMaxPool(GlobalPool):
    """The greatest element of each channel. The gradient goes to the first of equals, where `max` shares it among them.

    [N, C, *] -> [N, C]    ONNX: ReduceMax.
    """

    foreign_names = (
        *("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "global_max_pooling"),
        *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    )
    examples = (
        Example("global_max_pool", ("float32[N, 3, 4, 5]",)),
        Example("global_max_pool(keepdims = true)", ("float32[N, 3, T]",)),
        Example("global_max_pool", ("float32[N, 2, 2, H, W]",)),
    )

    def lower(self, g: Graph, x: Value) -> Value:
        """What trains looks the element up, so that the gradient is the look-up's."""
        if not g.training:
            return g.reduce("ReduceMax", x, range(2, x.rank), self.keepdims)
        flat = g.reshape(x, (*x.shape[:2], product(x.shape[2:])))
        greatest: Value = g.op("GatherElements", flat, g.op("ArgMax", flat, axis=2), axis=2)
        return g.reshape(greatest, self.infer(x.type).shape)
