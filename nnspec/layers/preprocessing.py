"""Preprocessing as part of the graph, so that a deployed model takes the data as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, ParameterSpec, called, feature_axis, known_size, require_dtype
from nnspec.ir.fields import Limits, PositiveInt
from nnspec.ir.types import FLOATS, INTEGERS, NUMBERS, DType, TensorType
from nnspec.layers.initializers import Ones, Zeros
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value
    from nnspec.layers.statistics import Array


@LAYERS("standardize")
class Standardize(Layer):
    """(x - mean) / deviation for each feature, over the training rows.

    numbers [*, features] -> float32 [*, features]

    Parameters, fitted and not learned: `mean` [features], 0 at first, and `deviation` [features], 1 at first. Both
    are taken over all axes but that of the features, in float64; the deviation is that of the population, and 1 for a
    feature that is constant.
    """

    fitted = True
    foreign_names = ("normalization", "standardise", "StandardScaler", "normalize", "zscore")
    examples = (
        Example("standardize", ("float32[N, 4]",)),
        Example("standardize(axis = 1)", ("uint8[N, 3, 2, 2]",), 0, 255),
        Example("standardize", ("int64[N]",), 0, 9),
    )

    axis: int = -1
    """The axis of the features; 1 for the channels of an image."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        self._features(x)
        return x.with_dtype("float32")

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        shape = (self._features(x),)
        return {
            "mean": ParameterSpec(shape, Zeros(), trainable=False),
            "deviation": ParameterSpec(shape, Ones(), trainable=False),
        }

    def lower(self, g: Graph, x: Value, *, mean: Value, deviation: Value) -> Value:
        after = max(x.rank - 1 - self.axis % x.rank, 0)
        shape = (*mean.shape, *(1 for _ in range(after)))
        centred = g.op("Sub", g.cast(x, "float32"), g.reshape(mean, shape))
        return g.op("Div", centred, g.reshape(deviation, shape))

    def fit(self, batches: Iterator[Array]) -> dict[str, Array]:
        from nnspec.layers.statistics import mean_and_deviation

        mean, deviation = mean_and_deviation(batches, self.axis)
        return {"mean": mean, "deviation": deviation}

    def _features(self, x: TensorType) -> int:
        """How many features there are; a value [N] is one feature."""
        return 1 if x.rank == 1 else known_size(self.name, x, feature_axis(self.name, x, self.axis))


@LAYERS("rescale")
class Rescale(Layer):
    """factor x + offset, as `rescale(1 / 255)` for bytes.    numbers [*] -> float32 [*]"""

    foreign_options = called(factor="scale", offset="shift")
    foreign_names = ("rescaling", "scale", "ToTensor")
    examples = (
        Example("rescale(1 / 255)", ("uint8[N, 3]",), 0, 255),
        Example("rescale(2, offset = -1)"),
        Example("rescale(0.5, 3)", ("int64[N]",), 0, 9),
        Example("rescale([1 / 58, 1 / 57], offset = [-2, -1.5])", ("uint8[N, 2, 3, 3]",), 0, 255),
    )

    factor: float | tuple[float, ...]
    """Multiplied first; a number for all, or a list with one for each channel, on axis 1."""
    offset: float | tuple[float, ...] = 0.0
    """Added then; a number or a list too."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        for option in ("factor", "offset"):
            listed = getattr(self, option)
            if isinstance(listed, tuple) and (x.rank < 2 or x.shape[1] != len(listed)):
                raise Fault(
                    "E203",
                    f"rescale: {option} is a list of {len(listed)} numbers, one for each channel on axis 1, and its "
                    f"input is {x}",
                )
        return x.with_dtype("float32")

    def lower(self, g: Graph, x: Value) -> Value:
        scaled = g.op("Mul", g.cast(x, "float32"), self._operand(g, x, self.factor))
        return g.op("Add", scaled, self._operand(g, x, self.offset)) if self.offset else scaled

    def _operand(self, g: Graph, x: Value, given: float | tuple[float, ...]) -> Value | float:
        """A number, or a constant [C, 1, …]."""
        if not isinstance(given, tuple):
            return given
        return g.reshape(g.constant(given, "float32"), (len(given), *(1 for _ in range(x.rank - 2))))


@LAYERS("one_hot")
class OneHot(Layer):
    """1 at the place of the class, 0 elsewhere; all 0 for a number that is no class.

    integers [*] -> float32 [*, classes]
    """

    foreign_options = called(classes="num_classes num_tokens depth count")
    foreign_names = ("to_categorical", "CategoryEncoding")
    examples = (Example("one_hot(4)", ("int64[N]",), 0, 4), Example("one_hot(classes = 3)", ("uint8[N, T]",), 0, 4))

    classes: PositiveInt
    """Number of classes; they go from 0 to classes - 1."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, INTEGERS)
        return TensorType("float32", (*x.shape, self.classes))

    def lower(self, g: Graph, x: Value) -> Value:
        column = g.op("Unsqueeze", x if x.dtype == "int32" else g.cast(x, "int64"), g.constant([-1], "int64"))
        return g.cast(g.op("Equal", column, g.constant(list(range(self.classes)), column.dtype)), "float32")


