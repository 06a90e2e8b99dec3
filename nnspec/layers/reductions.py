"""Layers that reduce axes to one number. The first dimension holds the rows of the batch, so it is never reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, feature_axes, feature_axis, require_dtype
from nnspec.ir.dims import Shape
from nnspec.ir.fields import Limits
from nnspec.ir.types import FLOATS, NUMBERS, TensorType
from nnspec.layers.lengths import LENGTHS, over_steps, require_lengths
from nnspec.layers.registry import LAYERS, define

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class Reduction(Layer):
    """Base of the reductions to a number of the same dtype."""

    foreign_options = LENGTHS
    operator: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]] = NUMBERS

    axis: int | Annotated[tuple[int, ...], Limits(min_length=1)]
    """The axis or axes to reduce."""
    keepdims: bool = False
    """Leave size 1 in their place."""
    lengths: TensorType | None = None
    """Steps of each row on axis 1, integers [N]; what follows is padding, and is left out. 0 where a row has none."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, self.dtypes)
        axes = self._axes(x)
        require_lengths(self.name, x, self.lengths)
        if self.lengths and 1 not in axes:
            raise Fault("E207", f"{self.name} with lengths reduces the steps, axis 1 of {x}, got {list(axes)}")
        if self.lengths and x.dtype not in (*FLOATS, "int64", "int32"):
            raise Fault("E215", f"{self.name} with lengths needs float, int64 or int32, got {x}")
        return x.with_shape(*_reduced(x, axes, self.keepdims))

    def lower(self, g: Graph, x: Value, *, lengths: Value | None = None) -> Value:
        axes = self._axes(x.type)
        if lengths is None:
            return g.reduce(self.operator, x, axes, self.keepdims)
        within = g.reduce(self.operator, x, [axis for axis in axes if axis != 1], keepdims=True)
        total = over_steps(g, self.operator, within, lengths)
        return total if self.keepdims else g.op("Squeeze", total, g.constant(sorted(axes), "int64"))

    def _axes(self, x: TensorType) -> tuple[int, ...]:
        return feature_axes(self.name, x, self.axis)


def reduction(name: str, doc: str, operator: str, dtypes: tuple[str, ...], *foreign: str) -> None:
    """Register a reduction: its ONNX operator and the dtypes that it takes."""
    examples = (
        Example(f"{name}(-1)", ("float32[N, 3, 4]",)),
        Example(f"{name}([1, 2], keepdims = true)", ("float32[N, 3, T]",)),
        Example(f"{name}(axis = 1)", ("float32[N, 3]",)),
        Example(f"{name}([1, 2])", ("float32[N, T, 3]",), arguments=(("lengths", "int64[N]"),)),
    )
    doc = f"{doc}    [*, A] -> [*]    ONNX: {operator}."
    define(LAYERS, name, Reduction, doc=doc, foreign_names=foreign, examples=examples, operator=operator, dtypes=dtypes)


reduction("mean", "The mean along axes.", "ReduceMean", FLOATS, "reduce_mean", "average")
reduction("sum", "The sum along axes.", "ReduceSum", (*FLOATS, "int64", "int32"), "reduce_sum")
reduction("max", "The greatest element along axes.", "ReduceMax", NUMBERS, "reduce_max", "amax")
reduction("min", "The least element along axes.", "ReduceMin", NUMBERS, "reduce_min", "amin")


@LAYERS("argmax")
class Argmax(Layer):
    """The index of the greatest element, the first of equals.    [*, A] -> int64 [*]    ONNX: ArgMax."""

    foreign_names = ("arg_max",)
    examples = (Example("argmax"), Example("argmax(axis = 1, keepdims = true)", ("float32[N, 3, T]",)))

    axis: int = -1
    """The axis to search."""
    keepdims: bool = False
    """Leave size 1 in its place."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        at = feature_axis(self.name, x, self.axis)
        return TensorType("int64", _reduced(x, (at,), self.keepdims))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("ArgMax", x, axis=self.axis % x.rank, keepdims=int(self.keepdims))


def _reduced(x: TensorType, axes: tuple[int, ...], keepdims: bool) -> Shape:
    if keepdims:
        return tuple(1 if at in axes else dim for at, dim in enumerate(x.shape))
    return tuple(dim for at, dim in enumerate(x.shape) if at not in axes)
