"""Numbers as small integers: x = scale (q - zero point)."""

from __future__ import annotations

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.typing.call import Call, typed
from nnspec.graph.typing.linear import product_shape
from nnspec.ir.types import TensorType


@typed("QuantizeLinear")
def quantize(call: Call) -> TensorType:
    """The integers have the dtype of the zero point, uint8 without one."""
    return tensor_type(call.type(2).dtype if call.has(2) else "uint8", call.type(0).shape)


@typed("DequantizeLinear")
def dequantize(call: Call) -> TensorType:
    """One scale, or one per index of an axis."""
    x, scale = call.type(0), call.type(1)
    if scale.rank and scale.shape != (x.shape[call.axis(1)],):
        raise ValueError("there is a scale per index of the axis")
    return tensor_type(scale.dtype, x.shape)


@typed("DynamicQuantizeLinear")
def quantize_dynamically(call: Call) -> tuple[TensorType, ...]:
    """Integers, scale and zero point by the extremes of the operand."""
    x = call.type(0)
    if x.dtype != "float32":
        raise ValueError("the operand is float32")
    return tensor_type("uint8", x.shape), tensor_type("float32", ()), tensor_type("uint8", ())


@typed("MatMulInteger")
def integer_product(call: Call) -> TensorType:
    """A product of 8-bit integers minus their zero points, summed in int32."""
    if any(type.dtype not in ("int8", "uint8") for type in call.types()):
        raise ValueError("the operands are int8 or uint8")
    return tensor_type("int32", product_shape(call.type(0).shape, call.type(1).shape))
