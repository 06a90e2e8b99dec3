"""Nodes for the file level and the lines of the sections."""

from __future__ import annotations

from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.language import syntax
from nnspec.language.actions import Actions
from nnspec.language.tokens import Token

ACTIONS = Actions()
UNITS = ("k", "M", "G", "kB", "MB", "GB")

# ---- the file


@ACTIONS.rule("start")
def start(span: Span, version: Token, *items: Any) -> syntax.File:
    file = syntax.File(span.file, int(version.text))
    for item in items:
        if isinstance(item, syntax.Use):
            file.uses.append(item)
        elif isinstance(item, syntax.Definition):
            file.definitions.append(item)
        elif isinstance(item, syntax.Section):
            file.sections.append(item)
    return file


@ACTIONS.rule("use")
def use(span: Span, source: syntax.Literal | syntax.Name | syntax.Attribute, names: list[syntax.Name]) -> syntax.Use:
    return syntax.Use(source, names, span)


@ACTIONS.rule("header")
def header(span: Span, keyword: Token, name: syntax.Name, *parameters: syntax.Parameter) -> syntax.Definition:
    return syntax.Definition(keyword.text, name, list(parameters), [], span)


@ACTIONS.rule("parameter")
def parameter(span: Span, name: syntax.Name, default: syntax.Expr | None = None) -> syntax.Parameter:
    return syntax.Parameter(name, default, span)


@ACTIONS.rule("definition")
def definition(span: Span, header: syntax.Definition, *body: syntax.Statement) -> syntax.Definition:
    header.body.extend(body)
    return header


@ACTIONS.rule("section")
def section(span: Span, keyword: Token, *entries: syntax.Entry) -> syntax.Section:
    return syntax.Section(keyword.text, list(entries), keyword.span(span.file))


# ---- the lines of a section


@ACTIONS.rule("setting")
def setting(span: Span, key: syntax.Name, value: syntax.Expr) -> syntax.Setting:
    return syntax.Setting(key, value, span)


@ACTIONS.rule("target")
def target(span: Span, name: syntax.Name, type: syntax.TypeExpr) -> syntax.Target:
    return syntax.Target(name, type, span)


@ACTIONS.rule("comparison")
def comparison(span: Span, left: syntax.Name, operator: Token, right: syntax.Expr, unit: str = "") -> syntax.Comparison:
    return syntax.Comparison(left, operator.text, right, unit, span)


@ACTIONS.rule("unit")
def unit(span: Span, name: syntax.Name) -> str:
    if name.name not in UNITS:
        exact = next((known for known in UNITS if known.lower() == name.name.lower()), "")
        help = f"write `{exact}`" if exact else "the units are k, M, G for counts and kB, MB, GB for bytes"
        raise Fault("E119", f"`{name.name}` is not a unit", help)
    return name.name


@ACTIONS.rule("signature")
def signature(span: Span, role: Token, name: syntax.Name, type: syntax.TypeExpr) -> syntax.Signature:
    return syntax.Signature(role.text, name, type, span)


@ACTIONS.rule("value_signature")
def value_signature(span: Span, name: syntax.Name, type: syntax.TypeExpr) -> syntax.Signature:
    return syntax.Signature("value", name, type, span)
