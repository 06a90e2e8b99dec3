"""Forms of the normalizations. Every option is in test_normalization.py; here they meet other layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from .forms import Pieces, axis_of, dense_piece, form, one
from .sketch import Piece, Random, Shape


def behind_tanh(piece: Piece) -> Pieces:
    """Right behind a bias or a weight their gradients are 0 but for rounding: a normalization undoes them."""
    return [Piece("tanh", torch.tanh), piece]


TAME = "eps = 0.1"
"""Behind some layers channels are nearly constant, and a small eps makes rounding on either side large."""


class BatchNorm(_BatchNorm):
    """Over values of any rank, with the channels on any axis."""

    def __init__(self, channels: int, axis: int, **options: Any) -> None:
        super().__init__(channels, **options)
        self.axis = axis

    def _check_input_dim(self, input: Tensor) -> None:
        """All are taken."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(self.axis, 1)).movedim(1, self.axis)


class InstanceNorm(_InstanceNorm):
    """Over values of any rank above two, with the channels on any axis."""

    def __init__(self, channels: int, axis: int, **options: Any) -> None:
        super().__init__(channels, **options)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return self._apply_instance_norm(x.movedim(self.axis, 1)).movedim(1, self.axis)


class GroupNorm(nn.GroupNorm):
    """With the channels on any axis."""

    def __init__(self, groups: int, channels: int, axis: int, **options: Any) -> None:
        super().__init__(groups, channels, **options)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(self.axis, 1)).movedim(1, self.axis)


@form("batch_norm")
def batch_norm(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece(f"batch_norm({TAME})", BatchNorm(shape[1], 1, eps=0.1)))


@form("batch_norm(options)")
def batch_norm_with_options(r: Random, shape: Shape) -> Pieces:
    axis, momentum = len(shape) - 1, one(r, [0.3, None])
    text = f"{'none' if momentum is None else momentum}, eps = 0.2, affine = false, axis = {axis}"
    return behind_tanh(
        Piece(f"batch_norm({text})", BatchNorm(shape[axis], axis, eps=0.2, momentum=momentum, affine=False))
    )


@form("batch_norm(track)", 4)
def batch_norm_of_the_batch(r: Random, shape: Shape) -> Pieces:
    """In inference of one row as well, which needs several positions."""
    if shape[2:] == (1, 1):
        return batch_norm(r, shape)
    module = BatchNorm(shape[1], 1, eps=0.1, track_running_stats=False)
    return behind_tanh(Piece(f"batch_norm({TAME}, track = false)", module))


@form("layer_norm")
def layer_norm(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece(f"layer_norm({TAME})", nn.LayerNorm(shape[-1], eps=0.1)))


@form("layer_norm(options)", 3, 4)
def layer_norm_with_options(r: Random, shape: Shape) -> Pieces:
    module = nn.LayerNorm(shape[-2:], eps=0.2, bias=False)
    return behind_tanh(Piece("layer_norm([-2, -1], eps = 0.2, bias = false)", module))


@form("layer_norm(affine)")
def layer_norm_without_weights(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece("layer_norm(affine = false)", nn.LayerNorm(shape[-1], elementwise_affine=False)))


@form("rms_norm")
def rms_norm(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece(f"rms_norm({TAME})", nn.RMSNorm(shape[-1], eps=0.1)))


@form("rms_norm(options)", 3, 4)
def rms_norm_with_options(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece("rms_norm([-2, -1], affine = false)", nn.RMSNorm(shape[-2:], elementwise_affine=False)))


@form("group_norm", 3, 4)
def group_norm(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece("group_norm(1, eps = 0.1)", GroupNorm(1, shape[1], 1, eps=0.1)))


@form("group_norm(options)", 3, 4)
def group_norm_with_options(r: Random, shape: Shape) -> Pieces:
    """Dense doubles the last axis, so that it can be cut."""
    units, doubled = 2 * shape[-1], dense_piece(shape, 2 * shape[-1])
    module = GroupNorm(2, units, len(shape) - 1, affine=False, eps=0.2)
    return [doubled, *behind_tanh(Piece("group_norm(2, eps = 0.2, affine = false, axis = -1)", module))]


@form("instance_norm", 3, 4)
def instance_norm(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece(f"instance_norm({TAME})", InstanceNorm(shape[1], 1, eps=0.1)))


@form("instance_norm(options)", 3, 4)
def instance_norm_with_options(r: Random, shape: Shape) -> Pieces:
    axis = axis_of(r, shape)
    module = InstanceNorm(shape[axis], axis, eps=0.2, momentum=0.3, affine=True, track_running_stats=True)
    return behind_tanh(Piece(f"instance_norm(0.3, eps = 0.2, affine = true, track = true, axis = {axis})", module))


@form("l2_normalize")
def l2_normalize(r: Random, shape: Shape) -> Pieces:
    """Along an axis of one element the result is a sign, and its gradient 0."""
    axis = one(r, [axis for axis in range(1, len(shape)) if shape[axis] > 1] or [None])
    if axis is None:
        return l2_normalize_long(r, shape)
    return behind_tanh(Piece(f"l2_normalize({axis})", lambda x: F.normalize(x, dim=axis)))


@form("l2_normalize(eps)")
def l2_normalize_long(r: Random, shape: Shape) -> Pieces:
    return behind_tanh(Piece("l2_normalize(eps = 0.7)", lambda x: F.normalize(x, dim=-1, eps=0.7)))
