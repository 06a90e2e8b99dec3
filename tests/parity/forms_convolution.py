"""Forms of the convolutions. Every option and geometry is in test_convolution.py; here they meet other layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .forms import Pieces, form, one, spelled
from .sketch import Piece, Random, Shape

CONVOLUTIONS: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSES: tuple[Any, ...] = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)

Use = Callable[[Random, int, Shape], Piece]
"""A use of a layer for so many channels and these sizes behind them."""


def with_defaults(r: Random, channels: int, sizes: Shape) -> Piece:
    """A kernel that fits, and no other option."""
    kernel = [int(r.integers(1, min(size, 3) + 1)) for size in sizes]
    return Piece(f"conv{len(sizes)}d(3, {spelled(kernel)})", CONVOLUTIONS[len(sizes) - 1](channels, 3, kernel))


def with_options(r: Random, channels: int, sizes: Shape) -> Piece:
    """With every option; the padding is as wide as the kernel reaches, so that it fits images of any size."""
    groups, mode = groups_of(r, channels), one(r, ["edge", "zeros"])
    text = f'stride = 2, padding = 2, dilation = 2, groups = {groups}, bias = false, padding_mode = "{mode}"'
    module = CONVOLUTIONS[len(sizes) - 1](
        channels,
        2 * groups,
        2,
        stride=2,
        padding=2,
        dilation=2,
        groups=groups,
        bias=False,
        padding_mode="replicate" if mode == "edge" else mode,
    )
    return Piece(f"conv{len(sizes)}d({2 * groups}, 2, {text}, init = he_normal())", module)


def with_border(r: Random, channels: int, sizes: Shape) -> Piece:
    filters = 5 * channels
    text = f'padding = 1, padding_mode = "circular", groups = {channels}, init = normal(0.3)'
    module = CONVOLUTIONS[len(sizes) - 1](channels, filters, 3, padding=1, padding_mode="circular", groups=channels)
    return Piece(f"conv{len(sizes)}d({filters}, 3, {text})", module)


def transposed(r: Random, channels: int, sizes: Shape) -> Piece:
    kernel = [int(n) for n in r.integers(1, 4, len(sizes))]
    return Piece(f"conv_transpose{len(sizes)}d(3, {spelled(kernel)})", TRANSPOSES[len(sizes) - 1](channels, 3, kernel))


def transposed_with_options(r: Random, channels: int, sizes: Shape) -> Piece:
    groups = groups_of(r, channels)
    text = f"stride = 2, padding = 1, dilation = 2, groups = {groups}, bias = false, output_padding = 1"
    module = TRANSPOSES[len(sizes) - 1](
        channels, 2 * groups, 2, stride=2, padding=1, dilation=2, groups=groups, bias=False, output_padding=1
    )
    return Piece(f"conv_transpose{len(sizes)}d({2 * groups}, 2, {text}, init = he_normal())", module)


def groups_of(r: Random, channels: int) -> int:
    """More than one group, where the channels can be divided."""
    return int(one(r, [n for n in range(2, channels + 1) if channels % n == 0] or [1]))


def use(label: str, rank: int, make: Use) -> None:
    """Forms of one and two axes behind the channels, and of three, of which one is put there and taken away again."""

    @form(f"conv{rank}d: {label}", min(rank, 2) + 2)
    def pieces(r: Random, shape: Shape) -> Pieces:
        if rank < 3:
            return [make(r, shape[1], shape[2:])]
        return [
            Piece("unsqueeze(2)", lambda x: x.unsqueeze(2)),
            make(r, shape[1], (1, *shape[2:])),
            Piece("mean(2)", lambda x: x.mean(2)),
        ]


for rank in (1, 2, 3):
    use("defaults", rank, with_defaults)
    use("options", rank, with_options)
    use("border", rank, with_border)
    use("transposed", rank, transposed)
    use("transposed, options", rank, transposed_with_options)


@form("conv2d(same)", 4)
def same(r: Random, shape: Shape) -> Pieces:
    return [Piece('conv2d(4, 3, padding = "same")', nn.Conv2d(shape[1], 4, 3, padding="same"))]


@form("conv_transpose2d(same)", 4)
def transposed_same(r: Random, shape: Shape) -> Pieces:
    """Twice as large: a kernel of three at a stride of two makes one element more, at the end."""

    class Same(nn.ConvTranspose2d):
        def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward(x)[:, :, :-1, :-1]

    return [Piece('conv_transpose2d(3, 3, stride = 2, padding = "same")', Same(shape[1], 3, 3, stride=2))]


@form("depthwise_conv2d", 4)
def depthwise(r: Random, shape: Shape) -> Pieces:
    """An even kernel, whose odd element of the border is behind."""

    class Same(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(F.pad(x, (0, 1, 0, 1)))

    return [Piece('depthwise_conv2d(2, padding = "same")', Same(shape[1], shape[1], 2, groups=shape[1]))]


@form("depthwise_conv2d(options)", 4)
def depthwise_with_options(r: Random, shape: Shape) -> Pieces:
    text = 'stride = 2, padding = [2, 0], dilation = 2, multiplier = 3, bias = false, padding_mode = "edge"'
    module = nn.Conv2d(
        shape[1],
        3 * shape[1],
        (2, 1),
        stride=2,
        padding=(2, 0),
        dilation=2,
        groups=shape[1],
        bias=False,
        padding_mode="replicate",
    )
    return [Piece(f"depthwise_conv2d([2, 1], {text}, init = he_normal())", module)]
