"""Layers that make values larger or smaller along their axes."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Annotated, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, feature_axis, require_dtype
from nnspec.ir.dims import Dim, Shape
from nnspec.ir.fields import Limits, NonNegativeInt, PositiveFloat, PositiveInt
from nnspec.ir.types import FLOATS, NUMBERS, TensorType
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("pad")
class Pad(Layer):
    """More elements before and behind, along one or several axes.

    [N, A] -> [N, before + A + behind]    ONNX: Pad.
    """

    foreign_options = called(amount="pad padding pad_width paddings", value="constant_values", mode="padding_mode")
    foreign_names = (
        "zero_padding",
        "ZeroPad1d",
        "ZeroPad2d",
        "ZeroPadding2D",
        "ConstantPad1d",
        "ConstantPad2d",
        "ReflectionPad2d",
        "ReplicationPad2d",
    )
    examples = (
        Example("pad(2)"),
        Example("pad([1, 2], axis = 1, value = 0.5)", ("float32[N, 3, 2]",)),
        Example('pad(1, axis = [2, 3], mode = "reflect")', ("float32[N, 1, 4, 5]",)),
        Example('pad([0, 2], mode = "edge")'),
        Example("pad(1, 1)", ("float32[N, T, 2]",)),
    )

    amount: NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]
    """How many on each side, or [before, behind]."""
    axis: int | Annotated[tuple[int, ...], Limits(min_length=1)] = -1
    """The axis or axes."""
    mode: Literal["constant", "reflect", "edge"] = "constant"
    """Filled with `value`, with the mirror image of what is there (the edge once), or with the element at the edge."""
    value: float = 0.0
    """What "constant" fills with."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, NUMBERS)
        shape, more = list(x.shape), sum(self._amounts())
        for at in self._axes(x):
            self._check_mirror(x, at)
            shape[at] = shape[at] + more
        return x.with_shape(*shape)

    def lower(self, g: Graph, x: Value) -> Value:
        axes = self._axes(x.type)
        before, behind = self._amounts()
        amounts = [amount if at in axes else 0 for amount in (before, behind) for at in range(x.rank)]
        filler = (
            g.constant(self.value if x.dtype in FLOATS else int(self.value), x.dtype)
            if self.mode == "constant"
            else None
        )
        return g.op("Pad", x, g.constant(amounts, "int64"), filler, mode=self.mode)

    def _amounts(self) -> tuple[int, int]:
        return (self.amount, self.amount) if isinstance(self.amount, int) else self.amount

    def _axes(self, x: TensorType) -> tuple[int, ...]:
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = tuple(sorted(feature_axis(self.name, x, axis) for axis in given))
        if len(set(axes)) < len(axes):
            raise Fault("E207", f"pad names an axis of {x} twice: {list(given)}")
        return axes

    def _check_mirror(self, x: TensorType, at: int) -> None:
        size = x.shape[at]
        if self.mode == "reflect" and isinstance(size, int) and max(self._amounts()) >= size:
            raise Fault(
                "E203", f"pad mirrors at most {size - 1} elements of axis {at} of {x}, asked for {max(self._amounts())}"
            )


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


@LAYERS("resize")
class Resize(Layer):
    """Images or signals of another size, by interpolation.    [N, C, *] -> [N, C, *size]    ONNX: Resize.

    As PyTorch's `interpolate(align_corners=False)`, with the scale that the sizes give (`recompute_scale_factor=True`).
    """

    foreign_options = called(size="output_size", scale="scale_factor", mode="interpolation method")
    foreign_names = (
        "interpolate",
        "upsample",
        "UpSampling1D",
        "UpSampling2D",
        "UpSampling3D",
        "UpsamplingNearest2d",
        "UpsamplingBilinear2d",
    )
    examples = (
        Example("resize(7)", ("float32[N, 2, 3]",)),
        Example("resize(scale = 2)", ("float32[N, 1, 3, 2]",)),
        Example('resize([5, 3], mode = "linear")', ("float32[N, 2, 3, 4]",)),
        Example('resize(scale = [2, 1.5], mode = "cubic")', ("float32[N, 1, 4, 4]",)),
        Example("resize(scale = 3)", ("float32[N, 1, H, W]",)),
    )

    size: PositiveInt | tuple[PositiveInt, ...] | None = None
    """Size of the axes after the channels: one for all, or one for each."""
    scale: PositiveFloat | tuple[PositiveFloat, ...] | None = None
    """In place of `size`: the factor, rounded down."""
    mode: Literal["nearest", "linear", "cubic"] = "nearest"
    """The nearest element, or (bi-, tri-)linear, or bicubic interpolation."""

    def _check(self) -> None:
        if (self.size is None) == (self.scale is None):
            raise ValueError("give size or scale")

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if not 3 <= x.rank <= 5:
            raise Fault("E203", f"resize needs an input [N, C, W], [N, C, H, W] or [N, C, D, H, W], got {x}")
        if self.mode == "cubic" and x.rank != 4:
            raise Fault("E203", f'resize(mode = "cubic") needs an input [N, C, H, W], got {x}')
        return x.with_shape(*x.shape[:2], *self._sizes(x))

    def lower(self, g: Graph, x: Value) -> Value:
        sizes = self._sizes(x.type)
        numbers = [size for size in sizes if isinstance(size, int)]
        if len(numbers) == len(sizes):
            return self._resized(g, x, None, g.constant(numbers, "int64"))
        factors = [
            size / dim if isinstance(size, int) and isinstance(dim, int) else scale
            for size, dim, scale in zip(sizes, x.shape[2:], self._scales(x.type), strict=True)
        ]
        return self._resized(g, x, g.constant(factors, "float32"), None)

    def _resized(self, g: Graph, x: Value, scales: Value | None, sizes: Value | None) -> Value:
        """Nearest is the element at floor(i in / out), as in PyTorch; the others align the outer corners."""
        coordinates = "asymmetric" if self.mode == "nearest" else "half_pixel"
        axes = list(range(2, x.rank))
        return g.op(
            "Resize",
            x,
            None,
            scales,
            sizes,
            axes=axes,
            mode=self.mode,
            coordinate_transformation_mode=coordinates,
            nearest_mode="floor",
        )

    def _sizes(self, x: TensorType) -> Shape:
        if self.size is None:
            return tuple(self._scaled(x, dim, scale) for dim, scale in zip(x.shape[2:], self._scales(x), strict=True))
        sizes = (self.size,) * (x.rank - 2) if isinstance(self.size, int) else self.size
        self._check_count(x, "size", sizes)
        return sizes

    def _scales(self, x: TensorType) -> tuple[float, ...]:
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale or 1.0,) * (x.rank - 2)
        self._check_count(x, "scale", scales)
        return scales

    def _check_count(self, x: TensorType, option: str, numbers: tuple[float, ...]) -> None:
        if len(numbers) != x.rank - 2:
            raise Fault("E203", f"resize needs {x.rank - 2} numbers as {option} for {x}, got {list(numbers)}")

    def _scaled(self, x: TensorType, dim: Dim, scale: float) -> Dim:
        if isinstance(dim, int):
            size = floor(dim * Fraction(scale).limit_denominator(1000))
            if size < 1:
                raise Fault("E203", f"resize by {scale} leaves nothing of {x}")
            return size
        if not scale.is_integer():
            raise Fault(
                "E214",
                f"resize by {scale} gives no provable size for {dim} of {x}",
                help=f"take a whole scale, or declare the input with a number in the place of {dim}",
            )
        return dim * int(scale)
