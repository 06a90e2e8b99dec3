"""Layers that make images and signals of another size."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any, Literal

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, called, known_size, require_dtype
from nnspec.ir.dims import Dim, Shape, Size, product
from nnspec.ir.fields import PositiveFloat, PositiveInt, Rule
from nnspec.ir.types import TensorType
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

DTYPES = ("float32", "float16")
"""Those for which ONNX Runtime has Resize."""
ANTIALIAS_SINCE = AXES_SINCE = 18
"""The opset in which Resize has antialias, and axes."""
LARGEST_DENOMINATOR = 1024
"""Of scales with which float32 arithmetic, ONNX's, is exact: of 1.5 it is 2, of 0.1 as a float it is 2^55."""


@LAYERS("resize")
class Resize(Layer):
    """Images or signals of another size, by interpolation, as PyTorch's `interpolate`.

    [N, C, *] -> [N, C, *size]    ONNX: Resize, MatMul where that is faster, Gather where that is exact.
    """

    foreign_options = called(size="output_size", scale="scale_factor", mode="interpolation method")
    foreign_words = called(linear="bilinear trilinear", cubic="bicubic", nearest_exact="nearest-exact")
    foreign_names = (
        *("interpolate", "upsample", "Resizing", "UpSampling1D", "UpSampling2D", "UpSampling3D"),
        *("UpsamplingNearest2d", "UpsamplingBilinear2d"),
    )
    examples = (
        Example("resize(7)", ("float32[N, 2, 3]",)),
        Example("resize(scale = 2)", ("float32[N, 1, 3, 2]",)),
        Example('resize([5, 3], mode = "linear")', ("float32[N, 2, 3, 4]",)),
        Example('resize(scale = [2, 1.5], mode = "cubic")', ("float32[N, 1, 4, 4]",)),
        Example("resize(scale = 3)", ("float32[N, 1, H, W]",)),
        Example('resize(scale = 2.5, mode = "cubic")', ("float32[N, 1, H, W]",)),
        Example('resize(scale = 1.5, mode = "linear")', ("float32[N, 1, H]",)),
        Example('resize(5, mode = "linear", align_corners = true)', ("float32[N, 1, H, W]",)),
        Example('resize([3, 2], mode = "cubic", antialias = true)', ("float32[N, 2, 7, 5]",)),
        Example('resize(scale = 0.5, mode = "area")', ("float32[N, 1, 7, 4]",)),
        Example("resize(scale = [2, 1, 3])", ("float32[N, 1, T, 3, W]",)),
        Example('resize(5, mode = "nearest_exact")', ("float32[N, 1, 3]",)),
        Example("resize([W, H])", ("float32[N, 1, H, W]",)),
        Example('resize([W, 5], mode = "linear")', ("float32[N, 1, 3, W]",)),
    )

    size: PositiveInt | Size | tuple[PositiveInt | Size, ...] | None = None
    """Size of the axes after the channels: one for all, or one for each. Symbols of the inputs count too: `[H, W]` is
    the size of a skip connection, or of the image itself."""
    scale: PositiveFloat | tuple[PositiveFloat, ...] | None = None
    """In place of `size`: the factor. The size is rounded down; the elements lie as far apart as the factor says."""
    mode: Literal["nearest", "nearest_exact", "linear", "cubic", "area"] = "nearest"
    """The element at floor(i / scale) or, exact, the one nearest to the middle; (bi-, tri-)linear or bicubic
    interpolation; or the mean of the elements that a result covers (adaptive average pooling)."""
    align_corners: bool = False
    """For "linear" and "cubic": the middles of the elements at the corners stay where they are, not the corners."""
    antialias: bool = False
    """For "linear" and "cubic" on images: where they shrink, every element counts, as in Pillow."""

    def _check(self) -> None:
        if (self.size is None) == (self.scale is None):
            raise ValueError("give size or scale")
        smooth = self.mode in ("linear", "cubic")
        if self.align_corners and not smooth:
            raise Rule("align_corners", 'align_corners is for the modes "linear" and "cubic"')
        if self.antialias and not smooth:
            raise Rule("antialias", 'antialias is for the modes "linear" and "cubic"')
        if self.antialias and self.align_corners:
            raise ValueError("antialias and align_corners exclude each other")

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, DTYPES)
        if not 3 <= x.rank <= 5:
            raise Fault("E203", f"resize needs an input [N, C, W], [N, C, H, W] or [N, C, D, H, W], got {x}")
        for option, given in (('mode = "cubic"', self.mode == "cubic"), ("antialias = true", self.antialias)):
            if given and x.rank != 4:
                raise Fault("E203", f"resize({option}) needs an input [N, C, H, W], got {x}")
        if self.mode == "area":
            for at in range(2, x.rank):
                known_size('resize(mode = "area")', x, at)
            for size in self._sizes(x):
                if not isinstance(size, int):
                    raise Fault("E214", f'resize(mode = "area") makes a known size only, but {size} is symbolic')
        return x.with_shape(*x.shape[:2], *self._sizes(x))

    def lower(self, g: Graph, x: Value) -> Value:
        old, new, scales = x.shape[2:], self._sizes(x.type), self._scales(x.type)
        changed = [at for at in range(len(old)) if old[at] != new[at] or self.mode == "cubic"]
        if not changed:
            return x
        numbers = [(old[at], new[at]) for at in changed]
        known = [(a, b) for a, b in numbers if isinstance(a, int) and isinstance(b, int)]
        if self.mode.startswith("nearest"):
            return self._copied(g, x, changed, new, scales)
        if len(known) == len(numbers) and self._by_products([a for a, _ in known]):
            return self._multiplied(g, x, changed, known)
        return self._resized(g, x, changed, new, scales)

    def _by_products(self, sizes: list[int]) -> bool:
        from nnspec.graph.resampling import LARGEST_LINEAR

        return self.mode != "linear" or self.antialias or max(sizes) <= LARGEST_LINEAR

    def _copied(self, g: Graph, x: Value, axes: list[int], new: Shape, scales: tuple[float, ...]) -> Value:
        """Resize where it is exact: for factors such as 2 and 1.5. Others, of 5 / 70 for one, it rounds to the element
        beside the right one. To a size, of which the factor is known at run time only, places are computed then.
        """
        from nnspec.graph.resampling import nearest, nearest_at_run_time

        rest: list[int] = []
        for at in reversed(axes):  # rows are copied whole: those of the last axis while they are few
            old, size, exact = x.shape[at + 2], new[at], self.mode == "nearest_exact"
            known = isinstance(old, int) and isinstance(size, int)
            if self.size is not None and not known:
                x = g.op("Gather", x, nearest_at_run_time(g, old, size, exact), axis=at + 2)
            elif not isinstance(old, int) or not isinstance(size, int) or _dyadic(self._factor(old, size, scales[at])):
                rest.insert(0, at)
            else:
                places = nearest(old, size, None if self.size else scales[at], exact)
                x = g.op("Gather", x, g.constant(places), axis=at + 2)
        for part in [[at] for at in rest] if x.rank == 5 else [rest] if rest else []:
            x = self._resized(g, x, part, new, scales)
        return x

    def _factor(self, old: int, new: int, scale: float) -> float:
        return scale if self.size is None else new / old

    def _multiplied(self, g: Graph, x: Value, axes: list[int], sizes: list[tuple[int, int]]) -> Value:
        """One product with a constant matrix along each axis, the last axis, which is contiguous, first."""
        from nnspec.graph import resampling

        matrices = []
        for at, (old, new) in zip(axes, sizes, strict=True):
            scale = self._factor(old, new, self._scales(x.type)[at])
            if self.mode == "area":
                matrix = resampling.area(old, new)
            elif self.antialias:
                matrix = resampling.antialiased(self.mode, old, new, scale)
            else:
                make = resampling.linear if self.mode == "linear" else resampling.cubic
                matrix = make(old, new, scale, self.align_corners)
            matrices.append((at + 2, matrix))
        return resampling.mapped(g, x, matrices[::-1])

    def _resized(self, g: Graph, x: Value, axes: list[int], new: Shape, scales: tuple[float, ...]) -> Value:
        """The operator along some axes. It is made for images: a signal as their only row takes half the time, and one
        axis of a volume as one of theirs a twentieth.
        """
        shape = x.shape
        places = [at + 2 for at in axes]
        if x.rank == 3:
            x, places = g.reshape(x, (*shape[:2], 1, shape[2])), [3]
        if x.rank == 5 and len(axes) == 1:
            at = places[0]
            x = g.reshape(x, (x.shape[0], product(shape[1:at]), shape[at], product(shape[at + 1 :])))
            places = [2]
        sizes = dict(zip(places, [new[at] for at in axes], strict=True))
        target = x.type.with_shape(*(sizes.get(at, dim) for at, dim in enumerate(x.shape)))
        numbers = tuple(sizes.values() if g.opset >= AXES_SINCE else target.shape)
        if self.size is None:
            factors = [_exact(shape[at + 2], new[at], scales[at]) for at in axes]
            y = g.op("Resize", x, None, g.constant(factors, "float32"), axes=places, **self._attributes(g.opset))
        elif all(isinstance(size, int) for size in numbers):
            own = g.constant([*sizes.values()], "int64")
            y = g.op("Resize", x, None, None, own, axes=places, **self._attributes(g.opset))
        else:
            y = g.op("Resize", x, None, None, g.shape_tensor(target.shape), type=target, **self._attributes(g.opset))
        return g.reshape(y, tuple(new[at - 2] if at - 2 in axes else size for at, size in enumerate(shape)))

    def _attributes(self, opset: int) -> dict[str, Any]:
        """PyTorch's conventions in ONNX's words. Pillow's cubic kernel is another one than PyTorch's own.

        Where an image grows, antialias changes nothing of cubic results but their time: 1.7 ms for a million, not 160.
        """
        if self.mode == "nearest":
            return {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if self.mode == "nearest_exact":
            rounding = {"nearest_mode": "round_prefer_ceil"}
            return {"mode": "nearest", "coordinate_transformation_mode": "half_pixel", **rounding}
        convention = "align_corners" if self.align_corners else "half_pixel"
        grows = self.size is None and min(self.scale if isinstance(self.scale, tuple) else (self.scale or 1,)) >= 1
        plain = not self.align_corners and not self.antialias
        if self.mode == "cubic" and plain and grows and opset >= ANTIALIAS_SINCE:
            return {"mode": "cubic", "coordinate_transformation_mode": convention, "antialias": 1}
        pillow = {"antialias": 1, "exclude_outside": 1, "cubic_coeff_a": -0.5} if self.antialias else {}
        return {"mode": self.mode, "coordinate_transformation_mode": convention, **pillow}

    def _sizes(self, x: TensorType) -> Shape:
        if self.size is None:
            return tuple(self._scaled(x, dim, scale) for dim, scale in zip(x.shape[2:], self._scales(x), strict=True))
        sizes = self.size if isinstance(self.size, tuple) else (self.size,) * (x.rank - 2)
        self._check_count(x, "size", sizes)
        return sizes

    def _scales(self, x: TensorType) -> tuple[float, ...]:
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale or 1.0,) * (x.rank - 2)
        self._check_count(x, "scale", scales)
        return scales

    def _check_count(self, x: TensorType, option: str, numbers: tuple[float | Dim, ...]) -> None:
        if len(numbers) != x.rank - 2:
            given = ", ".join(map(str, numbers))
            raise Fault("E203", f"resize needs a {option} for each of {x.rank - 2} axes of {x}, got [{given}]")

    def _scaled(self, x: TensorType, dim: Dim, scale: float) -> Dim:
        if isinstance(dim, int):
            size = floor(dim * scale)
            if size < 1:
                raise Fault("E203", f"resize by {scale} leaves nothing of {x}")
            return size
        if not _dyadic(scale):
            raise Fault(
                "E214",
                f"resize by {scale} gives no provable size for {dim} of {x}",
                help=f"take a scale such as 2 or 0.5, or declare the input with a number in the place of {dim}",
            )
        numerator, denominator = scale.as_integer_ratio()
        return dim * numerator // denominator


def _dyadic(scale: float) -> bool:
    """Whether float32 arithmetic with the scale is exact."""
    return scale.as_integer_ratio()[1] <= LARGEST_DENOMINATOR


def _exact(old: Dim, new: Dim, scale: float) -> float:
    """The scale, or the nearest to it of which float32 arithmetic, ONNX's, makes the new size."""
    import numpy as np

    factor = np.float32(scale)
    if isinstance(old, int) and isinstance(new, int):
        while floor(np.float32(old) * factor) < new:
            factor = np.nextafter(factor, np.float32(np.inf))
        while floor(np.float32(old) * factor) > new:
            factor = np.nextafter(factor, np.float32(0))
    return float(factor)
