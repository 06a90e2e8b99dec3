"""Convolutions: how many windows fit, and what their adjoint makes of it."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.dims import Shape
from nnspec.ir.types import TensorType


@typed("Conv")
def conv(call: Call) -> TensorType:
    """Conv(x [N, C, *], weight [M, C / group, *kernel], bias [M]): floor((size + pads - extent) / stride) + 1."""
    x, weight = call.type(0), call.type(1)
    channels = weight.shape[1] * call.integer("group", 1)
    if x.shape[1] != channels:
        raise ValueError(f"the weight {weight} takes {channels} channels, not those of {x}")
    axes = [
        (size + (begin + end - extent)) // stride + 1
        for size, (extent, stride, begin, end) in zip(x.shape[2:], _windows(call), strict=True)
    ]
    return _result(call, (x.shape[0], weight.shape[0], *axes))


@typed("ConvTranspose")
def conv_transpose(call: Call) -> TensorType:
    """ConvTranspose(x [N, C, *], weight [C, M / group, *kernel], bias [M]): (size - 1) stride + extent - pads +
    output_padding.
    """
    x, weight = call.type(0), call.type(1)
    if x.shape[1] != weight.shape[0]:
        raise ValueError(f"the weight {weight} takes {weight.shape[0]} channels, not those of {x}")
    windows = _windows(call)
    more = call.integers("output_padding") or (0,) * len(windows)
    axes = [
        (size - 1) * stride + (extent - begin - end + extra)
        for size, (extent, stride, begin, end), extra in zip(x.shape[2:], windows, more, strict=True)
    ]
    return _result(call, (x.shape[0], weight.shape[1] * call.integer("group", 1), *axes))


def _windows(call: Call) -> list[tuple[int, int, int, int]]:
    """Extent, stride, padding before and behind, for each axis behind the channels."""
    if call.attributes.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in call.attributes:
        raise ValueError("give pads: what auto_pad and output_shape make of odd sizes differs between runtimes")
    kernel = call.value(1).static_shape[2:]
    axes = len(kernel)
    if call.type(0).rank != axes + 2 or not axes:
        raise ValueError(f"{call.type(0)} and the weight {call.type(1)} are of different ranks")
    strides = call.integers("strides") or (1,) * axes
    dilations = call.integers("dilations") or (1,) * axes
    pads = call.integers("pads") or (0,) * (2 * axes)
    extents = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    return list(zip(extents, strides, pads[:axes], pads[axes:], strict=True))


def _result(call: Call, shape: Shape) -> TensorType:
    if any(isinstance(size, int) and size < 1 for size in shape[2:]):
        raise ValueError(f"nothing is left of {call.type(0)}")
    if call.has(2) and call.type(2).shape != (shape[1],):
        raise ValueError(f"the offset {call.type(2)} has not one value for each of {shape[1]} channels")
    return tensor_type(same_dtype(call.types()), shape)
