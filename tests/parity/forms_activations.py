"""Forms of the activations and gated units."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forms import ANY, FORMS, Form, Pieces, dense_piece, form, plain, tile_piece
from .sketch import Piece, Random, Shape

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
    return [Piece("softmax(axis = 1)", lambda x: x.softmax(1))]


@form("log_softmax")
def log_softmax(r: Random, shape: Shape) -> Pieces:
    return [Piece("log_softmax(axis = 1)", lambda x: x.log_softmax(1))]


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
    module = ChannelPrelu(shape[1], 1)
    nn.init.uniform_(module.weight, 0.1, 0.6)
    return [Piece("prelu(per_channel = true, axis = 1)", module)]


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


gate("glu", torch.sigmoid)
gate("swiglu", F.silu)
gate("geglu", F.gelu)
