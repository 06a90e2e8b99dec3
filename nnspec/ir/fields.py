"""Typed options: what pydantic does for the IR, for the components that `check` needs.

Importing pydantic's BaseModel takes longer than `check` may take in whole, so components have this small base: options are annotated
class attributes, values are checked strictly (nothing is coerced but a whole number to a float), nothing unknown passes, and instances
are frozen. `nnspec.ir.schema` makes the pydantic model, and with it the JSON Schema, of any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

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


PositiveInt = Annotated[int, Limits(gt=0)]
NonNegativeInt = Annotated[int, Limits(ge=0)]
PositiveFloat = Annotated[float, Limits(gt=0)]
NonNegativeFloat = Annotated[float, Limits(ge=0)]


class Factory(NamedTuple):
    """A default that is made anew for each instance."""

    make: Callable[[], Any]


def default(make: Callable[[], Any]) -> Any:
    """A default that another component is: `init: Initializer = default(GlorotUniform)`."""
    return Factory(make)


class Problem(NamedTuple):
    """One option that does not fit."""

    option: str
    """Empty where several options contradict each other."""
    kind: Literal["missing", "unknown", "wrong", "rule"]
    text: str = ""


class OptionError(ValueError):
    """Options that do not fit their component; all of them."""

    def __init__(self, owner: str, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(f"{owner}: " + "; ".join(f"{p.option} {p.kind} {p.text}".strip() for p in problems))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(default,))
class Options:
    """Base of everything with typed options. A rule between options is checked by `_check`, which raises ValueError."""

    names: ClassVar[tuple[str, ...]] = ()
    """The options in the order of positional arguments."""
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [
            name for name, text in cls.__dict__.get("__annotations__", {}).items() if not str(text).startswith("ClassVar")
        ]
        cls.names = tuple(dict.fromkeys((*cls.names, *own)))
        cls.defaults = {**cls.defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}

    def __init__(self, **given: Any) -> None:
        types = annotations(type(self))
        problems = [Problem(name, "unknown") for name in given if name not in types]
        for name in self.names:
            value = given.get(name, self.defaults.get(name, MISSING))
            if isinstance(value, Factory):
                value = value.make()
            if value is MISSING:
                problems.append(Problem(name, "missing"))
                continue
            accepted = accept(types[name], value) if name in given else value
            if accepted is MISSING:
                problems.append(Problem(name, "wrong"))
            self.__dict__[name] = accepted
        if problems:
            raise OptionError(type(self).__name__, problems)
        try:
            self._check()
        except ValueError as error:
            raise OptionError(type(self).__name__, [Problem("", "rule", str(error))]) from error

    def _check(self) -> None:
        """Raise ValueError where options contradict each other."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.names)})"


_ANNOTATIONS: dict[type, dict[str, Any]] = {}


def annotations(cls: type[Options]) -> dict[str, Any]:
    """The types of the options, evaluated at the first use of a class."""
    if cls not in _ANNOTATIONS:
        hints = get_type_hints(cls, include_extras=True)
        _ANNOTATIONS[cls] = {name: hints[name] for name in cls.names}
    return _ANNOTATIONS[cls]


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
