"""Normalizations, and dropout."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.types import TensorType


@typed("Dropout")
def dropout(call: Call) -> tuple[TensorType, ...]:
    """The result, and the mask of what was kept."""
    x = call.type(0)
    return (x, x.with_dtype("bool"))[: call.outputs]


@typed("LayerNormalization")
def layer_normalization(call: Call) -> tuple[TensorType, ...]:
    """The result, and mean and reciprocal deviation, which stay float32 whatever the input is."""
    same_dtype(call.types())
    x, axis = call.type(0), call.axis(-1)
    statistic = tensor_type("float32", (*x.shape[:axis], *(1 for _ in x.shape[axis:])))
    return (x, statistic, statistic)[: call.outputs]


@typed("RMSNormalization")
def rms_normalization(call: Call) -> TensorType:
    """x and a scale that has its last axes, from `axis` on."""
    same_dtype(call.types())
    x, axis = call.type(0), call.axis(-1)
    if call.type(1).shape != x.shape[axis:]:
        raise ValueError(f"the scale of {x} from axis {axis} on is {call.type(1)}")
    return x


@typed("BatchNormalization")
def batch_normalization(call: Call) -> tuple[TensorType, ...]:
    """The result and, in training, the new running mean and variance."""
    x = call.type(0)
    if x.rank < 2 or any(call.type(i).shape != (x.shape[1],) for i in range(1, 5)):
        raise ValueError(f"scale, offset, mean and variance have one value per channel of {x}")
    return (x, call.type(3), call.type(4)) if call.integer("training_mode", 0) else (x,)


@typed("InstanceNormalization")
def instance_normalization(call: Call) -> TensorType:
    x = call.type(0)
    if x.rank < 3 or any(call.type(i).shape != (x.shape[1],) for i in (1, 2)):
        raise ValueError(f"scale and offset have one value per channel of {x}")
    same_dtype(call.types())
    return x
