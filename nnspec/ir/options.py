"""Arguments of a call to the options of a component: which is which, and messages in the words of a spec."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.arithmetic import describe
from nnspec.ir.components import Component
from nnspec.ir.fields import OptionError, Problem, option_types
from nnspec.ir.records import POISON, ParameterReference, Poison, Tensor
from nnspec.ir.wording import counted, nearest, suggestion
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
    return _Binder(cls, span, evaluate, report).bind(arguments)


class _Binder:
    """Binds the arguments of one call. After the first finding, the others are looked for all the same."""

    def __init__(self, cls: type[Component], span: Span, evaluate: Evaluate, report: Report) -> None:
        self._cls, self._span = cls, span
        self._evaluate, self._report = evaluate, report
        self._sound = True
        self._options: dict[str, Any] = {}
        self._spans: dict[str, Span] = {}
        self._tensors: dict[str, Tensor] = {}
        self._ties: dict[str, tuple[ParameterReference, Span]] = {}

    def bind(self, arguments: Sequence[syntax.Argument]) -> Bound | Poison:
        for given in self._matched(arguments):
            self._take(given)
        if not self._sound:
            return POISON
        try:
            return Bound(self._cls(**self._options), self._tensors, self._ties)
        except OptionError as error:
            for problem in error.problems:
                self._explain(problem)
            return POISON

    def _fail(self, fault: Fault, span: Span) -> None:
        self._report(fault, span)
        self._sound = False

    # Which argument is which option

    def _matched(self, arguments: Sequence[syntax.Argument]) -> Iterator[Given]:
        """Positional arguments by their place, then named ones."""
        positional = [argument for argument in arguments if argument.name is None]
        found = self._listed(positional) if self._cls.variadic else self._placed(positional)
        for argument in arguments:
            if argument.name is None:
                continue
            name = argument.name.name
            if name in found:
                self._fail(Fault("E202", f"{self._cls.name}: {name} is given twice"), argument.name.span)
            elif name in self._cls.option_names or self._may_tie(argument.value, name):
                found[name] = Given(name, argument.value, argument.span)
            else:
                self._fail(self._unknown(name), argument.span)
        yield from found.values()

    def _may_tie(self, value: syntax.Expr, name: str) -> bool:
        """Whether an argument that is no option may be a parameter to tie: `weight = emb.weight`, or a name of it."""
        if isinstance(value, syntax.Name):
            return not nearest(name, self._cls.option_names)
        return isinstance(value, syntax.Attribute)

    def _placed(self, arguments: Sequence[syntax.Argument]) -> dict[str, Given]:
        names = self._cls.option_names
        for argument in arguments[len(names) :]:
            takes = (
                f"takes at most {counted(len(names), 'option')}: {', '.join(names)}" if names else "takes no options"
            )
            self._fail(Fault("E202", f"{self._cls.name} {takes}", help=self._arrow(argument.value)), argument.span)
        return {name: Given(name, a.value, a.span) for name, a in zip(names, arguments, strict=False)}

    def _listed(self, arguments: Sequence[syntax.Argument]) -> dict[str, Given]:
        """All positional arguments as the one list that the component takes."""
        name = self._cls.variadic
        if not arguments or name is None:
            return {}
        items = [argument.value for argument in arguments]
        alone = items[0] if len(items) == 1 and isinstance(items[0], syntax.ListExpr) else items
        return {name: Given(name, alone, arguments[0].span.to(arguments[-1].span))}

    def _arrow(self, value: syntax.Expr) -> str:
        """Calling a layer with its input is a habit from Python."""
        written = value.name if isinstance(value, syntax.Name) else "x"
        return f"its input stands before the arrow: {written} -> {self._cls.name}" if self._cls.kind == "layer" else ""

    def _unknown(self, name: str) -> Fault:
        what = "setting" if self._cls.kind == "section" else "option"
        known = self._cls.option_names
        help = suggestion(name, known, f"its {what}s are") if known else ""
        return Fault("E202", f"{self._cls.name} has no {what} {name}", help=help)

    # Values

    def _take(self, given: Given) -> None:
        value = self._value(given)
        self._spans[given.name] = given.span
        if value is POISON:
            self._sound = False
        elif given.name not in self._cls.option_names:
            if isinstance(value, ParameterReference):
                self._ties[given.name] = (value, given.span)
            else:
                self._fail(self._unknown(given.name), given.span)
        elif isinstance(value, Tensor):
            self._tensors[given.name] = value
            self._options[given.name] = value.type
        else:
            self._options[given.name] = plain(value)

    def _value(self, given: Given) -> Any:
        wanted = expected(self._cls, given.name)
        if isinstance(given.value, list):
            items = tuple(self._evaluate(item, wanted) for item in given.value)
            return POISON if POISON in items else items
        return self._evaluate(given.value, wanted)

    # What does not fit

    def _explain(self, problem: Problem) -> None:
        """Report a finding at its argument."""
        option, kind, text = problem
        name = self._cls.name
        if kind == "missing":
            fix = f"{option} = …" if self._cls.kind == "section" else f"{name}({option} = …)"
            fault = Fault("E206", f"{name} needs {option}, {text}", help=fix)
        elif kind == "rule":
            fault = Fault("E205", f"{name}: {text}")
        elif option in self._tensors:
            fault = Fault("E212", f"{name}: {option} is {text}, got the value {self._tensors[option]}")
        else:
            value = self._options[option]
            close = nearest(value, expected(self._cls, option).words, 0.5) if isinstance(value, str) else ""
            help = f'did you mean "{close}"?' if close else ""
            fault = Fault("E205", f"{name}: {option} is {text}, got {describe(value)}", help=help)
        self._report(fault, self._spans.get(option, self._span))


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


def _flatten(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flatten(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple):
        return tuple(part for argument in get_args(annotation) for part in _flatten(argument))
    return (annotation,)
