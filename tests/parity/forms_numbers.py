"""Forms of the layers that make other numbers: affine, interpolation, casts, reductions, preprocessing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forms import FORMS, Form, Make, Pieces, axis_of, dense_piece, form, one, spelled
from .sketch import Piece, Random, Shape


@form("dense")
def dense(r: Random, shape: Shape) -> Pieces:
    return [dense_piece(shape, int(r.integers(2, 7)))]


@form("dense(init)")
def dense_with_init(r: Random, shape: Shape) -> Pieces:
    init = one(r, ["he_normal()", "orthogonal(gain = 1.2)", "lecun_normal()"])
    return [dense_piece(shape, int(r.integers(2, 7)), f", init = {init}")]


@form("dense(bias = false)")
def dense_without_bias(r: Random, shape: Shape) -> Pieces:
    return [dense_piece(shape, int(r.integers(2, 7)), ", bias = false", bias=False)]


# Interpolation


def resize(mode: str, torch_modes: dict[int, str]) -> None:
    """Resize to sizes and by scales, for each rank that PyTorch has the mode for."""
    for rank, torch_mode in torch_modes.items():
        arguments = {"mode": torch_mode} if mode == "nearest" else {"mode": torch_mode, "align_corners": False}
        FORMS.append(Form(f"resize({mode}, size) of {rank}", (rank,), to_size(mode, arguments)))
        FORMS.append(Form(f"resize({mode}, scale) of {rank}", (rank,), by_scale(mode, arguments)))


def to_size(mode: str, arguments: dict[str, Any]) -> Make:
    def make(r: Random, shape: Shape) -> Pieces:
        sizes = [int(n) for n in r.integers(2, 7, len(shape) - 2)]
        text = f'resize({spelled(shortest(sizes))}, mode = "{mode}")'
        return [Piece(text, lambda x: F.interpolate(x, size=sizes, **arguments))]

    return make


def by_scale(mode: str, arguments: dict[str, Any]) -> Make:
    def make(r: Random, shape: Shape) -> Pieces:
        """A size of 1 grows: half of it would be nothing."""
        scales = [float(r.choice([0.5, 1.5, 2.0, 2.5] if size > 1 else [2.0])) for size in shape[2:]]
        text = f'resize(scale = {spelled(shortest(scales))}, mode = "{mode}")'
        return [Piece(text, lambda x: F.interpolate(x, scale_factor=scales, **arguments))]

    return make


def shortest(numbers: list[Any]) -> Any:
    """One number for all axes where they are equal."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


resize("nearest", {3: "nearest", 4: "nearest"})
resize("linear", {3: "linear", 4: "bilinear"})
resize("cubic", {4: "bicubic"})


def resize_image(text: str, **arguments: Any) -> None:
    @form(f"resize({text})", 4)
    def make(r: Random, shape: Shape) -> Pieces:
        size = int(r.integers(2, 5))
        return [Piece(f"resize({size}, {text})", lambda x: F.interpolate(x, size=size, **arguments))]


resize_image('mode = "linear", align_corners = true', mode="bilinear", align_corners=True)
resize_image('mode = "cubic", align_corners = true', mode="bicubic", align_corners=True)
resize_image('mode = "linear", antialias = true', mode="bilinear", antialias=True)
resize_image('mode = "cubic", antialias = true', mode="bicubic", antialias=True)
resize_image('mode = "nearest_exact"', mode="nearest-exact")
resize_image('mode = "area"', mode="area")


@form("resize of volumes", 4)
def resize_volume(r: Random, shape: Shape) -> Pieces:
    """Five dimensions, between reshapes."""
    _, c, h, w = shape
    mode = one(r, ["linear", "nearest"])
    linear = {"mode": "trilinear", "align_corners": False}
    arguments: dict[str, Any] = linear if mode == "linear" else {"mode": "nearest"}
    return [
        Piece(f"reshape(1, {c}, {h}, {w})", lambda x: x.reshape(len(x), 1, c, h, w)),
        Piece(f'resize([2, 3, 4], mode = "{mode}")', lambda x: F.interpolate(x, size=(2, 3, 4), **arguments)),
        Piece("reshape(6, 4)", lambda x: x.reshape(len(x), 6, 4)),
    ]


