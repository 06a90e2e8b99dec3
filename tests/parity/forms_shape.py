"""Forms of the layers that move elements."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .forms import Pieces, axis_of, form, spelled, tile_piece
from .sketch import Piece, Random, Shape


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


@form("slice(step)")
def every_other(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape) % len(shape)
    chosen = (*(slice(None) for _ in range(axis)), slice(0, None, 2))
    return [Piece(f"slice({axis}, step = 2)", lambda x: x[chosen])]


@form("last", 3, 4)
def last(r: Random, shape: Shape) -> Pieces:
    return [Piece("last", lambda x: x[:, -1])]


def padding(mode: str) -> None:
    """Along one or two axes. By an index for each axis: PyTorch's own pad mirrors the last axes only."""

    @form(f"pad({mode})")
    def make(r: Random, shape: Shape) -> Pieces:
        axes = sorted({axis_of(r, shape) % len(shape) for _ in range(2)})
        spare = {"reflect": 1, "circular": 0}.get(mode, -2)
        limit = min([2, *(shape[axis] - spare for axis in axes)])
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


for mode in ("constant", "reflect", "edge", "circular"):
    padding(mode)


def extended(x: Tensor, axis: int, amounts: tuple[int, int], mode: str, value: float) -> Tensor:
    if mode == "constant":
        blocks = [torch.full((*x.shape[:axis], amount, *x.shape[axis + 1 :]), value) for amount in amounts]
        return torch.cat([blocks[0], x, blocks[1]], axis)
    known: Any = {"circular": "wrap"}.get(mode, mode)
    places = np.pad(np.arange(x.shape[axis]), amounts, mode=known)
    return x.index_select(axis, torch.from_numpy(places))


@form("tile")
def tile(r: Random, shape: Shape) -> Pieces:
    text, function = tile_piece([1, *(int(n) for n in r.integers(1, 3, len(shape) - 1))])
    return [Piece(text, function)]
