"""Forms of the pools. Every option and geometry is in test_pooling.py; here they meet other layers."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch.nn.functional as F

from .forms import Pieces, form, spelled
from .sketch import Piece, Random, Shape

MAX: tuple[Any, ...] = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
AVG: tuple[Any, ...] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)

Use = Callable[[Random, Shape], Piece]
"""A use of a layer for these sizes behind the channels."""


def max_defaults(r: Random, sizes: Shape) -> Piece:
    kernel = kernel_for(r, sizes)
    return Piece(f"max_pool{len(sizes)}d({spelled(kernel)})", lambda x: MAX[len(sizes) - 1](x, kernel))


def max_options(r: Random, sizes: Shape) -> Piece:
    kernel = [min(size, 2) for size in sizes]
    padding = [size // 2 for size in kernel]
    text = f"{spelled(kernel)}, stride = 1, padding = {spelled(padding)}, dilation = 1, ceil_mode = true"
    return Piece(
        f"max_pool{len(sizes)}d({text})",
        lambda x: MAX[len(sizes) - 1](x, kernel, 1, padding, 1, ceil_mode=True),
    )


def max_spread(r: Random, sizes: Shape) -> Piece:
    kernel = [1 for _ in sizes]
    return Piece(
        f"max_pool{len(sizes)}d({spelled(kernel)}, 2, dilation = 2)",
        lambda x: MAX[len(sizes) - 1](x, kernel, 2, 0, 2),
    )


def avg_defaults(r: Random, sizes: Shape) -> Piece:
    kernel = kernel_for(r, sizes)
    return Piece(f"avg_pool{len(sizes)}d({spelled(kernel)})", lambda x: AVG[len(sizes) - 1](x, kernel))


def avg_options(r: Random, sizes: Shape) -> Piece:
    """Windows of two with a border in which they may begin, where the axis is as long as one."""
    kernel = [min(size, 2) for size in sizes]
    padding = [size // 2 for size in kernel]
    text = f"{spelled(kernel)}, stride = 3, padding = {spelled(padding)}, ceil_mode = true, count_include_pad = false"
    return Piece(f"avg_pool{len(sizes)}d({text})", lambda x: AVG[len(sizes) - 1](x, kernel, 3, padding, True, False))


def avg_divided(r: Random, sizes: Shape) -> Piece:
    kernel = kernel_for(r, sizes)
    factor = prod(kernel) / 3
    return Piece(
        f"avg_pool{len(sizes)}d({spelled(kernel)}, divisor = 3)", lambda x: AVG[len(sizes) - 1](x, kernel) * factor
    )


def kernel_for(r: Random, sizes: Shape) -> list[int]:
    return [int(r.integers(1, min(size, 3) + 1)) for size in sizes]


def use(label: str, rank: int, make: Use) -> None:
    """Forms of one and two axes behind the channels, and of three, of which one is put there and taken away again."""

    @form(f"pool{rank}d: {label}", min(rank, 2) + 2)
    def pieces(r: Random, shape: Shape) -> Pieces:
        if rank < 3:
            return [make(r, shape[2:])]
        return [
            Piece("unsqueeze(2)", lambda x: x.unsqueeze(2)),
            make(r, (1, *shape[2:])),
            Piece("mean(2)", lambda x: x.mean(2)),
        ]


for rank in (1, 2, 3):
    use("max, defaults", rank, max_defaults)
    use("max, options", rank, max_options)
    use("max, dilation", rank, max_spread)
    use("avg, defaults", rank, avg_defaults)
    use("avg, options", rank, avg_options)
    use("avg, divisor", rank, avg_divided)


def global_pool(kind: str, pool: Any) -> None:
    @form(f"global_{kind}_pool", 3, 4)
    def dropped(r: Random, shape: Shape) -> Pieces:
        return [Piece(f"global_{kind}_pool", lambda x: pool[x.dim() - 3](x, 1).flatten(1))]

    @form(f"global_{kind}_pool(keepdims)", 3, 4)
    def kept(r: Random, shape: Shape) -> Pieces:
        return [Piece(f"global_{kind}_pool(keepdims = true)", lambda x: pool[x.dim() - 3](x, 1))]


global_pool("avg", (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d))
global_pool("max", (F.adaptive_max_pool1d, F.adaptive_max_pool2d))
