"""Noise that acts in training only; inference passes the input on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, feature_axis, require_dtype
from nnspec.ir.fields import Limits, NonNegativeFloat
from nnspec.ir.types import FLOATS, TensorType, broadcast
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Rate = Annotated[float, Limits(ge=0, lt=1)]


@LAYERS("dropout")
class Dropout(Layer):
    """Each element is 0 with probability `rate`, and scaled by 1 / (1 - rate) elsewhere. Srivastava et al., 2014.

    [*] -> [*]
    """

    foreign_options = called(rate="p prob probability drop_rate drop_prob")
    foreign_names = ("alpha_dropout", "FeatureAlphaDropout")
    examples = (Example("dropout(0.5)"), Example("dropout(rate = 0)", ("float32[N, T, 4]",)))

    rate: Rate
    """Probability of 0."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        return _drop(g, x, (True,) * x.rank, self.rate)


@LAYERS("spatial_dropout")
class SpatialDropout(Layer):
    """Whole channels are 0 with probability `rate`, and scaled by 1 / (1 - rate) elsewhere. Tompson et al., 2015.

    [N, C, *] -> [N, C, *]
    """

    foreign_options = called(rate="p prob probability drop_rate drop_prob")
    foreign_names = ("dropout1d", "dropout2d", "dropout3d", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
    examples = (
        Example("spatial_dropout(0.2)", ("float32[N, 3, 4, 4]",)),
        Example("spatial_dropout(rate = 0.2, axis = -1)", ("float32[N, T, 4]",)),
    )

    rate: Rate
    """Probability of 0."""
    axis: int = 1
    """The axis of the channels; -1 where features come last."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if x.rank < 3:
            raise Fault(
                "E203",
                f"spatial_dropout needs an input [N, C, *] of at least 3 dimensions, got {x}",
                help="dropout drops single elements",
            )
        feature_axis(self.name, x, self.axis)
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        kept = (0, self.axis % x.rank)
        return _drop(g, x, tuple(at in kept for at in range(x.rank)), self.rate)


@LAYERS("gaussian_noise")
class GaussianNoise(Layer):
    """x + deviation * z, with z normal.    [*] -> [*]

    With a value as the deviation it is the sampling of a variational autoencoder. Kingma and Welling, 2013.
    """

    foreign_options = called(deviation="std stddev sigma scale")
    foreign_names = ("noise", "GaussianDropout", "reparameterize")
    examples = (Example("gaussian_noise(0.1)"), Example("gaussian_noise", arguments=(("deviation", "float32[N, 6]"),)))

    deviation: NonNegativeFloat | TensorType
    """Standard deviation, a number or a value of the input's shape or one that broadcasts to it."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if isinstance(self.deviation, TensorType):
            if self.deviation.dtype != x.dtype:
                raise Fault(
                    "E215", f"gaussian_noise needs a deviation of the input's dtype, {x.dtype}, got {self.deviation}"
                )
            if broadcast(x.shape, self.deviation.shape) != x.shape:
                raise Fault("E208", f"gaussian_noise needs a deviation that broadcasts to {x}, got {self.deviation}")
        return x

    def lower(self, g: Graph, x: Value, *, deviation: Value | None = None) -> Value:
        if not g.training or (deviation is None and self.deviation == 0):
            return x
        from nnspec.graph.random import normal

        factor = deviation if isinstance(self.deviation, TensorType) else self.deviation
        return g.op("Add", x, g.op("Mul", normal(g, x.static_shape, x.dtype), factor))


def _drop(g: Graph, x: Value, single: tuple[bool, ...], rate: float) -> Value:
    """`x`, in training with elements at 0; along an axis that is not `single` they go together."""
    if not g.training or rate == 0:
        return x
    from nnspec.graph.random import keep_mask

    shape = tuple(size if alone else 1 for size, alone in zip(x.static_shape, single, strict=True))
    return g.op("Mul", g.op("Mul", x, 1 / (1 - rate)), keep_mask(g, shape, rate, x.dtype))
