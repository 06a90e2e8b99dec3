"""Arithmetic in which at least one operand is a value of the model."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from sys import float_info
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import arithmetic
from nnspec.ir.application import OPERATORS, Application
from nnspec.ir.options import Bound
from nnspec.ir.records import POISON, Environment, Poison, Record, Tensor
from nnspec.ir.types import DType
from nnspec.ir.wording import counted
from nnspec.language import syntax

WHOLE_RANGE: dict[str, tuple[int, int]] = {
    "uint8": (0, 2**8 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
GREATEST: dict[str, float] = {
    "float16": 65504.0,
    "bfloat16": 3.3895313892515355e38,
    "float32": 3.4028234663852886e38,
    "float64": float_info.max,
}
COMPARES = ("==", "!=")


class Mixed:
    """Arithmetic operators as nodes."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def apply(self, env: Environment, bound: Bound, inputs: Sequence[Tensor], span: Span) -> Any:
        """The single result of an operator or loss."""
        return one(Application(self.record, env, bound, span).to(inputs))

    def negative(self, env: Environment, value: Tensor, span: Span) -> Any:
        return self._operator(env, "negate", (value,), span)

    def binary(self, env: Environment, expr: syntax.Binary, left: Any, right: Any) -> Any:
        """`left operator right`; comparing with `none` tells whether a value was given at all."""
        if expr.operator in COMPARES and (left is None or right is None):
            return expr.operator == "!="
        if expr.operator not in OPERATORS:
            raise Fault("E217", f"`{expr.operator}` is defined between whole numbers, not between values")
        like = left if isinstance(left, Tensor) else right
        operands = [
            operand if isinstance(operand, Tensor) else self._constant(env, operand, like, place.span)
            for operand, place in ((left, expr.left), (right, expr.right))
        ]
        if POISON in operands:
            return POISON
        return self._operator(env, OPERATORS[expr.operator], operands, expr.operator_span)

    def _operator(self, env: Environment, name: str, operands: Sequence[Tensor], span: Span) -> Any:
        component = self.record.registries["operator"][name]()
        return self.apply(env, Bound(component, {}, {}), operands, span)

    def _constant(self, env: Environment, value: Any, like: Tensor, span: Span) -> Any:
        """A number beside a value takes the value's dtype, if it fits."""
        dtype = like.type.dtype
        content = _as(dtype, value)
        if content is None:
            fault = Fault(
                "E217",
                f"{arithmetic.describe(value)} does not fit beside {like.type}",
                help="rescale([…], offset = […]) takes a number for each channel" if isinstance(value, tuple) else "",
            )
            if dtype in WHOLE_RANGE and arithmetic.is_number(value):
                fault.help = 'x -> cast("float32") turns the value into numbers with fractions'
            return self.record.report(fault, span)
        component = self.record.registries["operator"]["constant"](value=content, dtype=dtype)
        return self.apply(env, Bound(component, {}, {}), (), span)


def _as(dtype: DType, value: Any) -> bool | int | float | None:
    """A number or boolean as `dtype` holds it; None where it does not fit."""
    if dtype == "bool":
        return value if isinstance(value, bool) else None
    if not isinstance(value, (int, float, Fraction)) or isinstance(value, bool):
        return None
    if dtype in GREATEST:
        return float(value) if abs(float(value)) <= GREATEST[dtype] else None
    low, high = WHOLE_RANGE.get(dtype, (0, -1))
    whole = int(value)
    return whole if value == whole and low <= whole <= high else None


def one(results: Sequence[Tensor] | Poison) -> Any:
    """The single value among results. Raises E213 for several."""
    if isinstance(results, Poison):
        return POISON
    if len(results) != 1:
        raise Fault(
            "E213", f"this makes {counted(len(results), 'value')}, and one is needed here", help="a, b = … names them"
        )
    return results[0]
