"""Layers that move elements or convert them. The first dimension holds the rows and stays; axes count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, feature_axis
from nnspec.ir.dims import Dim, Size, exact_quotient, product
from nnspec.ir.types import DType, TensorType, axis_of
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("flatten")
class Flatten(Layer):
    """All axes but the first as one.    [N, *] -> [N, product of *]    ONNX: Reshape, Flatten."""

    needs_none = "flatten keeps the rows already; to keep more axes, there is reshape"
    examples = (Example("flatten", ("float32[N, 2, 3]",)), Example("flatten", ("uint8[N, 2, 2, 2]",), 0, 9))

    def infer(self, x: TensorType) -> TensorType:
        if x.rank < 2:
            raise Fault("E203", f"flatten needs an input [N, *] of at least 2 dimensions, got {x}")
        return x.with_shape(x.shape[0], product(x.shape[1:]))

    def lower(self, g: Graph, x: Value) -> Value:
        shape = self.infer(x.type).shape
        if isinstance(shape[1], int) or x.rank == 2:
            return g.reshape(x, shape)
        return g.op("Flatten", x, axis=1)  # a Reshape would say the size by -1, which no rows at all leave open


@LAYERS("reshape")
class Reshape(Layer):
    """The elements of each row in another shape.    [N, *] -> [N, *sizes]    ONNX: Reshape."""

    foreign_options = called(sizes="target_shape shape newshape unflattened_size")

    variadic = "sizes"
    foreign_names = ("view", "unflatten")
    examples = (
        Example("reshape(3, 2)"),
        Example("reshape(-1, 2, 3)", ("float32[N, 4, 3]",)),
        Example("reshape(2, -1)", ("int64[N, 8, T]",), 0, 9),
    )

    sizes: tuple[int | Size, ...]
    """Sizes after the first dimension, which stays; one may be -1, the rest."""

    def _check(self) -> None:
        if self.sizes.count(-1) > 1:
            raise ValueError("only one size can be -1, the rest")
        if any(isinstance(size, int) and size < 1 and size != -1 for size in self.sizes):
            raise ValueError("sizes are at least 1, or -1 for the rest")

    def infer(self, x: TensorType) -> TensorType:
        if x.rank < 1:
            raise Fault("E203", f"reshape needs an input [N, *], got {x}")
        available = product(x.shape[1:])
        known = product(tuple(size for size in self.sizes if size != -1))
        rest = self._rest(x, available, known)
        return x.with_shape(x.shape[0], *(rest if size == -1 else size for size in self.sizes))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.reshape(x, self.infer(x.type).shape)

    def _rest(self, x: TensorType, available: Dim, known: Dim) -> Dim:
        """What -1 stands for; 1 where there is none. Raises a fault where the elements do not come out even."""
        call = f"reshape({', '.join(map(str, self.sizes))})"
        if -1 in self.sizes:
            try:
                return exact_quotient(available, known)
            except Fault:
                raise Fault(
                    "E203", f"{call}: a row of {x} has {available} elements, which {known} does not provably divide"
                ) from None
        if available == known:
            return 1
        certain = isinstance(available, int) and isinstance(known, int)
        raise Fault(
            "E203" if certain else "E214",
            f"{call} needs rows of {known} elements, but a row of {x} has {available}",
            help="the first dimension stays and is not among the sizes"
            if x.shape[0] in self.sizes or 1 in self.sizes[:1]
            else "one size can be -1, the rest",
        )


@LAYERS("transpose")
class Transpose(Layer):
    """The axes in another order: `transpose(0, 2, 1)` swaps the last two of three.

    [N, A, B] -> [N, B, A]    ONNX: Transpose.
    """

    foreign_options = called(axes="perm permutation dims")

    variadic = "axes"
    foreign_names = ("permute", "swapaxes", "movedim")
    examples = (
        Example("transpose(0, 2, 1)", ("float32[N, 3, 4]",)),
        Example("transpose(0, -1, 1, 2)", ("float32[N, 2, T, 3]",)),
    )

    axes: tuple[int, ...]
    """For each axis of the result, the axis of the input; 0 comes first."""

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(*(x.shape[axis] for axis in self._order(x)))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.transpose(x, self._order(x.type))

    def _order(self, x: TensorType) -> tuple[int, ...]:
        order = tuple(axis_of(x, axis) for axis in self.axes)
        if sorted(order) != list(range(x.rank)):
            raise Fault(
                "E203",
                f"transpose needs each of the {x.rank} axes of {x} once, got {list(self.axes)}",
                help=f"transpose({', '.join(map(str, [0, *range(x.rank - 1, 0, -1)]))}) reverses all but the first",
            )
        if order[0] != 0:
            raise Fault(
                "E207",
                f"transpose leaves the first dimension of {x} in place: it holds the rows of the batch",
                help="begin with 0, as in transpose(0, 2, 1)",
            )
        return order


@LAYERS("squeeze")
class Squeeze(Layer):
    """Without axes of size 1.    [N, A, 1] -> [N, A]    ONNX: Squeeze."""

    foreign_options = called(axes="axis dim dims")

    variadic = "axes"
    examples = (Example("squeeze(-1)", ("float32[N, 3, 1]",)), Example("squeeze(1, 3)", ("float32[N, 1, 3, 1]",)))

    axes: tuple[int, ...]
    """The axes to remove."""

    def infer(self, x: TensorType) -> TensorType:
        axes = {feature_axis(self.name, x, axis) for axis in self.axes}
        for axis in sorted(axes):
            if x.shape[axis] != 1:
                raise Fault("E203", f"squeeze removes axes of size 1, but axis {axis} of {x} is {x.shape[axis]}")
        return x.with_shape(*(dim for axis, dim in enumerate(x.shape) if axis not in axes))

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Squeeze", x, g.constant(sorted({axis % x.rank for axis in self.axes}), "int64"))


@LAYERS("unsqueeze")
class Unsqueeze(Layer):
    """With a new axis of size 1.    [N, A] -> [N, A, 1]    ONNX: Unsqueeze."""

    foreign_names = ("expand_dims", "newaxis")
    examples = (Example("unsqueeze(1)"), Example("unsqueeze(axis = -1)", ("float32[N]",)))

    axis: int
    """Where it stands in the result."""

    def infer(self, x: TensorType) -> TensorType:
        grown = x.with_shape(*x.shape, 1)
        at = feature_axis(self.name, grown, self.axis)
        return x.with_shape(*x.shape[:at], 1, *x.shape[at:])

    def lower(self, g: Graph, x: Value) -> Value:
        return g.op("Unsqueeze", x, g.constant([self.axis % (x.rank + 1)], "int64"))


@LAYERS("cast")
class Cast(Layer):
    """The same values in another dtype: floats are cut towards 0, bool counts as 0 and 1.

    [*] -> [*]    ONNX: Cast.
    """

    foreign_options = called(dtype="to type target_dtype")
    foreign_names = ("astype", "to", "float", "long")
    examples = (Example('cast("float32")', ("int64[N, 3]",), 0, 9), Example('cast("int32")', ("float32[N, 3]",)))

    dtype: DType
    """Of the result."""

    def infer(self, x: TensorType) -> TensorType:
        if "string" in (x.dtype, self.dtype):
            raise Fault(
                "E215",
                f'cast converts numbers and bool, not strings: {x} to "{self.dtype}"',
                help="lookup([…]) gives strings their index in a list" if x.dtype == "string" else "",
            )
        return x.with_dtype(self.dtype)

    def lower(self, g: Graph, x: Value) -> Value:
        return g.cast(x, self.dtype)


@LAYERS("identity")
class Identity(Layer):
    """The input itself, for a block that may do nothing.    [*] -> [*]"""

    foreign_names = ("noop", "pass", "linear_activation")
    examples = (Example("identity"), Example("identity", ("bool[N, 3]",)))

    def infer(self, x: TensorType) -> TensorType:
        return x

    def lower(self, g: Graph, x: Value) -> Value:
        return x
