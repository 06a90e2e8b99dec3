"""Normalization by statistics of the batch, whose running means are used in inference."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, cast

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, ParameterSpec, called, feature_axis, known_size, require_dtype
from nnspec.ir.dims import product
from nnspec.ir.fields import Limits, PositiveFloat
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.initializers import Ones, Zeros
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Part = Annotated[float, Limits(ge=0, le=1)]

FORGETFUL = 0.5
"""Above it, more of the running statistics is from the last batch than from all before."""


class Tracking(Layer):
    """Base of the layers whose statistics are kept for inference.

    Frozen, they normalize by what is kept in training too, as Keras does, and PyTorch in `eval()`.
    """

    foreign_options = called(
        eps="epsilon variance_epsilon",
        affine="elementwise_affine scale center",
        track="track_running_stats use_running_average",
    )

    momentum: Part | None = 0.1
    """The part of the new in the running statistics, as in PyTorch; what Keras calls momentum is 1 minus this. None
    gives every batch the same weight, and counts them."""
    eps: PositiveFloat = 1e-5
    """Added to the variance."""

    def doubt(self) -> Fault | None:
        """Keras's momentum in the place of PyTorch's."""
        if self.momentum is None or not FORGETFUL < self.momentum < 1:
            return None
        kept = 1 - self.momentum
        return Fault(
            "W302",
            f"{self.name}: momentum = {self.momentum:g} keeps {kept:.3g} of the running statistics at each step",
            help=f"it is the part of the new, as in PyTorch; Keras's {self.momentum:g} is momentum = {kept:.3g}",
        )

    def statistics(self, channels: int, x: TensorType) -> dict[str, ParameterSpec]:
        """The running statistics by leaf name; the count has PyTorch's name, and is there only if it is used."""
        found = {
            "running_mean": ParameterSpec((channels,), Zeros(), trainable=False, dtype=x.dtype),
            "running_var": ParameterSpec((channels,), Ones(), trainable=False, dtype=x.dtype),
        }
        if self.momentum is None:
            found["num_batches_tracked"] = ParameterSpec((), Zeros(), trainable=False, dtype=x.dtype)
        return found

    def keep(self, g: Graph, mean: Value, variance: Value, count: int, running: dict[str, Value]) -> None:
        """Let the mean and the (biased) variance of `count` values enter the running statistics, the latter unbiased:
        running + momentum (new - running)."""
        part: Value | float
        if self.momentum is None:
            batches = g.op("Add", g.running(running["num_batches_tracked"]), 1)
            g.update(running["num_batches_tracked"], batches)
            part = g.op("Reciprocal", batches)
        else:
            part = self.momentum
        unbiased = g.op("Mul", variance, count / (count - 1))
        for name, new in (("running_mean", mean), ("running_var", unbiased)):
            old = g.running(running[name])
            rest = g.op("Sub", g.constant(1, old.dtype), part)
            g.update(running[name], g.op("Add", g.op("Mul", old, rest), g.op("Mul", new, part)))


