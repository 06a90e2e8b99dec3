"""Normalization of each row by itself, the same in training and inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, ParameterSpec, called, feature_axes, known_size, require_dtype
from nnspec.ir.fields import Limits, PositiveFloat
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.initializers import Ones, Zeros
from nnspec.layers.normalization.batch import normalized
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

MACHINE_EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The gap between 1 and the next number of a dtype."""


class OverFeatures(Layer):
    """Base of the normalizations over one axis or several, with a weight for each element of them."""

    foreign_options = called(
        axis="normalized_shape normalized_axes begin_norm_axis reduction_axes feature_axes",
        eps="epsilon layer_norm_eps variance_epsilon",
        affine="elementwise_affine scale use_scale gamma",
    )

    axis: int | Annotated[tuple[int, ...], Limits(min_length=1)] = -1
    """The axis of the features, or several, as [-2, -1] for PyTorch's normalized_shape of two sizes."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        self._sizes(x)
        return x

    def _axes(self, x: TensorType) -> tuple[int, ...]:
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        if any(axis >= x.rank for axis in given):
            raise self._outside(x, given)
        axes = feature_axes(self.name, x, self.axis)
        if list(axes) != sorted(axes):
            raise Fault("E207", f"{self.name} needs the axes of {x} in order, got {list(given)}")
        return axes

    def _outside(self, x: TensorType, given: tuple[int, ...]) -> Fault:
        """The fault for sizes in the place of axes, as in PyTorch's LayerNorm(64) and LayerNorm([3, 32, 32])."""
        several = len(given) > 1
        wanted = f"{self.name}({list(range(-len(given), 0))})" if several else self.name
        return Fault(
            "E207",
            f"{self.name}: axis {list(given) if several else given[0]} is outside {x}, "
            f"whose axes are 0 to {x.rank - 1}",
            help=f"sizes are known, axes are counted: {wanted} normalizes the last "
            f"{f'{len(given)} axes' if several else 'axis'}",
        )

    def _sizes(self, x: TensorType) -> tuple[int, ...]:
        return tuple(known_size(self.name, x, axis) for axis in self._axes(x))

    def _broadcast(self, g: Graph, parameter: Value, x: Value) -> Value:
        """A parameter with its axes where those of the features are in `x`."""
        features = self._axes(x.type)
        return g.reshape(parameter, [x.shape[axis] if axis in features else 1 for axis in range(features[0], x.rank)])


@LAYERS("layer_norm")
class LayerNorm(OverFeatures):
    """(x - mean) / √(variance + eps) · weight + bias over the features of each row. Ba et al., 2016.

    [*, C] -> [*, C]

    Parameters: `weight` [C], 1 at first, and `bias` [C], 0 at first; [A, B] for two axes. ONNX: LayerNormalization.
    """

    foreign_options = called(bias="center use_bias beta")
    foreign_names = ("layer_normalization",)
    examples = (
        Example("layer_norm", ("float32[N, T, 6]",)),
        Example("layer_norm(axis = 1, eps = 0.001)", ("float32[N, 3, H, W]",)),
        Example("layer_norm([-2, -1], bias = false)", ("float32[N, 3, 4]",)),
        Example("layer_norm(affine = false)"),
    )

    eps: PositiveFloat = 1e-5
    """Added to the variance."""
    affine: bool = True
    """Learn a weight for each feature."""
    bias: bool = True
    """Learn an offset for each feature beside the weight."""

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        if not self.affine:
            return {}
        weight = {"weight": ParameterSpec(self._sizes(x), Ones(), dtype=x.dtype)}
        return weight | ({"bias": ParameterSpec(self._sizes(x), Zeros(), dtype=x.dtype)} if self.bias else {})

    def lower(self, g: Graph, x: Value, *, weight: Value | None = None, bias: Value | None = None) -> Value:
        """In training, mean and deviation are results too, which the backward pass reads. Over other axes than the last
        ones Sub, Mul and ReduceMean take half the time of two transpositions around the operator.
        """
        sizes = self._sizes(x.type)
        first = x.rank - len(sizes)
        if self._axes(x.type) != tuple(range(first, x.rank)):
            y = normalized(g, x, self._axes(x.type), self.eps)
            y = g.op("Mul", y, self._broadcast(g, weight, x)) if weight else y
            return g.op("Add", y, self._broadcast(g, bias, x)) if bias else y
        scale = weight or g.expand(g.constant(1, x.dtype), sizes)
        results = 3 if g.training else 1
        found = g.op("LayerNormalization", x, scale, bias, axis=first, epsilon=self.eps, outputs=results)
        return cast("Value", found[0] if g.training else found)


