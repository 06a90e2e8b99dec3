"""Nodes for the statements of models and blocks."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.language import syntax
from nnspec.language.actions import Actions
from nnspec.language.build_expressions import stage

ACTIONS = Actions()


@ACTIONS.rule("input")
def input_line(span: Span, name: syntax.Name, type: syntax.TypeExpr | None = None) -> syntax.Input:
    return syntax.Input(name, type, span)


@ACTIONS.rule("named_output")
def named_output(span: Span, name: syntax.Name, value: syntax.Expr) -> syntax.Output:
    return syntax.Output(name, value, span)


@ACTIONS.rule("output")
def output(span: Span, value: syntax.Expr) -> syntax.Output:
    return syntax.Output(None, value, span)


@ACTIONS.rule("layer")
def layer(span: Span, name: syntax.Name, value: syntax.Name | syntax.Attribute | syntax.Call) -> syntax.LayerInstance:
    return syntax.LayerInstance(name, stage(value), span)


@ACTIONS.rule("let")
def let(span: Span, name: syntax.Name, value: syntax.Expr) -> syntax.Let:
    return syntax.Let(name, value, span)


@ACTIONS.rule("assign")
def assign(span: Span, names: list[syntax.Name], value: syntax.Expr) -> syntax.Assign:
    return syntax.Assign(names, value, span)


@ACTIONS.rule("apply")
def apply(span: Span, value: syntax.Expr) -> syntax.Apply:
    return syntax.Apply(value, span)


class IfHeader(NamedTuple):
    """`if condition`, until its body has been read."""

    condition: syntax.Expr
    span: Span


@ACTIONS.rule("if_header")
def if_header(span: Span, condition: syntax.Expr) -> IfHeader:
    return IfHeader(condition, span)


@ACTIONS.rule("conditional")
def conditional(span: Span, *parts: Any) -> syntax.If | syntax.Broken:
    headers, bodies = parts[0:-1:2], parts[1::2]
    orelse = parts[-1] if len(parts) % 2 else []
    if broken := [header for header in headers if isinstance(header, syntax.Broken)]:
        names = [name for header in broken for name in header.names]
        return syntax.Broken((*names, *bound_names([*bodies, orelse])), span)
    branches = [(header.condition, body) for header, body in zip(headers, bodies, strict=False)]
    return syntax.If(branches, orelse, headers[0].span)


@ACTIONS.rule("repeat_header")
def repeat_header(span: Span, count: syntax.Expr, *rest: syntax.Name | syntax.Argument) -> syntax.Repeat:
    return _repeat(None, count, rest, span)


@ACTIONS.rule("named_repeat_header")
def named_repeat_header(
    span: Span, names: list[syntax.Name], count: syntax.Expr, *rest: syntax.Name | syntax.Argument
) -> syntax.Repeat:
    if len(names) > 1:
        raise Fault("E101", "a repeat has one name", f"write `{names[0].name} = repeat …`")
    return _repeat(names[0], count, rest, span)


def _repeat(
    name: syntax.Name | None, count: syntax.Expr, rest: tuple[syntax.Name | syntax.Argument, ...], span: Span
) -> syntax.Repeat:
    variable = next((part for part in rest if isinstance(part, syntax.Name)), None)
    option = next((part for part in rest if isinstance(part, syntax.Argument)), None)
    return syntax.Repeat(name, count, variable, option, [], span)


@ACTIONS.rule("repeat_option")
def repeat_option(span: Span, name: syntax.Name, value: syntax.Expr) -> syntax.Argument:
    return syntax.Argument(name, value, span)


@ACTIONS.rule("for_header")
def for_header(span: Span, variables: list[syntax.Name], values: syntax.Expr) -> syntax.For:
    return syntax.For(variables, values, [], span)


@ACTIONS.rule("loop")
def loop(span: Span, header: syntax.Repeat | syntax.For, body: list[syntax.Statement]) -> syntax.Repeat | syntax.For:
    header.body = body
    return header


@ACTIONS.rule("block")
def block(span: Span, *statements: syntax.Statement) -> list[syntax.Statement]:
    return list(statements)


def bound_names(bodies: list[list[syntax.Statement]]) -> list[str]:
    """The names that statements bind, of the loops and branches in them too."""
    found: list[str] = []
    waiting = [statement for body in bodies for statement in body]
    while waiting:
        match waiting.pop():
            case syntax.Assign(names):
                found += [name.name for name in names]
            case syntax.Broken(broken_names):
                found += broken_names
            case (
                syntax.Let(name)
                | syntax.Input(name)
                | syntax.LayerInstance(name)
                | syntax.Output(syntax.Name() as name)
            ):
                found.append(name.name)
            case syntax.Repeat(body=body) | syntax.For(body=body):
                waiting += body
            case syntax.If(branches, orelse):
                waiting += orelse + [statement for _, body in branches for statement in body]
    return found