@LAYERS("lookup")
class Lookup(Layer):
    """The index in a list, for what is not in it the length of the list.    strings or integers [*] -> int64 [*]

    With `embedding(len(words) + 1, …)` behind it, whatever is unknown has a vector of its own. Inverted, it answers
    with names: `logits -> argmax -> lookup(["cat", "dog"], invert = true)`.    integers [*] -> strings or int64 [*]
    ONNX: Gather.
    """

    foreign_options = called(entries="vocabulary vocab classes keys values", invert="inverse reverse decode")
    foreign_names = ("StringLookup", "IntegerLookup", "LabelEncoder", "OrdinalEncoder", "vocabulary")
    examples = (
        Example('lookup(["red", "green"])', ("string[N, 3]",)),
        Example("lookup([10, 20, 30])", ("int32[N]",), 9, 31),
        Example('lookup(["cat", "dog", "bird"], invert = true)', ("int64[N]",), 0, 3),
    )

    entries: Annotated[tuple[str, ...] | tuple[int, ...], Limits(min_length=1)]
    """Strings or integers, each once."""
    invert: bool = False
    """The entry for an index from 0 on; "", or -1 in a list of integers, for what is no index of the list, such as the
    length, which stands for what is unknown."""

    def _check(self) -> None:
        ((entry, times),) = Counter(self.entries).most_common(1)
        if times > 1:
            raise ValueError(f"{entry!r} is in the list twice")

    def infer(self, x: TensorType) -> TensorType:
        if self.invert:
            require_dtype(self.name, x, INTEGERS)
            return x.with_dtype(self._dtype)
        if x.dtype not in (INTEGERS if self._dtype == "int64" else ("string",)):
            kinds = ("integers", "an integer") if self._dtype == "int64" else ("strings", "a string")
            raise Fault(
                "E215",
                f"lookup in a list of {kinds[0]} needs {kinds[1]} input, got {x}",
                help="`invert = true` gives the entry for an index" if x.dtype in INTEGERS else "",
            )
        return x.with_dtype("int64")

    def lower(self, g: Graph, x: Value) -> Value:
        """length - Σ (length - i) [x = entry i]: at most one entry is equal."""
        length = len(self.entries)
        if self.invert:
            entries = [*self.entries, "" if self._dtype == "string" else -1]
            index = g.cast(x, "int64")
            known = g.op("Min", g.op("Where", g.op("Less", index, 0), length, index), length)
            named: Value = g.op("Gather", g.constant(entries, self._dtype), known)
            return named
        items = x if x.dtype == "string" else g.cast(x, "int64")
        found = g.op(
            "Equal", g.op("Unsqueeze", items, g.constant([-1], "int64")), g.constant(list(self.entries), items.dtype)
        )
        steps = g.op("Mul", g.cast(found, "int64"), g.constant([length - i for i in range(length)], "int64"))
        return g.op("Sub", g.constant(length, "int64"), g.reduce("ReduceSum", steps, [-1]))

    @property
    def _dtype(self) -> DType:
        """Of the entries."""
        return "string" if isinstance(self.entries[0], str) else "int64"


@LAYERS("clip")
class Clip(Layer):
    """min(max(x, low), high), with either bound or both.    [*] -> [*]    ONNX: Clip."""

    foreign_options = called(min="min_value a_min low minimum", max="max_value a_max high maximum")
    foreign_names = ("clamp", "clip_by_value", "Hardtanh")
    examples = (Example("clip(-1, 1)"), Example("clip(max = 0.5)"), Example("clip(min = 2)", ("int64[N]",), 0, 9))

    min: float | None = None
    """Least value."""
    max: float | None = None
    """Greatest value."""

    def _check(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min:g}) is above max ({self.max:g})")

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        if x.dtype in INTEGERS and any(bound is not None and not bound.is_integer() for bound in (self.min, self.max)):
            raise Fault("E215", f"clip needs whole bounds for {x}", help='cast("float32") converts')
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Clip", x, *(None if bound is None else self._bound(g, x, bound) for bound in (self.min, self.max)))

    def _bound(self, g: Graph, x: Value, bound: float) -> Value:
        return g.constant(bound if x.dtype in FLOATS else int(bound), x.dtype)


@LAYERS("log1p")
class Log1p(Layer):
    """log(1 + x), for counts and amounts.    [*] -> [*]    ONNX: Add and Log."""

    examples = (Example("log1p", low=-0.5, high=5),)

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Log", g.op("Add", x, 1))