@LAYERS("rms_norm")
class RmsNorm(OverFeatures):
    """x / √(mean(x²) + eps) · weight over the features of each row. Zhang and Sennrich, 2019.

    [*, C] -> [*, C]

    Parameter: `weight` [C], 1 at first; [A, B] for two axes.
    """

    foreign_names = ("rms_normalization", "T5LayerNorm", "LlamaRMSNorm")
    examples = (
        Example("rms_norm", ("float32[N, T, 6]",)),
        Example("rms_norm(axis = 1, eps = 1e-6)", ("float32[N, 3, H, W]",)),
        Example("rms_norm([1, 2], affine = false)", ("float32[N, 3, 4]",)),
    )

    eps: PositiveFloat | None = None
    """Added to the mean square; none is the gap between 1 and the next number, as in PyTorch: 1.2e-7 for float32."""
    affine: bool = True
    """Learn a weight for each feature."""

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        return {"weight": ParameterSpec(self._sizes(x), Ones(), dtype=x.dtype)} if self.affine else {}

    def lower(self, g: Graph, x: Value, *, weight: Value | None = None) -> Value:
        """Pow, ReduceMean, Add, Sqrt, Div, Mul is the form that ONNX Runtime makes one operator of: 43 us for 2048x64
        floats, where the one that trains takes 88. Deployed at opset 23 and later that operator is in the standard, for
        features that are the last axes and have a weight.
        """
        eps = MACHINE_EPSILON[x.dtype] if self.eps is None else self.eps
        axes = self._axes(x.type)
        if g.has_native_attention and weight and x.dtype == "float32" and axes == tuple(range(axes[0], x.rank)):
            return g.op("RMSNormalization", x, weight, axis=axes[0], epsilon=eps)
        square = g.op("Mul", x, x) if g.training else g.op("Pow", x, 2)
        root = g.op("Sqrt", g.op("Add", g.reduce("ReduceMean", square, self._axes(x.type), keepdims=True), eps))
        y = g.op("Mul", x, g.op("Reciprocal", root)) if g.training else g.op("Div", x, root)
        return g.op("Mul", y, self._broadcast(g, weight, x)) if weight else y


@LAYERS("l2_normalize")
class L2Normalize(Layer):
    """x / max(√(Σ x²), eps): each row of features with length 1.    [*] -> [*]"""

    foreign_options = called(axis="normalized_axes", eps="epsilon")
    foreign_names = ("l2_norm", "unit_normalization", "UnitNorm", "l2normalization", "lp_normalize")
    examples = (
        Example("l2_normalize"),
        Example("l2_normalize(axis = 1, eps = 0.5)", ("float32[N, 3, H, W]",)),
        Example("l2_normalize([1, 2])", ("float32[N, T, 3]",)),
    )

    axis: int | Annotated[tuple[int, ...], Limits(min_length=1)] = -1
    """The axis of the features, or several."""
    eps: PositiveFloat = 1e-12
    """The least length to divide by."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        feature_axes(self.name, x, self.axis)
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        length = g.reduce("ReduceL2", x, feature_axes(self.name, x.type, self.axis), keepdims=True)
        return g.op("Div", x, g.op("Max", length, self.eps))
