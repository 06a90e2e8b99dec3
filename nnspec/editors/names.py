"""Where names stand: what binds them, what uses them. Layers are one name space, values and parameters another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from nnspec.diagnostics.span import Span
from nnspec.editors.document import Document
from nnspec.language import syntax

Space = Literal["value", "layer"]


@dataclass(frozen=True, slots=True)
class Mention:
    """One place of a name."""

    name: str
    span: Span
    space: Space
    binds: bool = False
    scope: int = -1
    """The definition in which it stands, by its number; -1 for the whole file."""


def mentions(file: syntax.File) -> Iterator[Mention]:
    """Every place of every name."""
    model = next((at for at, d in enumerate(file.definitions) if d.keyword == "model"), -1)
    for use in file.uses:
        for name in use.names:
            yield Mention(name.name, name.span, "layer", True)
    for at, definition in enumerate(file.definitions):
        if definition.keyword == "block":
            yield Mention(definition.name.name, definition.name.span, "layer", True)
        for parameter in definition.parameters:
            yield Mention(parameter.name.name, parameter.name.span, "value", True, at)
            yield from _expression(parameter.default, at)
        yield from _body(definition.body, at)
    for section in file.sections:
        for entry in section.entries:
            match entry:
                case syntax.Setting(key=key, value=value):
                    if section.keyword == "data":
                        yield Mention(key.name, key.span, "value", False, model)
                    yield from _expression(value, model)
                case syntax.Target(name=name, type=type):
                    yield Mention(name.name, name.span, "value", True, model)
                    yield from _type(type, model)
                case syntax.Signature(name=name, type=type):
                    yield Mention(name.name, name.span, "value", False, model)
                    yield from _type(type, model)
                case syntax.Comparison(right=right):
                    yield from _expression(right, model)


def _body(body: list[syntax.Statement], at: int) -> Iterator[Mention]:
    for statement in body:
        match statement:
            case syntax.Input(name=name, type=type):
                yield Mention(name.name, name.span, "value", True, at)
                yield from _type(type, at)
            case syntax.Output(name=name, value=value):
                if name:
                    yield Mention(name.name, name.span, "value", True, at)
                yield from _expression(value, at, first=True)
            case syntax.LayerInstance(name=name, value=value):
                yield Mention(name.name, name.span, "layer", True, at)
                yield from _layer(value, at)
            case syntax.Let(name=name, value=value):
                yield Mention(name.name, name.span, "value", True, at)
                yield from _expression(value, at)
            case syntax.Assign(names=names, value=value):
                for name in names:
                    yield Mention(name.name, name.span, "value", True, at)
                yield from _expression(value, at, first=True)
            case syntax.Apply(value=value):
                yield from _expression(value, at, first=True)
            case syntax.If(branches=branches, orelse=orelse):
                for condition, inner in branches:
                    yield from _expression(condition, at)
                    yield from _body(inner, at)
                yield from _body(orelse, at)
            case syntax.Repeat(name=named, count=count, variable=variable, option=option, body=inner):
                for name in filter(None, (named, variable)):
                    yield Mention(name.name, name.span, "value", True, at)
                yield from _expression(count, at)
                yield from _expression(option.value, at) if option else ()
                yield from _body(inner, at)
            case syntax.For(variables=variables, values=values, body=inner):
                for name in variables:
                    yield Mention(name.name, name.span, "value", True, at)
                yield from _expression(values, at)
                yield from _body(inner, at)


def _type(type: syntax.TypeExpr | None, at: int) -> Iterator[Mention]:
    for dim in (type.dims or []) if type else []:
        yield from _expression(dim, at)


def _layer(stage: syntax.Expr, at: int) -> Iterator[Mention]:
    name = stage.name if isinstance(stage, syntax.Call) else stage
    if isinstance(name, syntax.Name):
        yield Mention(name.name, name.span, "layer", False, at)
    if isinstance(stage, syntax.Call):
        for argument in stage.arguments:
            yield from _expression(argument.value, at)


def _expression(expr: Any, at: int, *, first: bool = False) -> Iterator[Mention]:
    """Names in an expression; `first` where a bare name may be a layer, which only the names of the file decide."""
    match expr:
        case syntax.Name(name=name, span=span):
            yield Mention(name, span, "value", False, at)
            if first:
                yield Mention(name, span, "layer", False, at)
        case syntax.Attribute(base=base):
            yield Mention(base.name, base.span, "layer", False, at)
        case syntax.Call():
            yield from _layer(expr, at)
        case syntax.Pipeline(head=head, stages=stages):
            yield from _expression(head, at, first=True)
            for stage in stages:
                yield from _layer(stage, at)
        case syntax.Binary(left=left, right=right):
            yield from _expression(left, at)
            yield from _expression(right, at)
        case syntax.Unary(operand=operand):
            yield from _expression(operand, at)
        case syntax.ListExpr(items=items) | syntax.TupleExpr(items=items):
            for item in items:
                yield from _expression(item, at)


def places_of(document: Document, line: int, column: int) -> list[Mention]:
    """Every place of the name at a place, the ones that bind it first; empty where no name of the file stands."""
    known = list(mentions(document.file))
    here = [m for m in known if m.span.line == line and m.span.column <= column <= m.span.end_column]
    bound = {(m.name, m.space, m.scope) for m in known if m.binds}
    for own in here:
        for scope in (own.scope, -1):
            if (own.name, own.space, scope) in bound:
                found = [m for m in known if (m.name, m.space) == (own.name, own.space) and scope in (-1, m.scope)]
                return sorted(found, key=lambda m: (not m.binds, m.span))
    return []
