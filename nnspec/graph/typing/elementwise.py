"""Operators that work element by element, with broadcasting."""

from __future__ import annotations

from functools import reduce

from nnspec.graph.dtypes import INTEGRAL, tensor_type
from nnspec.graph.typing.call import Call, same_dtype, typed
from nnspec.ir.dims import Shape
from nnspec.ir.types import FLOATS, TensorType, broadcast


@typed("Neg", "Abs", "Sign", "Identity")
def unary(call: Call) -> TensorType:
    return call.type(0)


@typed("Exp", "Log", "Sqrt", "Reciprocal", "Erf", "Sin", "Cos", "Floor", "Ceil", "Round")
@typed("Tanh", "Sigmoid", "Softplus", "Softsign", "Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "Selu", "Celu")
@typed("HardSigmoid", "HardSwish", "Mish", "Gelu")
def float_unary(call: Call) -> TensorType:
    return _require(call.type(0), FLOATS)


@typed("IsNaN", "IsInf")
def float_test(call: Call) -> TensorType:
    return _require(call.type(0), FLOATS).with_dtype("bool")


@typed("Not")
def negation(call: Call) -> TensorType:
    return _require(call.type(0), ("bool",))


@typed("BitwiseNot")
def bitwise_not(call: Call) -> TensorType:
    return _require(call.type(0), INTEGRAL)


@typed("Cast")
def cast(call: Call) -> TensorType:
    return tensor_type(str(call.attributes["to"]), call.type(0).shape)


@typed("Clip")
def clip(call: Call) -> TensorType:
    """Clip(x, low, high): the bounds are scalars, each may be missing."""
    same_dtype(call.types())
    if any(bound.rank for bound in call.types()[1:]):
        raise ValueError("the bounds are scalars")
    return call.type(0)


@typed("Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "Sum")
def arithmetic(call: Call) -> TensorType:
    return tensor_type(same_dtype(call.types()), _broadcast_all(call))


@typed("Pow")
def power(call: Call) -> TensorType:
    """The exponent may have another dtype; the result has the dtype of the base."""
    return tensor_type(call.type(0).dtype, _broadcast_all(call))


@typed("BitShift", "BitwiseXor", "BitwiseAnd", "BitwiseOr")
def bitwise(call: Call) -> TensorType:
    return _require(arithmetic(call), INTEGRAL)


@typed("And", "Or", "Xor")
def logical(call: Call) -> TensorType:
    return _require(arithmetic(call), ("bool",))


@typed("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
def comparison(call: Call) -> TensorType:
    return arithmetic(call).with_dtype("bool")


@typed("PRelu")
def prelu(call: Call) -> TensorType:
    """The slope is broadcast to x, and not the other way round."""
    same_dtype(call.types())
    if broadcast(call.type(0).shape, call.type(1).shape) != call.type(0).shape:
        raise ValueError("the slope does not broadcast to the input")
    return call.type(0)


@typed("Where")
def where(call: Call) -> TensorType:
    _require(call.type(0), ("bool",))
    return tensor_type(same_dtype(call.types()[1:]), _broadcast_all(call))


def _broadcast_all(call: Call) -> Shape:
    return reduce(broadcast, (type.shape for type in call.types()))


def _require(type: TensorType, dtypes: tuple[str, ...]) -> TensorType:
    if type.dtype not in dtypes:
        raise ValueError(f"needs {' or '.join(dtypes)}, got {type}")
    return type
