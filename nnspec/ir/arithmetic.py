"""Compile-time arithmetic over numbers, booleans, strings, lists and sizes: `/` is exact, `//` and `%` are whole."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, inf, isfinite
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Size, exact_quotient

MAX_BITS = 1_000
"""Greatest length of a whole number in bits: it still fits a float, and no product in a loop eats the memory."""

NUMBER = (int, float, Fraction)

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EXACT: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
WHOLE: dict[str, Callable[[Any, Any], Any]] = {"//": operator.floordiv, "%": operator.mod}


def is_number(value: object) -> bool:
    return isinstance(value, NUMBER) and not isinstance(value, bool)


def binary(symbol: str, left: Any, right: Any) -> Any:
    """`left symbol right` for two compile-time values. Raises E217."""
    if symbol in ("==", "!="):
        return _equal(left, right) == (symbol == "==")
    if isinstance(left, Size) or isinstance(right, Size):
        return _with_size(symbol, left, right)
    if symbol == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if symbol in ORDER and is_number(left) and is_number(right):
        return ORDER[symbol](left, right)
    if is_number(left) and is_number(right):
        return _numbers(symbol, left, right)
    raise Fault("E217", f"`{symbol}` is not defined between {describe(left)} and {describe(right)}")


def unary(symbol: str, value: Any) -> Any:
    """`-value` or `not value`. Raises E217."""
    if symbol == "-" and (is_number(value) or isinstance(value, Size)):
        return -value
    if symbol == "not" and isinstance(value, bool):
        return not value
    raise Fault("E217", f"`{symbol}` is not defined for {describe(value)}")


def truth(value: Any, what: str) -> bool:
    """`value` as a condition. Raises E212."""
    if isinstance(value, bool):
        return value
    raise Fault("E212", f"{what} needs true or false, got {describe(value)}")


def _equal(left: Any, right: Any) -> bool:
    if (left == right and type(left) is type(right)) or (is_number(left) and is_number(right)):
        return bool(left == right)
    if isinstance(left, Size) or isinstance(right, Size):
        raise Fault(
            "E212",
            f"whether {left} equals {right} is not known when the spec is compiled",
            help="declare the input with numbers in the place of symbolic sizes that decide something",
        )
    return False


def _with_size(symbol: str, left: Any, right: Any) -> Any:
    whole = all(isinstance(v, (int, Size)) and not isinstance(v, bool) for v in (left, right))
    if whole and symbol in EXACT:
        return EXACT[symbol](left, right)
    if whole and symbol == "//" and isinstance(left, Size):
        return left // right
    if whole and symbol == "/":
        return exact_quotient(left, right)
    size = left if isinstance(left, Size) else right
    raise Fault(
        "E212",
        f"`{symbol}` needs a number that is known when the spec is compiled, but {size} is a symbolic size",
        help="declare the input with a number in its place",
    )


def _numbers(symbol: str, left: Any, right: Any) -> Any:
    try:
        result = _exact(symbol, left, right)
    except ZeroDivisionError:
        raise Fault("E217", f"{describe(left)} {symbol} 0 is a division by zero") from None
    except OverflowError:
        result = inf
    if isinstance(result, Fraction) and result.denominator == 1:
        result = int(result)
    if _too_large(result):
        raise Fault("E217", f"{describe(left)} {symbol} {describe(right)} is too large a number")
    return result


def _too_large(number: Any) -> bool:
    if isinstance(number, float):
        return not isfinite(number)
    return bool(max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS)


def _exact(symbol: str, left: Any, right: Any) -> Any:
    if symbol in EXACT:
        return EXACT[symbol](left, right)
    if symbol == "/":
        return left / right if isinstance(left, float) or isinstance(right, float) else Fraction(left) / Fraction(right)
    if symbol in WHOLE:
        if not (isinstance(left, int) and isinstance(right, int)):
            raise Fault("E217", f"`{symbol}` needs whole numbers, got {describe(left)} and {describe(right)}")
        return WHOLE[symbol](left, right)
    raise Fault("E217", f"`{symbol}` is not defined between numbers")


def _extreme(name: str, pick: Callable[[Any], Any]) -> Callable[..., Any]:
    def extreme(*items: Any) -> Any:
        values = items[0] if len(items) == 1 and isinstance(items[0], tuple) else items
        if not values or not all(is_number(value) for value in values):
            raise Fault("E217", f"{name} takes numbers or one list of numbers")
        return pick(values)

    return extreme


def _rounding(name: str, rounded: Callable[[Any], int]) -> Callable[..., Any]:
    def rounding(*items: Any) -> int:
        if len(items) != 1 or not is_number(items[0]):
            raise Fault("E217", f"{name} takes one number")
        return rounded(items[0])

    return rounding


def _length(*items: Any) -> int:
    if len(items) != 1 or not isinstance(items[0], (tuple, str)):
        raise Fault("E217", "len takes one list or string")
    return len(items[0])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "floor": _rounding("floor", floor),
    "ceil": _rounding("ceil", ceil),
    "len": _length,
}


def entries(value: Any) -> int:
    """How many things a value holds: 1, and the entries of a list and of the lists in it."""
    return 1 + sum(map(entries, value)) if isinstance(value, tuple) else 1


def describe(value: Any) -> str:
    """A compile-time value as a reader would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case str():
            return f'"{value}"' if len(value) <= 64 else f'"{value[:64]}…"'
        case tuple():
            return f"[{', '.join(map(describe, value[:8]))}{', …' if len(value) > 8 else ''}]"
        case Fraction():
            return f"{describe(value.numerator)}/{describe(value.denominator)}"
        case int() if value.bit_length() > 128:
            return "a number of more than 38 digits"
        case Size():
            return f"the symbolic size {value}"
    return str(value)
