"""Arguments of a call to the options of a component: which is which, and messages in the words of a spec for what does not fit."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.arithmetic import describe
from nnspec.ir.components import Component
from nnspec.ir.fields import OptionError, option_types
from nnspec.ir.records import POISON, ParameterReference, Poison, Tensor
from nnspec.language import syntax

Evaluate = Callable[[syntax.Expr, "Expected"], Any]
Report = Callable[[Fault, Span], Poison]


@dataclass(frozen=True, slots=True)
class Expected:
    """What an option may be, so that its argument is read as that."""

    kinds: tuple[str, ...] = ()
    """Kinds of components that may stand there: `init = normal(0.02)`."""
    words: tuple[str, ...] = ()
    """The strings of a fixed set, for the hint that a bare word wants quotes."""


@dataclass(slots=True)
class Bound:
    """A component with its options, the values among them, and the parameters that it ties."""

    component: Any
    tensors: dict[str, Tensor]
    ties: dict[str, tuple[ParameterReference, Span]]


@dataclass(frozen=True, slots=True)
class Given:
    """One argument after it found its option."""

    name: str
    value: syntax.Expr | list[syntax.Expr]
    span: Span


def bind(
    cls: type[Component], arguments: Sequence[syntax.Argument], span: Span, evaluate: Evaluate, report: Report
) -> Bound | Poison:
    """The component that `arguments` describe, or poison after every finding is reported."""
    given = _match(cls, arguments, report)
    sound = given is not POISON
    tensors: dict[str, Tensor] = {}
    ties: dict[str, tuple[ParameterReference, Span]] = {}
    options: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    for argument in given if isinstance(given, list) else ():
        value = _value(cls, argument, evaluate)
        spans[argument.name] = argument.span
        if value is POISON:
            sound = False
        elif isinstance(value, ParameterReference):
            ties[argument.name] = (value, argument.span)
        elif argument.name not in cls.option_names:
            report(_unknown_option(cls, argument.name), argument.span)
            sound = False
        elif isinstance(value, Tensor):
            tensors[argument.name] = value
            options[argument.name] = value.type
        else:
            options[argument.name] = plain(value)
    if not sound:
        return POISON
    try:
        return Bound(cls(**options), tensors, ties)
    except OptionError as error:
        _explain(cls, error, options, tensors, spans, span, report)
        return POISON


def plain(value: Any) -> Any:
    """Exact fractions become floats at the border to options."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return float(value) if isinstance(value, Fraction) else value


_EXPECTED: dict[tuple[str, str, str], Expected] = {}


def expected(cls: type[Component], name: str) -> Expected:
    """What option `name` of `cls` may be."""
    key = (cls.kind, cls.name, name)
    if key not in _EXPECTED:
        parts = _flatten(option_types(cls)[name]) if name in cls.option_names else ()
        kinds = (part.kind for part in parts if isinstance(part, type) and issubclass(part, Component))
        words = (word for part in parts if get_origin(part) is Literal for word in get_args(part))
        _EXPECTED[key] = Expected(tuple(dict.fromkeys(kinds)), tuple(word for word in words if isinstance(word, str)))
    return _EXPECTED[key]


def _match(cls: type[Component], arguments: Sequence[syntax.Argument], report: Report) -> list[Given] | Poison:
    """Positional and named arguments by option."""
    names = [name for name in cls.option_names if name != cls.variadic]
    given: dict[str, Given] = {}
    rest: list[syntax.Argument] = []
    sound = True
    for position, argument in enumerate(a for a in arguments if a.name is None):
        if cls.variadic:
            rest.append(argument)
        elif position < len(names):
            given[names[position]] = Given(names[position], argument.value, argument.span)
        else:
            takes = f"takes at most {len(names)} options: {', '.join(names)}" if names else "takes no options"
            report(Fault("E202", f"{cls.name} {takes}"), argument.span)
            sound = False
    if rest and cls.variadic:
        items = [argument.value for argument in rest]
        alone = items[0] if len(items) == 1 and isinstance(items[0], syntax.ListExpr) else items
        given[cls.variadic] = Given(cls.variadic, alone, rest[0].span.to(rest[-1].span))
    for argument in arguments:
        if argument.name is None:
            continue
        if argument.name.name in given:
            report(Fault("E202", f"{cls.name}: {argument.name.name} is given twice"), argument.name.span)
            sound = False
        else:
            given[argument.name.name] = Given(argument.name.name, argument.value, argument.span)
    return list(given.values()) if sound else POISON


def _value(cls: type[Component], argument: Given, evaluate: Evaluate) -> Any:
    wanted = expected(cls, argument.name)
    if isinstance(argument.value, list):
        items = tuple(evaluate(item, wanted) for item in argument.value)
        return POISON if POISON in items else items
    return evaluate(argument.value, wanted)


def _unknown_option(cls: type[Component], name: str) -> Fault:
    close = get_close_matches(name, cls.option_names, n=1, cutoff=0.5)
    known = ", ".join(cls.option_names)
    return Fault(
        "E202",
        f"{cls.name} has no option {name}",
        help=f"did you mean {close[0]}?" if close else f"its options are {known}" if known else "",
    )


def _explain(
    cls: type[Component],
    error: OptionError,
    options: dict[str, Any],
    tensors: dict[str, Tensor],
    spans: dict[str, Span],
    span: Span,
    report: Report,
) -> None:
    """Report each option that does not fit at its argument."""
    for option, kind, text in error.problems:
        if kind == "missing":
            fault = Fault("E206", f"{cls.name} needs {option}, {text}", help=f"{cls.name}({option} = …)")
        elif kind == "rule":
            fault = Fault("E205", f"{cls.name}: {text}")
        elif option in tensors:
            fault = Fault("E212", f"{cls.name}: {option} is {text}, got the value {tensors[option]}")
        else:
            fault = _wrong_value(cls, option, text, options[option])
        report(fault, spans.get(option, span))


def _wrong_value(cls: type[Component], name: str, wanted: str, value: Any) -> Fault:
    words = expected(cls, name).words
    close = get_close_matches(value, words, n=1, cutoff=0.5) if isinstance(value, str) else []
    return Fault(
        "E205",
        f"{cls.name}: {name} is {wanted}, got {describe(value)}",
        help=f'did you mean "{close[0]}"?' if close else "",
    )


def _flatten(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return tuple(part for argument in get_args(annotation) for part in _flatten(argument))
    return (annotation,)
