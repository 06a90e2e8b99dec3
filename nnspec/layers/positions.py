"""Positions: what tells a layer that treats all places alike where in a sequence a value stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called, known_size, require_dtype
from nnspec.ir.dims import Dim
from nnspec.ir.fields import PositiveFloat, PositiveInt, default
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.initializers import Normal
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("learned_position")
class LearnedPosition(Layer):
    """x plus a learned vector per place: y[n, t] = x[n, t] + weight[t].    [N, T, D] -> [N, T, D]

    Parameter: `weight` [count, D]. ONNX: Slice or Gather, and Add.
    """

    foreign_options = called(
        count="max_len max_length maxlen context block_size context_length sequence_length max_position_embeddings"
    )
    foreign_names = ("position_embedding", "positional_embedding", "wpe", "LearnedPositionalEncoding")
    examples = (
        Example("learned_position(9)", ("float32[N, T, 6]",)),
        Example("learned_position(4, init = normal(0.1))", ("float32[N, 4, 3]",)),
    )

    count: PositiveInt
    """The greatest T: how many places there are."""
    init: Initializer = default(lambda: Normal(deviation=0.02))
    """Initial values of the weight."""

    def infer(self, x: TensorType) -> TensorType:
        _require_sequence(self.name, x)
        places = x.shape[1]
        if isinstance(places, int) and places > self.count:
            raise Fault("E203", f"learned_position has {self.count} places, and {x} has {places}")
        return x

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        return {"weight": ParameterSpec((self.count, known_size(self.name, x, -1)), self.init, dtype=x.dtype)}

    def lower(self, g: Graph, x: Value, *, weight: Value) -> Value:
        """A Gather where T is known at run time only: it refuses a place that there is not, and a Slice does not."""
        length = x.shape[1]
        if isinstance(length, int) and not g.caches:
            if length > self.count:
                raise Fault("E607", f"learned_position has {self.count} places, got a sequence of {length}")
            return g.op("Add", x, weight if length == self.count else g.slice(weight, 0, 0, length))
        return g.op("Add", x, g.op("Gather", weight, new_places(g, length), axis=0))


@LAYERS("sinusoidal_position")
class SinusoidalPosition(Layer):
    """x plus waves of its place: sin(t base^(-2i/D)) at feature 2i, the cosine at 2i + 1. Vaswani et al., 2017.

    [N, T, D] -> [N, T, D]
    """

    foreign_options = called(base="max_wavelength theta max_period")
    foreign_names = ("positional_encoding", "sine_position_encoding", "PositionEmbeddingSine", "SinePositionEncoding")
    examples = (
        Example("sinusoidal_position", ("float32[N, T, 6]",)),
        Example("sinusoidal_position(base = 100)", ("float32[N, 4, 2]",)),
    )

    base: PositiveFloat = 10_000.0
    """The longest wave has 2π base places."""

    def infer(self, x: TensorType) -> TensorType:
        _require_sequence(self.name, x)
        if known_size(self.name, x, -1) % 2:
            raise Fault("E203", f"sinusoidal_position needs an even number of features, got {x}")
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        length, features = x.shape[1], known_size(self.name, x.type, -1)
        cos, sin = angles(g, length, features, self.base)
        pairs = [g.reshape(wave, (length, features // 2, 1)) for wave in (sin, cos)]
        waves = g.reshape(g.op("Concat", *pairs, axis=-1), (length, features))
        return g.op("Add", x, g.cast(waves, x.dtype))


def _require_sequence(name: str, x: TensorType) -> None:
    require_dtype(name, x, FLOATS)
    if x.rank != 3:
        raise Fault("E203", f"{name} needs an input [N, T, D] of 3 dimensions, got {x}")
    known_size(name, x, -1)


def places(g: Graph, length: Dim) -> Value:
    """0, 1, … up to `length`: int64 [length]."""
    if isinstance(length, int):
        return g.constant(list(range(length)), "int64")
    end = g.reshape(g.size_tensor(length), ())
    return g.op("Range", 0, end, 1, type=TensorType("int64", (length,)))


def new_places(g: Graph, length: Dim) -> Value:
    """The places of what is new in this run: those behind the steps before."""
    here = places(g, length)
    return g.op("Add", here, g.caches.steps) if g.caches else here


def angles(g: Graph, length: Dim, size: int, base: float) -> tuple[Value, Value]:
    """Cosines and sines of t base^(-2i/size), two float32 values [length, size / 2].

    In float64, where a place times a frequency is still right to the last digits of its sine.
    """
    import numpy as np

    rates = base ** -(np.arange(0, size, 2) / size)
    if isinstance(length, int) and not g.caches:
        turns = np.arange(length)[:, None] * rates
        return tuple(g.constant(wave.astype(np.float32)) for wave in (np.cos(turns), np.sin(turns)))  # type: ignore[return-value]
    at = g.reshape(g.cast(new_places(g, length), "float64"), (length, 1))
    turn = g.op("Mul", at, g.constant(rates.reshape(1, -1), "float64"))
    return g.cast(g.op("Cos", turn), "float32"), g.cast(g.op("Sin", turn), "float32")
