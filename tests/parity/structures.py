"""What networks are made of beside chains of layers: arithmetic, joins, blocks, loops, shared and tied weights, and
inputs of all dtypes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .forms import dense_piece, one
from .sketch import Draw, Piece, Sketch

Structure = Callable[[Sketch], None]
STRUCTURES: list[Structure] = []


def structure(draw: Structure) -> Structure:
    """Decorator: something that adds values to a sketch."""
    STRUCTURES.append(draw)
    return draw


def normal(*sizes: int) -> Draw:
    return lambda r, rows: r.normal(0, 1, (rows, *sizes)).astype(np.float32)


def whole(dtype: str, low: int, high: int, *sizes: int) -> Draw:
    return lambda r, rows: r.integers(low, high, (rows, *sizes)).astype(dtype)


def twin(s: Sketch, name: str) -> str:
    """Another value of the same shape."""
    return s.define(f"{name} * 0.7 - 0.2", lambda x: x * 0.7 - 0.2, name)


as_float = Piece('cast("float32")', Tensor.float)


def written(s: Sketch, function: Callable[..., Any], source: str, lines: list[str], name: str) -> str:
    """Lines that make the value `name` of `source`."""
    s.lines += lines
    s.step(function, [source], [name])
    return s.offer(name)


# Arithmetic


@structure
def sums_and_quotients(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = twin(s, a)
    c = s.define(f"2 * {a} + {b} * {a} - 1", lambda a, b: 2 * a + b * a - 1, a, b)
    d = s.define(f"-{a} / (1.5 + ({b} -> abs))", lambda a, b: -a / (1.5 + b.abs()), a, b)
    s.define(f"1 - {c} - {d} -> tanh", lambda c, d: (1 - c - d).tanh(), c, d)


@structure
def broadcasting(s: Sketch) -> None:
    a = s.pick(3, 4)
    axis = int(s.random.integers(1, len(s.shape(a))))
    mean = s.chain([Piece(f"mean({axis}, keepdims = true)", lambda x: x.mean(axis, keepdim=True))], a)
    s.define(f"({a} - {mean}) * {mean}", lambda a, mean: (a - mean) * mean, a, mean)
    last = s.chain([Piece("last", lambda x: x[:, -1]), Piece("unsqueeze(1)", lambda x: x.unsqueeze(1))], a)
    s.define(f"{a} / ({last} * {last} + 1)", lambda a, last: a / (last * last + 1), a, last)


@structure
def comparisons(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = twin(s, a)
    above = s.define(f"{a} > {b}", torch.gt, a, b)
    low = s.define(f"{a} <= 0.8", lambda a: a <= 0.8, a)
    alike = s.define(f"{above} == {low}", torch.eq, above, low)
    masked = [s.chain([as_float], mask) for mask in (above, alike)]
    s.define(f"{a} * {masked[0]} + {b} * (1 - {masked[1]})", lambda a, b, m, n: a * m + b * (1 - n), a, b, *masked)
    other = s.define(f"(0.3 < {b}) != ({a} >= -0.5)", lambda b, a: (b > 0.3) != (a >= -0.5), b, a)
    s.outputs["other"] = other


@structure
def products(s: Sketch) -> None:
    a = s.pick(3)
    turned = s.chain([Piece("transpose(0, 2, 1)", lambda x: x.transpose(1, 2))], a)
    scores = s.define(f"{a} @ {turned} / 2 -> softmax", lambda a, b: (a @ b / 2).softmax(-1), a, turned)
    s.define(f"{scores} @ {a}", torch.matmul, scores, a)


@structure
def broadcast_products(s: Sketch) -> None:
    """Matrices of several channels with those of one."""
    image = s.pick(4)
    swapped = Piece("transpose(0, 1, 3, 2)", lambda x: x.transpose(2, 3))
    turned = s.chain([Piece("slice(1, end = 1)", lambda x: x[:, :1]), swapped], image)
    s.define(f"{image} @ {turned}", torch.matmul, image, turned)


# Joins and parts


@structure
def concat(s: Sketch) -> None:
    a = s.pick(2, 3, 4)
    b = s.chain([dense_piece(s.shape(a), int(s.random.integers(1, 5)))], a)
    joined = s.chain([Piece("concat", lambda a, b: torch.cat([a, b], -1))], a, b)
    s.chain([Piece("concat(axis = 1)", lambda *x: torch.cat(x, 1))], joined, twin(s, joined), joined)


@structure
def stack(s: Sketch) -> None:
    a = s.pick(2, 3)
    axis = one(s.random, [-1, 2])
    more = [a, twin(s, a), s.chain([Piece("softsign", F.softsign)], a)]
    s.chain([Piece(f"stack(axis = {axis})", lambda *x: torch.stack(x, axis))], *more)
    s.chain([Piece("stack", lambda *x: torch.stack(x, 1))], *more[:2])


@structure
def split(s: Sketch) -> None:
    a = s.pick(2, 3)
    doubled = s.chain([Piece(f"tile(1, 2{', 1' * (len(s.shape(a)) - 2)})", lambda x: torch.cat([x, x], 1))], a)
    size = s.shape(doubled)[1]
    first, second = parts(s, doubled, "2", (size // 2,) * 2, 1)
    s.define(f"{second} * {second} - 0.5 * {first}", lambda b, a: b * b - 0.5 * a, second, first)
    parts(s, doubled, f"[1, {size - 1}]", (1, size - 1), 1 - len(s.shape(a)))


def parts(s: Sketch, source: str, text: str, sizes: tuple[int, ...], axis: int) -> list[str]:
    names = [s.name() for _ in sizes]
    s.lines.append(f"{', '.join(names)} = {source} -> split({text}, axis = {axis})")
    s.step(lambda x: x.split(sizes, axis), [source], names)
    return [s.offer(name) for name in names]
