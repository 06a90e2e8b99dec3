"""Layers that join values and take parts of them. The first dimension holds the rows and stays; axes count it."""

from __future__ import annotations

from re import findall
from typing import TYPE_CHECKING, Annotated

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, feature_axis, known_size, require_dtype
from nnspec.ir.dims import Dim, symbols
from nnspec.ir.fields import Limits, PositiveInt
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.lengths import LENGTHS, last_that_counts, require_lengths
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

TO_THE_END = 2**63 - 1
"""ONNX's end of a slice that goes on to the end of the axis."""


@LAYERS("concat")
class Concat(Layer):
    """Values one after the other along an axis.    [N, a], [N, b] -> [N, a + b]    ONNX: Concat."""

    arity = (2, None)
    foreign_names = ("cat", "concatenate", "merge", "hstack")
    examples = (
        Example("concat", ("float32[N, 2]", "float32[N, 3]")),
        Example("concat(axis = 1)", ("float32[N, 2, 3]", "float32[N, T, 3]", "float32[N, 1, 3]")),
    )

    axis: int = -1
    """The axis along which they are joined; the others are equal."""

    def infer(self, *inputs: TensorType) -> TensorType:
        first, *others = inputs
        at = feature_axis(self.name, first, self.axis)
        total = first.shape[at]
        for other in others:
            _require_alike(self.name, first, other, at)
            total = total + other.shape[at]
        return first.with_shape(*first.shape[:at], total, *first.shape[at + 1 :])

    def lower(self, g: Graph, *inputs: Value) -> Value:
        return g.op("Concat", *inputs, axis=self.axis % inputs[0].rank)


@LAYERS("stack")
class Stack(Layer):
    """Values of one shape side by side along a new axis.

    [N, A], [N, A] -> [N, 2, A]    ONNX: Unsqueeze and Concat.
    """

    arity = (2, None)
    foreign_names = ("pack",)
    examples = (
        Example("stack", ("float32[N, 3]", "float32[N, 3]")),
        Example("stack(axis = -1)", ("float32[N, 3]",) * 3),
    )

    axis: int = 1
    """Where the new axis stands in the result."""

    def infer(self, *inputs: TensorType) -> TensorType:
        first, *others = inputs
        at = feature_axis(self.name, first.with_shape(*first.shape, 1), self.axis)
        for other in others:
            _require_alike(self.name, first, other, None)
        return first.with_shape(*first.shape[:at], len(inputs), *first.shape[at:])

    def lower(self, g: Graph, *inputs: Value) -> Value:
        at = self.axis % (inputs[0].rank + 1)
        return g.op("Concat", *(g.op("Unsqueeze", x, g.constant([at], "int64")) for x in inputs), axis=at)


