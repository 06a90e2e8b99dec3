"""Layers that make values larger or smaller along their axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, feature_axis, require_dtype
from nnspec.ir.fields import Limits, NonNegativeInt, PositiveInt, Rule
from nnspec.ir.types import FLOATS, NUMBERS, TensorType
from nnspec.layers.registry import LAYERS
from nnspec.layers.windows import wrapped

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

Pair = tuple[NonNegativeInt, NonNegativeInt]


@LAYERS("pad")
class Pad(Layer):
    """More elements before and behind, along one or several axes.

    [N, A] -> [N, before + A + behind]    ONNX: Pad.
    """

    foreign_options = called(amount="pad padding pad_width paddings", value="constant_values", mode="padding_mode")
    foreign_words = called(edge="replicate", reflect="reflection", circular="wrap", constant="zeros")
    foreign_names = (
        *("zero_padding", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
        *("ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d"),
        *("ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d"),
        *("CircularPad1d", "CircularPad2d", "CircularPad3d"),
    )
    examples = (
        Example("pad(2)"),
        Example("pad([1, 2], axis = 1, value = 0.5)", ("float32[N, 3, 2]",)),
        Example('pad(1, axis = [2, 3], mode = "reflect")', ("float32[N, 1, 4, 5]",)),
        Example('pad([0, 2], mode = "edge")'),
        Example("pad(1, 1)", ("float32[N, T, 2]",)),
        Example('pad([[1, 2], [0, 3]], axis = [3, 2], mode = "circular")', ("float32[N, 1, 4, 5]",)),
    )

    amount: NonNegativeInt | Pair | Annotated[tuple[Pair, ...], Limits(min_length=1)]
    """How many on each side, or [before, behind], of every axis; or a list with such a pair for each axis."""
    axis: int | Annotated[tuple[int, ...], Limits(min_length=1)] = -1
    """The axis or axes."""
    mode: Literal["constant", "reflect", "edge", "circular"] = "constant"
    """Filled with `value`, with the mirror image of what is there (the edge once), with the element at the edge, or
    with what is at the other end."""
    value: float = 0.0
    """What "constant" fills with."""

    def _check(self) -> None:
        axes = 1 if isinstance(self.axis, int) else len(self.axis)
        if not isinstance(self.amount, int) and not isinstance(self.amount[0], int) and len(self.amount) != axes:
            raise Rule("amount", f"amount has {len(self.amount)} pairs for {axes} axes")

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        if x.dtype not in FLOATS and not self.value.is_integer():
            raise Fault("E215", f"the number {self.value} does not fit {x.dtype}", help="cast converts the input")
        shape = list(x.shape)
        for at, (before, behind) in self._amounts(x).items():
            self._check_source(x, at, max(before, behind))
            shape[at] = shape[at] + (before + behind)
        return x.with_shape(*shape)

    def lower(self, g: Graph, x: Value) -> Value:
        amounts = self._amounts(x.type)
        if self.mode == "circular":
            for at, (before, behind) in amounts.items():
                x = wrapped(g, x, at, before, behind)
            return x
        sides = [amounts.get(at, (0, 0))[side] for side in (0, 1) for at in range(x.rank)]
        value = self.value if x.dtype in FLOATS else int(self.value)
        filler = g.constant(value, x.dtype) if self.mode == "constant" else None
        return g.op("Pad", x, g.constant(sides, "int64"), filler, mode=self.mode)

    def _amounts(self, x: TensorType) -> dict[int, Pair]:
        """[before, behind] of each axis that grows."""
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = [feature_axis(self.name, x, axis) for axis in given]
        if len(set(axes)) < len(axes):
            raise Fault("E207", f"pad names an axis of {x} twice: {list(given)}")
        pairs = [(amount, amount) if isinstance(amount, int) else amount for amount in self._stated(len(axes))]
        return dict(zip(axes, pairs, strict=True))

    def _stated(self, axes: int) -> tuple[int | Pair, ...]:
        """The amount of each axis."""
        match self.amount:
            case int(number):
                return (number,) * axes
            case (int(before), int(behind)):
                return ((before, behind),) * axes
        return self.amount

    def _check_source(self, x: TensorType, at: int, amount: int) -> None:
        """Raise E203 where the axis has not the elements that the mode wants to repeat."""
        size = x.shape[at]
        spare = {"reflect": 1, "circular": 0}.get(self.mode)
        if spare is not None and isinstance(size, int) and amount > size - spare:
            verb = "mirrors" if self.mode == "reflect" else "repeats"
            raise Fault("E203", f"pad {verb} at most {size - spare} elements of axis {at} of {x}, asked for {amount}")


@LAYERS("tile")
class Tile(Layer):
    """The value repeated along its axes: `tile(1, 1, 2)` doubles the last of three.

    [N, A] -> [N, k A]    ONNX: Tile.
    """

    foreign_options = called(repeats="reps multiples n")

    variadic = "repeats"
    foreign_names = ("repeat_vector", "RepeatVector")
    examples = (Example("tile(1, 2)"), Example("tile(1, 3, 2)", ("float32[N, T, 2]",)))

    repeats: tuple[PositiveInt, ...]
    """How often, for each axis; 1 for the first, which holds the rows of the batch."""

    def infer(self, x: TensorType) -> TensorType:
        if len(self.repeats) != x.rank:
            raise Fault("E203", f"tile needs a number for each of the {x.rank} axes of {x}, got {list(self.repeats)}")
        if self.repeats[0] != 1:
            raise Fault(
                "E207",
                f"tile leaves the first dimension of {x} as it is: it holds the rows of the batch",
                help="begin with 1",
            )
        return x.with_shape(*(dim * times for dim, times in zip(x.shape, self.repeats, strict=True)))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Tile", x, g.constant(list(self.repeats), "int64"))
