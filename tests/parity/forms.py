"""Every layer of one input, with its options: as written in the language, and in PyTorch.

A form makes the pieces of one use for a value of a given shape, with random sizes, axes and options. A new layer needs a form here,
or a structure in `structures.py`: the coverage test names what has neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .sketch import Piece, Random, Shape

Pieces = list[Piece]
Make = Callable[[Random, Shape], Pieces]


class Form(NamedTuple):
    label: str
    ranks: tuple[int, ...]
    make: Make


FORMS: list[Form] = []
ANY = (2, 3, 4)


def form(label: str, *ranks: int) -> Callable[[Make], Make]:
    """Decorator: a use of a layer for values of these ranks, of all by default."""

    def add(make: Make) -> Make:
        FORMS.append(Form(label, ranks or ANY, make))
        return make

    return add


def plain(text: str, function: Callable[[Tensor], Tensor], *before: Piece) -> None:
    """A use without anything random: an activation, maybe behind what brings values into its domain."""
    FORMS.append(Form(text, ANY, lambda r, shape: [*before, Piece(text, function)]))


def one(r: Random, items: Sequence[Any]) -> Any:
    return items[r.integers(len(items))]


def axis_of(r: Random, shape: Shape) -> int:
    """Any axis but that of the rows, from the front or from the end."""
    return one(r, [axis - len(shape) * back for axis in range(1, len(shape)) for back in (0, 1)])


def spelled(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(spelled, value))}]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


# Activations

wide = Piece("rescale(4)", lambda x: x * 4)
positive = (Piece("abs", torch.abs), Piece("rescale(1, offset = 0.5)", lambda x: x + 0.5))

plain("sigmoid", torch.sigmoid)
plain("tanh", torch.tanh)
plain("relu", torch.relu)
plain("relu6", F.relu6, wide)
plain("selu", F.selu)
plain("silu", F.silu)
plain("mish", F.mish)
plain("softplus", F.softplus)
plain("softsign", F.softsign)
plain("hard_sigmoid", F.hardsigmoid, wide)
plain("hard_swish", F.hardswish, wide)
plain("exp", torch.exp)
plain("log", torch.log, *positive)
plain("log1p", torch.log1p, *positive)
plain("sqrt", torch.sqrt, *positive)
plain("abs", torch.abs)
plain("leaky_relu", F.leaky_relu)
plain("leaky_relu(0.2)", lambda x: F.leaky_relu(x, 0.2))
plain("elu", F.elu)
plain("elu(alpha = 0.5)", lambda x: F.elu(x, 0.5))
plain("celu", F.celu)
plain("celu(0.5)", lambda x: F.celu(x, 0.5))
plain("gelu", F.gelu)
plain('gelu("tanh")', lambda x: F.gelu(x, approximate="tanh"))
plain("clip(-0.4, 0.6)", lambda x: x.clamp(-0.4, 0.6))
plain("clip(max = 0.3)", lambda x: x.clamp(max=0.3))
plain("clip(min = 0)", lambda x: x.clamp(min=0))
plain("identity", lambda x: x)
plain("rescale(-0.7, 0.2)", lambda x: x * -0.7 + 0.2)


@form("softmax")
def softmax(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    return [Piece(f"softmax(axis = {axis})", lambda x: x.softmax(axis))]


@form("log_softmax")
def log_softmax(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    return [Piece(f"log_softmax(axis = {axis})", lambda x: x.log_softmax(axis))]


plain("softmax", lambda x: x.softmax(-1))
plain("log_softmax", lambda x: x.log_softmax(-1))
FORMS.append(Form("prelu", ANY, lambda r, shape: [Piece("prelu", nn.PReLU())]))


class ChannelPrelu(nn.PReLU):
    """PReLU with its channels on any axis; PyTorch's are on axis 1."""

    def __init__(self, channels: int, axis: int) -> None:
        super().__init__(channels)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(self.axis, 1)).movedim(1, self.axis)