@LAYERS("split")
class Split(Layer):
    """Parts of an axis, as several results.    [N, a + b] -> [N, a], [N, b]    ONNX: Split."""

    foreign_options = called(parts="num_or_size_splits split_size chunks sections indices_or_sections")
    foreign_names = ("chunk", "unbind", "tensor_split")
    examples = (Example("split(2)"), Example("split([1, 3], axis = 1)", ("float32[N, 4, 5]",)))

    parts: PositiveInt | Annotated[tuple[PositiveInt, ...], Limits(min_length=1)]
    """The number of equal parts, or the list of their sizes."""
    axis: int = -1
    """The axis to take apart."""

    def infer(self, x: TensorType) -> tuple[TensorType, ...]:
        at = feature_axis(self.name, x, self.axis)
        return tuple(x.with_shape(*x.shape[:at], size, *x.shape[at + 1 :]) for size in self._sizes(x))

    def lower(self, g: Graph, x: Value) -> tuple[Value, ...]:
        return g.split(x, self._sizes(x.type), self.axis)

    def _sizes(self, x: TensorType) -> tuple[int, ...]:
        size = known_size(self.name, x, self.axis)
        if isinstance(self.parts, int):
            if size % self.parts:
                raise Fault(
                    "E203",
                    f"split({self.parts}) needs equal parts, but axis {self.axis % x.rank} of {x} is {size}",
                    help="a list gives the size of each part",
                )
            return (size // self.parts,) * self.parts
        if sum(self.parts) != size:
            raise Fault(
                "E203",
                f"the sizes {list(self.parts)} of split add up to {sum(self.parts)}, "
                f"but axis {self.axis % x.rank} of {x} is {size}",
            )
        return self.parts


@LAYERS("slice")
class Slice(Layer):
    """The elements start, start + step, … before end of an axis, as x[start:end:step] in Python.

    [N, A] -> [N, a]    ONNX: Slice.
    """

    foreign_options = called(start="begin", end="stop", step="stride")
    foreign_names = ("narrow", "crop", "select")
    examples = (
        Example("slice(1, 1, 4)"),
        Example("slice(axis = 1, start = -5, end = -1, step = 2)"),
        Example("slice(1, start = 1)", ("float32[N, T, 2]",)),
        Example("slice(1, 2, end = -1)", ("float32[N, T, 2]",)),
        Example("slice(1, end = 1)", ("float32[N, T, 2]",)),
    )

    axis: int
    """The axis to take from."""
    start: int = 0
    """The first element; negative numbers count from the end."""
    end: int | None = None
    """The first element that is left out; negative numbers count from the end. None goes on to the end."""
    step: PositiveInt = 1
    """Every how many elements."""

    def infer(self, x: TensorType) -> TensorType:
        at = feature_axis(self.name, x, self.axis)
        return x.with_shape(*x.shape[:at], self._size(x, x.shape[at]), *x.shape[at + 1 :])

    def lower(self, g: Graph, x: Value) -> Value:
        size = x.shape[self.axis]
        if isinstance(size, int):
            start, end, step = slice(self.start, self.end, self.step).indices(size)
            return g.slice(x, self.axis, start, end, step)
        kept = g.slice(x, self.axis, self.start, TO_THE_END) if self.start else x
        return kept if self.end is None else g.slice(kept, self.axis, 0, self.end)

    def _size(self, x: TensorType, size: Dim) -> Dim:
        if isinstance(size, int):
            count = len(range(*slice(self.start, self.end, self.step).indices(size)))
            if count == 0:
                raise Fault(
                    "E203", f"slice from {self.start} to {self.end} leaves nothing of axis {self.axis % x.rank} of {x}"
                )
            return count
        if self.step == 1 and self.start >= 0 and (self.end is None or self.end < 0):
            return size - self.start + (self.end or 0)
        if self.step == 1 and (self.start, self.end) in ((-1, None), (0, 1)):
            return 1  # the first or the last of an axis, which has at least one
        raise Fault(
            "E214",
            f"slice cannot tell how much it takes of axis {self.axis % x.rank} of {x}, since {size} is symbolic",
            help=f"take all but some, as in slice({self.axis}, start = 1, end = -1), "
            f"or declare the input with a number in the place of {size}",
        )


@LAYERS("last")
class Last(Layer):
    """The last step of a sequence.    [N, T, *] -> [N, *]    ONNX: Slice and Squeeze."""

    foreign_options = LENGTHS
    foreign_names = ("last_step", "last_timestep")
    examples = (
        Example("last", ("float32[N, 4, 3]",)),
        Example("last", ("float32[N, T, 3]",), arguments=(("lengths", "int64[N]"),)),
        Example("last", ("float32[N, T, 3]",)),
    )

    lengths: TensorType | None = None
    """Steps of each row, integers [N]; what follows is padding, and the last step is the one before. Zeros where a row
    has none."""

    def infer(self, x: TensorType) -> TensorType:
        if x.rank < 2:
            raise Fault("E203", f"last needs a sequence [N, T, *], got {x}")
        require_lengths(self.name, x, self.lengths)
        if self.lengths:
            require_dtype(self.name, x, (*FLOATS, "int64", "int32"))
        return x.with_shape(x.shape[0], *x.shape[2:])

    def lower(self, g: Graph, x: Value, *, lengths: Value | None = None) -> Value:
        if lengths is not None:
            chosen = g.op("Where", last_that_counts(g, x, lengths), x, 0)
            return g.reduce("ReduceSum", chosen, [1])
        return g.op("Squeeze", g.slice(x, 1, -1, TO_THE_END), g.constant([1], "int64"))


def _require_alike(kind: str, first: TensorType, other: TensorType, but: int | None) -> None:
    """Raise a fault unless both types agree in dtype and in every axis other than `but`."""
    if first.dtype != other.dtype:
        raise Fault("E215", f"{kind} needs one dtype, got {first} and {other}", help=f'cast("{first.dtype}") converts')
    if first.rank != other.rank:
        raise Fault("E203", f"{kind} needs inputs of one rank, got {first} and {other}")
    for axis, (a, b) in enumerate(zip(first.shape, other.shape, strict=True)):
        if axis == but or a == b:
            continue
        certain = isinstance(a, int) and isinstance(b, int)
        outside = "" if but is None else f" outside axis {but}"
        raise Fault(
            "E208" if certain else "E214",
            f"{kind} needs equal sizes{outside}, got {first} and {other}: {a} against {b} on axis {axis}",
            help=_to_one_size(kind, first, other, axis, but or 0),
        )


def _to_one_size(kind: str, first: TensorType, other: TensorType, axis: int, joined: int) -> str:
    """The help where two values that are joined along another axis differ on `axis`, at first."""
    a, b = first.shape[axis], other.shape[axis]
    if divisors := [int(number) for number in findall(r"//(\d+)", f"{a} {b}")]:
        return f"a half was rounded down; an input of {max(divisors)} * {min(symbols(a) | symbols(b))} halves exactly"
    if not isinstance(a, int) or not isinstance(b, int):
        return "give both dimensions the same name, or the same number"
    if kind == "concat" and 0 < axis < joined and first.shape[axis + 1 :] == other.shape[axis + 1 :]:
        return f"concat(axis = {axis}) joins them there"
    if axis > 1:
        exact = "; sizes that halve exactly need none of it" if abs(a - b) == 1 else ""
        return f"pad, slice or resize makes them equal{exact}"
    return ""
