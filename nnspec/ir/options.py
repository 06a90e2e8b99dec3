"""Arguments of a call to the options of a component: which is which, and messages in the words of a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from nnspec.diagnostics.errors import Edit, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.accept import MISSING, accept, want
from nnspec.ir.advice import (
    Registries,
    arrow,
    fitting_form,
    foreign_option,
    misnamed,
    other_form,
    size_first,
    unknown_option,
)
from nnspec.ir.arithmetic import describe
from nnspec.ir.components import Component
from nnspec.ir.expected import Expected, expected
from nnspec.ir.fields import OptionError, Problem, option_types
from nnspec.ir.records import POISON, ParameterReference, Poison, Tensor
from nnspec.ir.wording import counted, nearest
from nnspec.language import syntax

Evaluate = Callable[[syntax.Expr, Expected], Any]
Report = Callable[[Fault, Span], Poison]


Given = Tensor | tuple[Tensor, ...]
"""What is given as an option: a value of the model, or a list of them."""


@dataclass(slots=True)
class Bound:
    """A component with its options, the values among them, and the parameters that it ties."""

    component: Any
    tensors: dict[str, Given]
    ties: dict[str, tuple[ParameterReference, Span]]


@dataclass(frozen=True, slots=True)
class Matched:
    """One argument after it found its option."""

    name: str
    value: syntax.Expr | list[syntax.Expr]
    span: Span


def bind(
    cls: type[Component],
    arguments: Sequence[syntax.Argument],
    span: Span,
    evaluate: Evaluate,
    report: Report,
    registries: Registries,
) -> Bound | Poison:
    """The component that `arguments` describe, or poison after every finding is reported."""
    return _Binder(cls, span, evaluate, report, registries).bind(arguments)


class _Binder:
    """Binds the arguments of one call. After the first finding, the others are looked for all the same."""

    def __init__(
        self, cls: type[Component], span: Span, evaluate: Evaluate, report: Report, registries: Registries
    ) -> None:
        self._cls, self._span = cls, span
        self._evaluate, self._report, self._registries = evaluate, report, registries
        self._sound = True
        self._known: dict[int, Any] = {}
        self._options: dict[str, Any] = {}
        self._spans: dict[str, Span] = {}
        self._written: dict[str, Span] = {}
        """Where the values stand that are written as they are."""
        self._tensors: dict[str, Given] = {}
        self._ties: dict[str, tuple[ParameterReference, Span]] = {}

    def bind(self, arguments: Sequence[syntax.Argument]) -> Bound | Poison:
        for given in self._matched(self._without_inputs(arguments)):
            self._take(given)
        try:
            component = self._cls(**self._options)
        except OptionError as error:
            for problem in error.problems:
                if self._sound or problem.kind == "wrong":  # what is missing may be what was reported
                    self._explain(problem)
            return POISON
        return Bound(component, self._tensors, self._ties) if self._sound else POISON

    def _fail(self, fault: Fault, span: Span) -> None:
        self._report(fault, span)
        self._sound = False

    # Inputs, and sizes of inputs, which other frameworks give first

    def _without_inputs(self, arguments: Sequence[syntax.Argument]) -> Sequence[syntax.Argument]:
        """The arguments but for those that are no options of a layer here; they are reported."""
        cls = self._cls
        positional = [argument for argument in arguments if argument.name is None]
        if cls.kind == "optimizer" and positional and _is_parameters(positional[0].value):
            help = 'it trains all of the model; freeze = ["stem.*"] names what stays as it is'
            self._fail(Fault("E202", f"{cls.name} is given no parameters", help=help), positional[0].span)
            return [argument for argument in arguments if argument is not positional[0]]
        if cls.kind != "layer" or not positional or not cls.option_names:
            return arguments
        first = cls.variadic or cls.option_names[0]
        wanted = expected(cls, first)
        inputs = [] if wanted.value else self._leading_values(positional, wanted)
        if inputs:
            rest = [argument for argument in arguments if argument not in inputs]
            value = self._known[id(inputs[0].value)]
            found = f"the value {value}" if isinstance(value, Tensor) else "a list of values"
            message = f"{cls.name}: {first} is {want(option_types(cls)[first])}, got {found}"
            help = f"its input stands before the arrow: {arrow(cls.name, inputs, rest)}"
            self._fail(Fault("E212", message, help), inputs[0].span)
            return [argument for argument in rest if argument.name]
        if len(positional) > 1 and not cls.variadic and len(cls.option_names) > 1:
            second = cls.option_names[1]
            value = self._once(positional[1].value, expected(cls, second))
            if help := size_first(cls, arguments, value):
                message = f"{cls.name}: {second} is {want(option_types(cls)[second])}, got {describe(value)}"
                self._fail(Fault("E205", message, help), positional[1].span)
                return [argument for argument in arguments if argument not in positional[1:]]
        return arguments

    def _leading_values(self, positional: list[syntax.Argument], wanted: Expected) -> list[syntax.Argument]:
        """The arguments at the front that are values of the model, or a list of them."""
        found = []
        for argument in positional:
            value = self._once(argument.value, wanted)
            if not isinstance(value[0] if isinstance(value, tuple) and value else value, Tensor):
                break
            found.append(argument)
        return found

    # Which argument is which option

    def _matched(self, arguments: Sequence[syntax.Argument]) -> Iterator[Matched]:
        """Positional arguments by their place, then named ones."""
        positional = [argument for argument in arguments if argument.name is None]
        found = self._listed(positional) if self._cls.variadic else self._placed(positional)
        for argument in arguments:
            if argument.name is None:
                continue
            name = argument.name.name
            if name in found:
                self._fail(Fault("E202", f"{self._cls.name}: {name} is given twice"), argument.name.span)
            elif name not in self._cls.option_names and (
                fault := misnamed(self._cls, argument, arguments, self._registries)
            ):
                self._offer_our_name(fault, argument, [*found, *(a.name.name for a in arguments if a.name)])
                self._fail(fault, argument.span)
            elif name in self._cls.option_names or self._may_tie(argument.value, name):
                found[name] = Matched(name, argument.value, argument.span)
            else:
                self._fail(unknown_option(self._cls, name), argument.span)
        yield from found.values()

    def _offer_our_name(self, fault: Fault, argument: syntax.Argument, given: Sequence[str]) -> None:
        """Mend another framework's name of an option, where what it is set to fits ours."""
        if not argument.name or not isinstance(argument.value, syntax.Literal):
            return
        own = foreign_option(self._cls, argument.name.name)
        if own and own not in given and accept(option_types(self._cls)[own], argument.value.value) is not MISSING:
            fault.edits = (Edit(argument.name.span, own),)

    def _may_tie(self, value: syntax.Expr, name: str) -> bool:
        """Whether an argument that is no option may be a parameter to tie: `weight = emb.weight`, or a name of it."""
        if isinstance(value, syntax.Name):
            return not nearest(name, self._cls.option_names)
        return isinstance(value, syntax.Attribute)

    def _placed(self, arguments: Sequence[syntax.Argument]) -> dict[str, Matched]:
        names = self._cls.option_names
        if extra := arguments[len(names) :]:
            takes = (
                f"takes at most {counted(len(names), 'option')}: {', '.join(names)}" if names else "takes no options"
            )
            layer = self._cls.kind == "layer"
            help = f"its input stands before the arrow: {arrow(self._cls.name, extra)}" if layer and not names else ""
            if self._cls.needs_none and isinstance(extra[0].value, syntax.Literal):
                help = self._cls.needs_none
            self._fail(Fault("E202", f"{self._cls.name} {takes}", help=help), extra[0].span)
        return {name: Matched(name, a.value, a.span) for name, a in zip(names, arguments, strict=False)}

    def _listed(self, arguments: Sequence[syntax.Argument]) -> dict[str, Matched]:
        """All positional arguments as the one list that the component takes."""
        name = self._cls.variadic
        if not arguments or name is None:
            return {}
        items = [argument.value for argument in arguments]
        alone = items[0] if len(items) == 1 and isinstance(items[0], syntax.ListExpr) else items
        return {name: Matched(name, alone, arguments[0].span.to(arguments[-1].span))}

    # Values

    def _take(self, given: Matched) -> None:
        value = self._value(given)
        self._spans[given.name] = given.span
        if isinstance(given.value, syntax.Literal):
            self._written[given.name] = given.value.span
        if value is POISON:
            self._sound = False
        elif given.name not in self._cls.option_names:
            if isinstance(value, ParameterReference):
                self._ties[given.name] = (value, given.span)
            else:
                self._fail(unknown_option(self._cls, given.name), given.span)
        elif isinstance(value, Tensor):
            self._tensors[given.name] = value
            self._options[given.name] = value.type
        elif isinstance(value, tuple) and value and all(isinstance(item, Tensor) for item in value):
            self._tensors[given.name] = value
            self._options[given.name] = tuple(item.type for item in value)
        else:
            self._options[given.name] = plain(value)

    def _value(self, given: Matched) -> Any:
        wanted = expected(self._cls, given.name)
        if isinstance(given.value, list):
            items = tuple(self._once(item, wanted) for item in given.value)
            return POISON if POISON in items else items
        return self._once(given.value, wanted)

    def _once(self, expr: syntax.Expr, wanted: Expected) -> Any:
        """The value of an argument, which is evaluated once however often it is looked at."""
        if id(expr) not in self._known:
            self._known[id(expr)] = self._evaluate(expr, wanted)
        return self._known[id(expr)]

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
            fault = Fault("E212", f"{name}: {option} is {text}, got {_said(self._tensors[option])}")
        else:
            value = self._options[option]
            help = other_form(self._cls, option, value, self._registries)
            fault = Fault("E205", f"{name}: {option} is {text}, got {describe(value)}", help=help)
            written = self._written.get(option)
            if written is not None and (form := fitting_form(self._cls, option, value, self._registries)):
                fault.edits = (Edit(written, form),)
        self._report(fault, self._spans.get(option, self._span))


def _is_parameters(expr: syntax.Expr) -> bool:
    """`model.parameters()`, `params`."""
    name = expr.name if isinstance(expr, syntax.Call) else expr
    return isinstance(name, syntax.Name) and name.name.rpartition(".")[2] in ("parameters", "params")


def _said(given: Given) -> str:
    if isinstance(given, Tensor):
        return f"the value {given}"
    return f"the values [{', '.join(map(str, given))}]" if len(given) > 1 else f"a list of the value {given[0]}"


def plain(value: Any) -> Any:
    """Exact fractions become floats at the border to options."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return float(value) if isinstance(value, Fraction) else value
