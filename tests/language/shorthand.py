"""Shorthand for the tests of the language: specs from fragments, and syntax trees without their spans."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from nnspec.diagnostics.errors import Diagnostic
from nnspec.language import syntax
from nnspec.language.parser import parse

ACCEPTANCE = sorted((Path(__file__).parent.parent / "acceptance").rglob("*.nn"))


def model(body: str) -> str:
    """A spec whose model has `body`; its first line is line 3 of the file."""
    return f"nnspec 1\nmodel m {{\n{body}\n}}\n"


def section(keyword: str, body: str) -> str:
    """A spec with one section; the first line of `body` is line 3 of the file."""
    return f"nnspec 1\n{keyword} {{\n{body}\n}}\n"


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    """Code, line and column of each finding, in the order of the file."""
    return sorted(
        ((one.code, one.span.line, one.span.column) for one in found if one.span), key=lambda place: place[1:]
    )


def valid(text: str) -> syntax.File:
    """The tree of a spec that has no errors."""
    file, found = parse(text, "test.nn")
    assert found == []
    return file


def statements(body: str) -> list[str]:
    """The statements of a model, as `shown`."""
    return [shown(statement) for statement in valid(model(body)).definitions[0].body]


def entries(keyword: str, body: str) -> list[str]:
    """The lines of a section, as `shown`."""
    return [shown(entry) for entry in valid(section(keyword, body)).sections[0].entries]


def expression(text: str) -> str:
    """The value of `let`, as `shown`."""
    (statement,) = valid(model(f"let v = {text}")).definitions[0].body
    assert isinstance(statement, syntax.Let)
    return shown(statement.value)


def shown(node: Any) -> str:
    """A tree as text without spans: operators as (left + right), names bare, else Type(fields)."""
    match node:
        case syntax.Literal(value):
            return repr(value)
        case syntax.Name(name):
            return name
        case syntax.Attribute(base, names):
            return ".".join([base.name, *(name.name for name in names)])
        case syntax.Binary(operator, left, right):
            return f"({shown(left)} {operator} {shown(right)})"
        case syntax.Unary(operator, operand):
            return f"({operator} {shown(operand)})"
        case syntax.Pipeline(head, stages):
            return f"({' -> '.join(shown(part) for part in [head, *stages])})"
        case syntax.Call(name, arguments):
            return f"{name.name}({', '.join(shown(argument) for argument in arguments)})"
        case syntax.Argument(name, value):
            return f"{name.name}={shown(value)}" if name else shown(value)
        case syntax.ListExpr(items):
            return f"[{', '.join(shown(item) for item in items)}]"
        case syntax.TupleExpr(items):
            return f"<{', '.join(shown(item) for item in items)}>"
        case list() | tuple():
            return f"[{', '.join(shown(item) for item in node)}]"
    if is_dataclass(node):
        parts = [getattr(node, field.name) for field in fields(node) if "span" not in field.name]
        return f"{type(node).__name__}({', '.join(shown(part) for part in parts)})"
    return str(node)