@form("prelu(per_channel)")
def prelu(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    module = ChannelPrelu(shape[axis], axis)
    nn.init.uniform_(module.weight, 0.1, 0.6)
    return [Piece(f"prelu(per_channel = true, axis = {axis})", module)]


def gate(name: str, function: Callable[[Tensor], Tensor]) -> None:
    """A gated unit, along the last axis of a doubled dense, and along another axis that tile doubles."""

    def gated(x: Tensor, axis: int) -> Tensor:
        a, b = x.chunk(2, axis)
        return a * function(b)

    @form(name)
    def last(r: Random, shape: Shape) -> Pieces:
        units = 2 * int(r.integers(2, 4))
        return [dense_piece(shape, units), Piece(name, lambda x: gated(x, -1))]

    @form(f"{name}(axis)", 3, 4)
    def other(r: Random, shape: Shape) -> Pieces:
        axis = int(r.integers(1, len(shape) - 1))
        text, tiled = tile_piece([2 if at == axis else 1 for at in range(len(shape))])
        return [Piece(text, tiled), Piece(f"{name}(axis = {axis})", lambda x: gated(x, axis))]


def tile_piece(repeats: Sequence[int]) -> tuple[str, Callable[[Tensor], Tensor]]:
    return f"tile({', '.join(map(str, repeats))})", lambda x: x.repeat(*repeats)


gate("glu", torch.sigmoid)
gate("swiglu", F.silu)
gate("geglu", F.gelu)


# Affine


def dense_piece(shape: Shape, units: int, options: str = "", bias: bool = True) -> Piece:
    return Piece(f"dense({units}{options})", nn.Linear(shape[-1], units, bias=bias))


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


# Shape


@form("flatten", 3, 4)
def flatten(r: Random, shape: Shape) -> Pieces:
    return [Piece("flatten", lambda x: x.flatten(1))]


@form("reshape")
def reshape(r: Random, shape: Shape) -> Pieces:
    """The elements of a row in a random order of their prime factors; one size may be left to be found."""
    factors = [f for size in shape[1:] for f in primes(size)] or [1]
    r.shuffle(factors)
    parts = np.array_split(factors, min(len(factors), int(r.integers(1, 4))))
    sizes = [int(np.prod(part)) for part in parts]
    written = list(sizes)
    if r.random() < 0.5:
        written[r.integers(len(written))] = -1
    return [Piece(f"reshape({', '.join(map(str, written))})", lambda x: x.reshape(len(x), *sizes))]


def primes(number: int) -> list[int]:
    for factor in range(2, number + 1):
        if number % factor == 0:
            return [factor, *primes(number // factor)]
    return []


@form("transpose", 3, 4)
def transpose(r: Random, shape: Shape) -> Pieces:
    order = [0, *(int(axis) for axis in r.permutation(np.arange(1, len(shape))))]
    written = [axis - len(shape) if axis and r.random() < 0.3 else axis for axis in order]
    return [Piece(f"transpose({', '.join(map(str, written))})", lambda x: x.permute(order))]


@form("unsqueeze", 2, 3)
def unsqueeze(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, (*shape, 1))
    return [Piece(f"unsqueeze({axis})", lambda x: x.unsqueeze(axis))]


@form("squeeze", 3, 4)
def squeeze(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    return [
        Piece(f"max({axis}, keepdims = true)", lambda x: x.amax(axis, keepdim=True)),
        Piece(f"squeeze({axis})", lambda x: x.squeeze(axis)),
    ]


@form("squeeze of two axes", 4)
def squeeze_two(r: Random, shape: Shape) -> Pieces:
    return [
        Piece("mean([1, -1], keepdims = true)", lambda x: x.mean((1, -1), keepdim=True)),
        Piece("squeeze(-1, 1)", lambda x: x.squeeze((1, 3))),
    ]


@form("slice")
def sliced(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    size = shape[axis]
    start = int(r.integers(-size, size))
    end = None if r.random() < 0.3 else int(r.integers(start % size + 1, size + 1))
    step = int(r.integers(1, 3))
    chosen = (*(slice(None) for _ in range(axis % len(shape))), slice(start, end, step))
    return [Piece(f"slice({axis}, start = {start}, end = {spelled(end)}, step = {step})".lower(), lambda x: x[chosen])]


@form("last", 3, 4)
def last(r: Random, shape: Shape) -> Pieces:
    return [Piece("last", lambda x: x[:, -1])]


def padding(mode: str) -> None:
    """Along one or two axes. By an index for each axis: PyTorch's own pad mirrors the last axes only."""

    @form(f"pad({mode})")
    def make(r: Random, shape: Shape) -> Pieces:
        axes = sorted({axis_of(r, shape) % len(shape) for _ in range(2)})
        limit = min([2, *(shape[axis] - 1 for axis in axes)]) if mode == "reflect" else 2
        before, behind = (int(n) for n in r.integers(0, limit + 1, 2))
        amount: Any = before if before == behind else [before, behind]
        value = round(float(r.uniform(-1, 1)), 2)

        def padded(x: Tensor) -> Tensor:
            for axis in axes:
                x = extended(x, axis, (before, behind), mode, value)
            return x

        at: Any = axes[0] if len(axes) == 1 else axes
        option = f"value = {value}" if mode == "constant" else f'mode = "{mode}"'
        return [Piece(f"pad({spelled(amount)}, axis = {spelled(at)}, {option})", padded)]


for mode in ("constant", "reflect", "edge"):
    padding(mode)


def extended(x: Tensor, axis: int, amounts: tuple[int, int], mode: str, value: float) -> Tensor:
    if mode == "constant":
        blocks = [torch.full((*x.shape[:axis], amount, *x.shape[axis + 1 :]), value) for amount in amounts]
        return torch.cat([blocks[0], x, blocks[1]], axis)
    places = np.pad(np.arange(x.shape[axis]), amounts, mode=mode)  # type: ignore[call-overload]
    return x.index_select(axis, torch.from_numpy(places))


@form("tile")
def tile(r: Random, shape: Shape) -> Pieces:
    text, function = tile_piece([1, *(int(n) for n in r.integers(1, 3, len(shape) - 1))])
    return [Piece(text, function)]


def resize(mode: str, torch_modes: dict[int, str]) -> None:
    """Resize to sizes and by scales, for each rank that PyTorch has the mode for."""
    for rank in torch_modes:
        for option in ("size", "scale"):
            FORMS.append(Form(f"resize({mode}, {option}) of {rank}", (rank,), resizing(mode, torch_modes, option)))


def resizing(mode: str, torch_modes: dict[int, str], option: str) -> Make:
    def make(r: Random, shape: Shape) -> Pieces:
        spatial = len(shape) - 2
        numbers = [int(n) for n in r.integers(2, 7, spatial)] if option == "size" else [float(n) for n in r.choice([0.5, 1.5, 2.0, 2.5], spatial)]
        sizes = numbers if option == "size" else [max(int(n * s), 0) for n, s in zip(numbers, shape[2:], strict=True)]
        if min(sizes) < 1:  # half of 1 is nothing
            numbers = [2.0] * spatial
        given: Any = numbers[0] if len(set(numbers)) == 1 else numbers
        arguments: dict[str, Any] = {"mode": torch_modes[len(shape)], f"{'size' if option == 'size' else 'scale_factor'}": numbers}
        if option == "scale":
            arguments["recompute_scale_factor"] = True
        if mode != "nearest":
            arguments["align_corners"] = False
        return [Piece(f'resize({option} = {spelled(given)}, mode = "{mode}")', lambda x: F.interpolate(x, **arguments))]

    return make


resize("nearest", {3: "nearest", 4: "nearest"})
resize("linear", {3: "linear", 4: "bilinear"})
resize("cubic", {4: "bicubic"})


@form("resize of volumes", 4)
def resize_volume(r: Random, shape: Shape) -> Pieces:
    """Five dimensions, between reshapes."""
    n, c, h, w = shape
    mode = one(r, ["linear", "nearest"])
    arguments: dict[str, Any] = {"mode": "trilinear", "align_corners": False} if mode == "linear" else {"mode": "nearest"}
    return [
        Piece(f"reshape(1, {c}, {h}, {w})", lambda x: x.reshape(len(x), 1, c, h, w)),
        Piece(f'resize([2, 3, 4], mode = "{mode}")', lambda x: F.interpolate(x, size=(2, 3, 4), **arguments)),
        Piece("reshape(6, 4)", lambda x: x.reshape(len(x), 6, 4)),
    ]


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
        return [Piece(f"{name}({spelled(axes)}, keepdims = {spelled(keep)})", lambda x: function(x, axes, keepdim=keep))]


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


@form("argmax")
def argmax(r: Random, shape: Shape) -> Pieces:
    """No gradient passes."""
    axis = axis_of(r, shape)
    keep = len(shape) == 2 or bool(r.integers(2))
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
