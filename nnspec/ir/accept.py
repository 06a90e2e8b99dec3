"""Types of options: what fits an annotation, and how a message says it.

Strict: no text becomes a number and no number true; only a whole number may stand for a float.
"""

from __future__ import annotations

import re
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from nnspec.ir.dims import Size
from nnspec.ir.types import TensorType

MISSING: Any = object()


class Limits(NamedTuple):
    """Bounds on a number, or on the length of a list or string; the meaning of the names is annotated-types'."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    min_length: int = 0

    def allow(self, value: Any) -> bool:
        if isinstance(value, (str, tuple)):
            return len(value) >= self.min_length
        return not (
            (self.gt is not None and not value > self.gt)
            or (self.ge is not None and not value >= self.ge)
            or (self.lt is not None and not value < self.lt)
            or (self.le is not None and not value <= self.le)
        )


NO_LIMITS: Final = Limits()

PositiveInt = Annotated[int, Limits(gt=0)]
NonNegativeInt = Annotated[int, Limits(ge=0)]
PositiveFloat = Annotated[float, Limits(gt=0)]
NonNegativeFloat = Annotated[float, Limits(ge=0)]


def accept(annotation: Any, value: Any) -> Any:
    """`value` as the annotated type, or MISSING where it does not fit."""
    origin = get_origin(annotation)
    if origin is None:
        return _plain(annotation, value)
    arguments = get_args(annotation)
    if origin is Annotated:
        accepted = accept(arguments[0], value)
        fits = accepted is not MISSING and all(limit.allow(accepted) for limit in arguments[1:])
        return accepted if fits else MISSING
    if origin in (Union, UnionType):
        return next((a for a in (accept(part, value) for part in arguments) if a is not MISSING), MISSING)
    if origin is Literal:
        return next((word for word in arguments if word == value and type(word) is type(value)), MISSING)
    if origin is tuple:
        return _items(arguments, value)
    raise TypeError(f"options of type {annotation} are not supported")


def _plain(annotation: Any, value: Any) -> Any:
    if annotation is Any:
        return value
    if annotation is None or annotation is NoneType:
        return None if value is None else MISSING
    if annotation is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
        return float(value) if number else MISSING
    if annotation is int:
        return value if isinstance(value, int) and not isinstance(value, bool) else MISSING
    return value if isinstance(value, annotation) else MISSING


def _items(arguments: tuple[Any, ...], value: Any) -> Any:
    """A list: of any length, or with a type for each entry."""
    if not isinstance(value, tuple):
        return MISSING
    types = arguments[:1] * len(value) if arguments[-1:] == (Ellipsis,) else arguments
    if len(types) != len(value):
        return MISSING
    accepted = tuple(accept(part, item) for part, item in zip(types, value, strict=True))
    return MISSING if MISSING in accepted else accepted


def want(annotation: Any, limits: Limits = NO_LIMITS) -> str:
    """What fits an annotation, in the words of a message."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return want(arguments[0], arguments[1])
    if origin in (Union, UnionType):
        texts = [want(part, limits) for part in arguments if part is not type(None)]
        return _either(list(dict.fromkeys(texts + (["none"] if type(None) in arguments else []))))
    if origin is Literal:
        return "one of " + ", ".join(f'"{word}"' if isinstance(word, str) else str(word) for word in arguments)
    if origin is tuple:
        count = "" if arguments[-1:] == (Ellipsis,) else f"{len(arguments)} "
        return f"a list of {count}{_plural(want(arguments[0]))}" + _bounds(limits)
    if annotation in NAMES:
        return NAMES[annotation] + _bounds(limits)
    kind = getattr(annotation, "kind", None)
    if kind == "weights":
        return "weights"
    return f"{'an' if kind and kind[0] in 'aeiou' else 'a'} {kind}" if kind else "something else"


def _either(texts: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def but_for_none(annotation: Any) -> Any:
    """What fits an annotation besides `none`."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    rest = tuple(part for part in get_args(annotation) if part is not NoneType)
    return Union[rest]  # noqa: UP007  the number of its parts is not known


NAMES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "true or false",
    Size: "a size",
    TensorType: "a value",
}


def _plural(words: str) -> str:
    """`a whole number above 0` to `whole numbers above 0`."""
    return " or ".join(map(_plural_of_one, words.split(" or ")))


def _plural_of_one(words: str) -> str:
    if not words.startswith(("a ", "an ")):
        return words  # a plural already, or a word for a value
    noun, *rest = re.split(r"(?= above| of | below)", words.removeprefix("a ").removeprefix("an "), maxsplit=1)
    return "".join([f"{noun}s", *rest])


def _bounds(limits: Limits) -> str:
    """`above 0 and below 1`, `of at least 1`."""
    if limits.ge is not None and limits.le is not None:
        return f" from {limits.ge:g} to {limits.le:g}"
    low = f"above {limits.gt}" if limits.gt is not None else f"of at least {limits.ge}" if limits.ge is not None else ""
    high = f"below {limits.lt}" if limits.lt is not None else f"of at most {limits.le}" if limits.le is not None else ""
    if limits.min_length:
        low = f"of {limits.min_length} or more entries"
    return f" {' and '.join(filter(None, (low, high)))}" if low or high else ""
