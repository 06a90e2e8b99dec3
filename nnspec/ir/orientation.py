"""Warnings of images and convolutions that are written as other frameworks order axes and arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Operator
from nnspec.ir.records import Tensor

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
CHANNELS_FIRST = (
    "conv",
    "depthwise_conv",
    "max_pool",
    "avg_pool",
    "batch_norm",
    "group_norm",
    "instance_norm",
    "resize",
)
"""Beginnings of the names of layers whose results have their channels on axis 1."""
FEATURES_LAST = (
    *("softmax", "log_softmax", "prelu", "glu", "swiglu", "geglu"),
    *("layer_norm", "rms_norm", "l2_normalize"),
)
"""Layers that work along the last axis unless `axis` says otherwise."""
LEAST_SIDE = 8
"""Below it an image is as likely to be a map of features."""


def doubts_of_order(operator: Operator, inputs: Sequence[Tensor]) -> Iterator[Fault]:
    """W320 to W322, for an operator that is applied to inputs which it takes."""
    if operator.name in CONVOLUTIONS:
        yield from _input_first(operator, inputs[0])
    if operator.name in ("conv2d", "max_pool2d", "avg_pool2d", "depthwise_conv2d"):
        yield from _channels_last(operator, inputs[0])
    if operator.name in FEATURES_LAST:
        yield from _along_the_width(operator, inputs[0])


def _input_first(layer: Any, x: Tensor) -> Iterator[Fault]:
    """W320: conv2d(3, 16, 5) is a kernel of 16 and a stride of 5. Kernels are even and strides odd hardly ever."""
    kernel, stride = layer.kernel, layer.stride
    if not isinstance(kernel, int) or not isinstance(stride, int) or layer.channels != x.type.shape[1]:
        return
    if kernel > 4 and kernel % 2 == 0 and stride % 2 == 1:
        yield Fault(
            "W320",
            f"{layer.name}: a kernel of {kernel} and a stride of {stride}, for as many channels as the input has",
            help=f"the channels of the input are known: {layer.name}({kernel}, {stride}) makes {kernel} channels",
        )


def _channels_last(layer: Any, x: Tensor) -> Iterator[Fault]:
    """W321: an image [N, H, W, 3] right from the input."""
    _, *sizes = x.type.shape
    first, second, last = sizes
    if x.made_by == "input" and first == second and isinstance(first, int) and first >= LEAST_SIDE and last in (1, 3):
        yield Fault(
            "W321",
            f"{layer.name} takes {x.type} for {first} channels of {second}x{last} pixels",
            help="channels come first: transpose(0, 3, 1, 2)",
        )


def _along_the_width(layer: Any, x: Tensor) -> Iterator[Fault]:
    """W322: a layer that works along the width of what a convolution gives."""
    if layer.axis != -1 or x.type.rank < 3 or not x.made_by.startswith(CHANNELS_FIRST):
        return
    if layer.name == "prelu" and not layer.per_channel:
        return
    yield Fault(
        "W322",
        f"{layer.name} works along axis {x.type.rank - 1} of {x.type}, and the channels of {x.made_by} are on axis 1",
        help=f"axis = 1 is the axis of the channels; axis = {x.type.rank - 1} says that the last is meant",
    )
