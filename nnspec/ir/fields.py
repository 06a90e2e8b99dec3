"""Typed options: what pydantic does for the IR, for the components that `check` needs.

Importing pydantic's BaseModel takes nearly all of the time that `check` may take, before a class is made. So components
have this small base: options are annotated class attributes, values are checked strictly, nothing unknown passes, and
instances are frozen. `nnspec.ir.schema` makes the pydantic model, and with it the JSON Schema, of any of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, dataclass_transform, get_type_hints

from nnspec.ir.accept import (
    MISSING,
    Limits,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    accept,
    but_for_none,
    want,
)


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
    """What is wanted, or the rule that is broken."""

    @property
    def message(self) -> str:
        said = {"missing": f"{self.option} is missing, {self.text}", "unknown": f"there is no option {self.option}"}
        return said.get(self.kind) or (self.text if self.kind == "rule" else f"{self.option} is {self.text}")


class OptionError(ValueError):
    """Options that do not fit their component; all of them."""

    def __init__(self, owner: str, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(f"{owner}: " + "; ".join(problem.message for problem in problems))


class Rule(ValueError):
    """A rule that one option breaks, for `_check`; a plain ValueError is one between several options."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text)
        self.option = option


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(default,))
class Options:
    """Base of everything with typed options. A rule between options is checked by `_check`, which raises ValueError."""

    option_names: ClassVar[tuple[str, ...]] = ()
    """The options in the order of positional arguments."""
    option_defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [name for name, text in _stated(cls).items() if not str(text).startswith("ClassVar")]
        cls.option_names = tuple(dict.fromkeys((*cls.option_names, *own)))
        cls.option_defaults = {
            **cls.option_defaults,
            **{name: cls.__dict__[name] for name in own if name in cls.__dict__},
        }

    def __init__(self, **given: Any) -> None:
        types = option_types(type(self))
        problems = [Problem(name, "unknown") for name in given if name not in types]
        for name in self.option_names:
            value = given.get(name, self.option_defaults.get(name, MISSING))
            if isinstance(value, Factory):
                value = value.make()
            if value is MISSING:
                problems.append(Problem(name, "missing", want(types[name])))
                continue
            accepted = accept(types[name], value) if name in given else value
            if accepted is MISSING:
                default = self.option_defaults.get(name, MISSING)
                wanted = but_for_none(types[name]) if default is None else types[name]  # none is to leave it out
                problems.append(Problem(name, "wrong", want(wanted)))
            self.__dict__[name] = accepted
        if problems:
            raise OptionError(type(self).__name__, problems)
        try:
            self._check()
        except ValueError as error:
            option = error.option if isinstance(error, Rule) else ""
            raise OptionError(type(self).__name__, [Problem(option, "rule", str(error))]) from error

    def _check(self) -> None:
        """Raise ValueError where options contradict each other."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.option_names)})"


def _stated(cls: type) -> dict[str, Any]:
    """The annotations of one class as they are written. (`inspect.get_annotations` lives in a module of 5 ms.)"""
    found: dict[str, Any] = vars(cls).get("__annotations__", {})
    return found


_ANNOTATIONS: dict[type, dict[str, Any]] = {}


def option_types(cls: type[Options]) -> dict[str, Any]:
    """The types of the options, evaluated at the first use of a class; each in the module that states it."""
    if cls not in _ANNOTATIONS:
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            own = {name: text for name, text in _stated(base).items() if name in cls.option_names}
            scope = vars(sys.modules[base.__module__])
            found |= get_type_hints(type("Stated", (), {"__annotations__": own}), scope, include_extras=True)
        _ANNOTATIONS[cls] = {name: found[name] for name in cls.option_names}
    return _ANNOTATIONS[cls]


__all__ = [
    "Factory",
    "Limits",
    "NonNegativeFloat",
    "NonNegativeInt",
    "OptionError",
    "Options",
    "PositiveFloat",
    "PositiveInt",
    "Problem",
    "Rule",
    "default",
    "option_types",
]
