"""Pools over windows. The windows that reach over the edge are said by `pads`, never by `ceil_mode`: ONNX's own shape
inference counts windows in it that ONNX Runtime, like PyTorch, leaves out.
"""

from __future__ import annotations

from nnspec.graph.typing.call import Call, typed
from nnspec.ir.dims import Dim, Shape
from nnspec.ir.types import FLOATS, TensorType


@typed("MaxPool", "AveragePool")
def pool(call: Call) -> TensorType:
    """[N, C, *] -> [N, C, *], of each window one number."""
    x = call.type(0)
    if x.dtype not in FLOATS:
        raise ValueError(f"needs a float dtype, not {x}")
    return x.with_shape(*x.shape[:2], *window_counts(call, x.shape[2:], call.integers("kernel_shape")))


def window_counts(call: Call, sizes: Shape, kernel: tuple[int, ...]) -> Shape:
    """How many windows there are along each axis, by ONNX's attributes `strides`, `pads`, `dilations`, `auto_pad`."""
    if call.integer("ceil_mode", 0):
        raise ValueError("ceil_mode is said by pads")
    axes = len(kernel)
    if axes != len(sizes):
        raise ValueError(f"a kernel of {axes} axes for {len(sizes)}")
    strides, dilations = call.integers("strides") or (1,) * axes, call.integers("dilations") or (1,) * axes
    if call.attributes.get("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        return tuple((size + (stride - 1)) // stride for size, stride in zip(sizes, strides, strict=True))
    pads = call.integers("pads") or (0,) * (2 * axes)
    counts: list[Dim] = []
    for at, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        free = size + (pads[at] + pads[axes + at] - (kernel[at] - 1) * dilations[at] - 1)
        if isinstance(free, int) and free < 0:
            raise ValueError(f"a kernel of {kernel[at]} does not fit axis {at + 2}")
        counts.append(free // stride + 1)
    return tuple(counts)
