"""Arguments of a call to the options of a component: which is which, and messages in the words of a spec for what does not fit."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.arithmetic import describe
from nnspec.ir.components import Component
from nnspec.ir.dims import Size
from nnspec.ir.records import POISON, ParameterReference, Poison, Tensor
from nnspec.ir.types import TensorType
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
        elif argument.name not in cls.model_fields:
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
    except ValidationError as error:
        _explain(cls, error, options, tensors, spans, span, report)
        return POISON


def plain(value: Any) -> Any:
    """Exact fractions become floats at the border to options."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return float(value) if isinstance(value, Fraction) else value


@cache
def expected(cls: type[Component], name: str) -> Expected:
    """What option `name` of `cls` may be."""
    field = cls.model_fields.get(name)
    parts = _flatten(field.annotation) if field else ()
    kinds = tuple(dict.fromkeys(part.kind for part in parts if isinstance(part, type) and issubclass(part, Component)))
    words = tuple(
        word for part in parts if get_origin(part) is Literal for word in get_args(part) if isinstance(word, str)
    )
    return Expected(kinds, words)


def _match(cls: type[Component], arguments: Sequence[syntax.Argument], report: Report) -> list[Given] | Poison:
    """Positional and named arguments by option."""
    names = [name for name in cls.model_fields if name != cls.variadic]
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
    close = get_close_matches(name, cls.model_fields, n=1, cutoff=0.5)
    known = ", ".join(cls.model_fields)
    return Fault(
        "E202",
        f"{cls.name} has no option {name}",
        help=f"did you mean {close[0]}?" if close else f"its options are {known}" if known else "",
    )


def _explain(
    cls: type[Component],
    error: ValidationError,
    options: dict[str, Any],
    tensors: dict[str, Tensor],
    spans: dict[str, Span],
    span: Span,
    report: Report,
) -> None:
    """Report each option that pydantic refused once, at its argument."""
    seen: set[str] = set()
    for found in error.errors(include_url=False):
        name = str(found["loc"][0]) if found["loc"] else ""
        if name in seen:
            continue
        seen.add(name)
        if found["type"] == "missing":
            wanted = want(cls.model_fields[name])
            report(Fault("E206", f"{cls.name} needs {name}, {wanted}", help=f"{cls.name}({name} = …)"), span)
        elif found["type"] == "value_error":
            reason = str(found["ctx"]["error"])
            report(Fault("E205", f"{cls.name}: {reason}"), spans.get(name, span))
        elif name in tensors:
            report(
                Fault("E212", f"{cls.name}: {name} is {want(cls.model_fields[name])}, got the value {tensors[name]}"),
                spans[name],
            )
        else:
            report(_wrong_value(cls, name, options[name]), spans.get(name, span))


def _wrong_value(cls: type[Component], name: str, value: Any) -> Fault:
    words = expected(cls, name).words
    close = get_close_matches(value, words, n=1, cutoff=0.5) if isinstance(value, str) else []
    shown = f"{value.name}(…)" if isinstance(value, Component) else describe(value)
    return Fault(
        "E205",
        f"{cls.name}: {name} is {want(cls.model_fields[name])}, got {shown}",
        help=f'did you mean "{close[0]}"?' if close else "",
    )


def want(field: FieldInfo) -> str:
    """What an option takes, in words."""
    return _words(field.annotation, list(field.metadata))


def _words(annotation: Any, metadata: list[Any]) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _words(inner, [*more, *metadata])
    if origin in (Union, types.UnionType):
        texts = [_words(part, metadata) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(dict.fromkeys(texts + (["none"] if type(None) in get_args(annotation) else [])))
    if origin is Literal:
        return "one of " + ", ".join(
            f'"{word}"' if isinstance(word, str) else describe(word) for word in get_args(annotation)
        )
    if origin is tuple:
        return f"a list of {_words(get_args(annotation)[0], []).removeprefix('a ').removeprefix('an ')}s"
    names = {
        int: "a whole number",
        float: "a number",
        str: "a string",
        bool: "true or false",
        Size: "a size",
        TensorType: "a value",
    }
    if annotation in names:
        return names[annotation] + _bounds(metadata)
    kind = getattr(annotation, "kind", None)
    return f"{'an' if kind and kind[0] in 'aeiou' else 'a'} {kind}" if kind else "something else"


def _bounds(metadata: list[Any]) -> str:
    low = high = ""
    for constraint in metadata:
        match constraint:
            case Gt(gt=bound):
                low = f"above {bound}"
            case Ge(ge=bound):
                low = f"of at least {bound}"
            case Lt(lt=bound):
                high = f"below {bound}"
            case Le(le=bound):
                high = f"of at most {bound}"
            case Interval(gt=gt, ge=ge, lt=lt, le=le):
                low = f"above {gt}" if gt is not None else f"of at least {ge}" if ge is not None else low
                high = f"below {lt}" if lt is not None else f"of at most {le}" if le is not None else high
            case MinLen(min_length=least):
                low = f"of {least} or more entries"
    return f" {' and '.join(filter(None, (low, high)))}" if low or high else ""


def _flatten(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return tuple(part for argument in get_args(annotation) for part in _flatten(argument))
    return (annotation,)