# Other dtypes


@form("cast to float64 and back")
def cast_double(r: Random, shape: Shape) -> Pieces:
    return [
        Piece('cast("float64")', Tensor.double),
        Piece("tanh", torch.tanh),
        Piece('cast("float32")', Tensor.float),
    ]


@form("cast to integers")
def cast_integer(r: Random, shape: Shape) -> Pieces:
    """Cut towards 0. No gradient passes."""
    name, dtype = one(r, [("int32", torch.int32), ("int64", torch.int64)])
    return [
        Piece("rescale(3)", lambda x: x * 3),
        Piece(f'cast("{name}")', lambda x: x.to(dtype)),
        Piece("clip(min = -2, max = 2)", lambda x: x.clamp(-2, 2)),
        Piece('cast("float32")', Tensor.float),
    ]


@form("cast to bool")
def cast_bool(r: Random, shape: Shape) -> Pieces:
    return [
        Piece("relu", torch.relu),
        Piece('cast("bool")', Tensor.bool),
        Piece('cast(dtype = "float32")', Tensor.float),
    ]


# Reductions


def reduction(name: str, function: Callable[..., Tensor]) -> None:
    """Along one axis, along several, and with the axes kept; the result has at least two dimensions."""

    @form(name)
    def along_one(r: Random, shape: Shape) -> Pieces:
        axis = axis_of(r, shape)
        keep = len(shape) == 2 or bool(r.integers(2))
        option = ", keepdims = true" if keep else ""
        return [Piece(f"{name}({axis}{option})", lambda x: function(x, axis, keepdim=keep))]

    @form(f"{name}(axes)", 3, 4)
    def along_two(r: Random, shape: Shape) -> Pieces:
        axes = tuple(sorted(int(axis) for axis in r.choice(np.arange(1, len(shape)), 2, replace=False)))
        keep = len(shape) == 3 or bool(r.integers(2))
        text = f"{name}({spelled(axes)}, keepdims = {spelled(keep)})"
        return [Piece(text, lambda x: function(x, axes, keepdim=keep))]


reduction("mean", torch.mean)
reduction("sum", torch.sum)
reduction("max", torch.amax)
reduction("min", torch.amin)


@form("mean to one number")
def mean_to_number(r: Random, shape: Shape) -> Pieces:
    axes = tuple(range(1, len(shape)))
    return [
        Piece(f"mean({spelled(axes)})", lambda x: x.mean(axes)),
        Piece("unsqueeze(-1)", lambda x: x.unsqueeze(-1)),
    ]


@form("argmax", 3, 4)
def argmax(r: Random, shape: Shape) -> Pieces:
    """Along an axis but the last. No gradient passes."""
    axis, keep = int(r.integers(1, len(shape) - 1)), bool(r.integers(2))
    return [
        Piece(f"argmax({axis}, {spelled(keep)})", lambda x: x.argmax(axis, keepdim=keep)),
        Piece('cast("float32")', Tensor.float),
        Piece("rescale(0.3)", lambda x: x * 0.3),
    ]


@form("argmax of the last axis", 3, 4)
def argmax_last(r: Random, shape: Shape) -> Pieces:
    """The classes as one_hot again. No gradient passes."""
    size = shape[-1]
    return [
        Piece("argmax", lambda x: x.argmax(-1)),
        Piece(f"one_hot({size})", lambda x: F.one_hot(x, size).float()),
    ]


# Preprocessing


class Standardize(nn.Module):
    """(x - mean) / deviation, with the features on any axis."""

    def __init__(self, features: int, axis: int, shift: float = 0.5, spread: float = 2.0) -> None:
        super().__init__()
        self.axis = axis
        self.register_buffer("mean", torch.empty(features).uniform_(-shift, shift))
        self.register_buffer("deviation", torch.empty(features).uniform_(spread / 2, spread))

    def forward(self, x: Tensor) -> Tensor:
        return ((x.float().movedim(self.axis, -1) - self.mean) / self.deviation).movedim(-1, self.axis)


@form("standardize")
def standardize(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    return [Piece(f"standardize(axis = {axis})", Standardize(shape[axis], axis))]