@LAYERS("batch_norm")
class BatchNorm(Tracking):
    """(x - mean) / √(variance + eps) · weight + bias for each channel. Ioffe and Szegedy, 2015.

    [N, C, *] -> [N, C, *]

    In training, mean and variance are those of the batch, over all axes but that of the channels, and enter the running
    statistics; in inference these are used. Where the running statistics are frozen, training uses them as well.

    Parameters: `weight` [C], 1 at first, and `bias` [C], 0 at first. Statistics: `running_mean` [C] and `running_var`
    [C], the variance unbiased; with `momentum = none` also `num_batches_tracked` []. ONNX: BatchNormalization.
    """

    foreign_names = (
        *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "batch_normalization", "SyncBatchNorm"),
        *("LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "bn"),
    )
    examples = (
        Example("batch_norm", ("float32[N, 3, H, W]",)),
        Example("batch_norm(0.3, eps = 0.001, affine = false)", ("float32[N, 5]",)),
        Example("batch_norm(momentum = none)", ("float32[N, 2, T]",)),
        Example("batch_norm(axis = -1)", ("float32[N, T, 4]",)),
        Example("batch_norm(track = false)", ("float32[N, 3, 2, T, 2]",)),
    )

    affine: bool = True
    """Learn weight and bias."""
    track: bool = True
    """Keep running statistics. Without them inference uses the statistics of its batch, so that the result for a row
    depends on the others."""
    axis: int = 1
    """The axis of the channels; -1 where features come last."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if x.rank < 2:
            raise Fault(
                "E203",
                f"batch_norm needs an input [N, C, *] of at least 2 dimensions, got {x}",
                help="unsqueeze(1) makes [N, 1] of [N]",
            )
        self._channels(x)
        return x

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        channels = self._channels(x)
        affine = affine_parameters(channels, x) if self.affine else {}
        return affine | (self.statistics(channels, x) if self.track else {})

    def lower(
        self, g: Graph, x: Value, *, weight: Value | None = None, bias: Value | None = None, **running: Value
    ) -> Value:
        """Channels on another axis than 1 are brought there by a reshape: the axes before them are rows."""
        at, channels = self.axis % x.rank, self._channels(x.type)
        behind = [product(x.shape[at + 1 :])] if at + 1 < x.rank else []
        rows = x if at == 1 else g.reshape(x, (product(x.shape[:at]), channels, *behind))
        scale = weight or g.constant([1.0] * channels, x.dtype)
        offset = bias or g.constant([0.0] * channels, x.dtype)
        if not running:
            self._count(g, rows)
            y = scaled(g, normalized(g, rows, [0, *range(2, rows.rank)], self.eps), weight, bias)
        elif g.training and not g.is_frozen(running["running_mean"]):
            y = self._by_batch(g, rows, scale, offset, running)
        else:
            statistics = running["running_mean"], running["running_var"]
            y = g.op("BatchNormalization", rows, scale, offset, *statistics, epsilon=self.eps)
        return g.reshape(y, x.shape)

    def _by_batch(self, g: Graph, x: Value, scale: Value, offset: Value, running: dict[str, Value]) -> Value:
        """`x` [N, C, *] by the statistics of the batch, which enter the running ones.

        ONNX Runtime 1.31 writes the statistics that the operator gives out over those that it was given, whoever else
        reads these: so it is given values of its own. With momentum 0 nothing depends on them.
        """
        count = self._count(g, x)
        own = (g.op("Neg", g.running(running[name])) for name in ("running_mean", "running_var"))
        y, mean, variance = g.op(
            "BatchNormalization",
            *(x, scale, offset, *own),
            outputs=3,
            training_mode=1,
            momentum=0.0,
            epsilon=self.eps,
        )
        self.keep(g, mean, variance, count, running)
        return cast("Value", y)

    def _count(self, g: Graph, x: Value) -> int:
        """Values per channel of `x` [N, C, *], where they are learned from. Raises E718 for one: it has no variance."""
        if not g.training:
            return 0
        count = prod(x.static_shape) // x.static_shape[1]
        if count == 1:
            raise Fault("E718", f"batch_norm learns from more than one value per channel, got {x.type}", help=MORE)
        return count

    def _channels(self, x: TensorType) -> int:
        return known_size(self.name, x, feature_axis(self.name, x, self.axis))


MORE = "give it batches of at least 2 rows; the last batch of an epoch holds what batch_size leaves over"


def affine_parameters(channels: int, x: TensorType) -> dict[str, ParameterSpec]:
    """A weight and a bias for each channel."""
    return {
        "weight": ParameterSpec((channels,), Ones(), dtype=x.dtype),
        "bias": ParameterSpec((channels,), Zeros(), dtype=x.dtype),
    }


def normalized(g: Graph, x: Value, over: Sequence[int], eps: float) -> Value:
    """(x - mean) / √(variance + eps), with the mean and the biased variance over some axes."""
    centred = g.op("Sub", x, g.reduce("ReduceMean", x, over, keepdims=True))
    variance = g.reduce("ReduceMean", g.op("Mul", centred, centred), over, keepdims=True)
    return g.op("Mul", centred, g.op("Reciprocal", g.op("Sqrt", g.op("Add", variance, eps))))


def scaled(g: Graph, x: Value, weight: Value | None, bias: Value | None) -> Value:
    """`x` [N, C, *] times a weight [C] plus a bias [C], or as it is."""
    from nnspec.graph.affine import affine

    return affine(g, x, weight, bias) if weight and bias else x
