"""Nodes for names, types and expressions."""

from __future__ import annotations

import re

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.language import limits, syntax
from nnspec.language.actions import Actions
from nnspec.language.tokens import Token
from nnspec.language.unreadable import malformed_number, shortened

ACTIONS = Actions()
ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}
CONSTANTS = {"true": True, "false": False, "none": None}

# ---- names


@ACTIONS.rule("attribute")
def attribute(span: Span, base: syntax.Name, *names: syntax.Name) -> syntax.Attribute:
    return syntax.Attribute(base, names, span)


@ACTIONS.rule("names")
def name_list(span: Span, *names: syntax.Name) -> list[syntax.Name]:
    return list(names)


@ACTIONS.rule("name")
def name(span: Span, token: Token) -> syntax.Name:
    if len(token.text) > limits.NAME_LENGTH:
        raise Fault("E111", f"a name has at most {limits.NAME_LENGTH} characters, this one has {len(token.text)}")
    return syntax.Name(token.text, span)


# ---- types


@ACTIONS.rule("type")
def type_expression(span: Span, dtype: syntax.Name, dims: list[syntax.Expr] | None = None) -> syntax.TypeExpr:
    return syntax.TypeExpr(dtype, dims, span)


@ACTIONS.rule("bare_type")
def bare_type(span: Span, dims: list[syntax.Expr]) -> syntax.TypeExpr:
    return syntax.TypeExpr(None, dims, span)


@ACTIONS.rule("dims")
def dims(span: Span, *sizes: syntax.Expr) -> list[syntax.Expr]:
    return list(sizes)


# ---- expressions


@ACTIONS.rule("pipeline")
def pipeline(span: Span, head: syntax.Expr, *stages: syntax.Name | syntax.Attribute | syntax.Call) -> syntax.Pipeline:
    return syntax.Pipeline(head, [stage(written) for written in stages], span)


@ACTIONS.rule("binary")
def binary(span: Span, left: syntax.Expr, operator: Token, right: syntax.Expr) -> syntax.Binary:
    return syntax.Binary(operator.text, left, right, span, operator.span(span.file))


@ACTIONS.rule("unary")
def unary(span: Span, operator: Token, operand: syntax.Expr) -> syntax.Unary:
    return syntax.Unary(operator.text, operand, span)


@ACTIONS.rule("list")
def list_expression(span: Span, *items: syntax.Expr) -> syntax.ListExpr:
    return syntax.ListExpr(list(items), span)


@ACTIONS.rule("tuple")
def tuple_expression(span: Span, *items: syntax.Expr) -> syntax.TupleExpr:
    return syntax.TupleExpr(list(items), span)


@ACTIONS.rule("call")
def call(span: Span, name: syntax.Name | syntax.Attribute, *arguments: syntax.Argument) -> syntax.Call:
    return syntax.Call(layer_name(name), list(arguments), span)


def layer_name(name: syntax.Name | syntax.Attribute) -> syntax.Name:
    """The name of a layer; the layer library knows what to answer to the dotted names of other frameworks."""
    if isinstance(name, syntax.Name):
        return name
    if name.base.name == "self":
        raise Fault("E114", "there is no `self`", f"layers are plain names: `{name.names[-1].name}`")
    return syntax.Name(".".join(part.name for part in (name.base, *name.names)), name.span)


def stage(written: syntax.Name | syntax.Attribute | syntax.Call) -> syntax.Name | syntax.Call:
    """What stands on the right of `->`."""
    return written if isinstance(written, syntax.Call) else layer_name(written)


@ACTIONS.rule("argument")
def argument(span: Span, value: syntax.Expr) -> syntax.Argument:
    return syntax.Argument(None, value, span)


@ACTIONS.rule("named_argument")
def named_argument(span: Span, name: syntax.Name, value: syntax.Expr) -> syntax.Argument:
    return syntax.Argument(name, value, span)


@ACTIONS.rule("literal")
def literal(span: Span, token: Token) -> syntax.Literal:
    text = token.text
    return syntax.Literal(CONSTANTS[text] if text in CONSTANTS else number(text), span)


def number(text: str) -> int | float:
    """The number that `text` writes; raises a Fault where it cannot be held exactly, or at all."""
    try:
        if text.replace("_", "").isdigit():
            if len(text.replace("_", "")) > limits.INTEGER_DIGITS:
                raise Fault(
                    "E108",
                    f"a whole number has at most {limits.INTEGER_DIGITS} digits",
                    "write 1e20 if a rounded one will do",
                )
            return int(text)
        value = float(text)
    except ValueError:
        raise malformed_number(text) from None
    if value == float("inf") or (value == 0.0 and re.match(r"[0_.]*[1-9]", text)):
        raise Fault("E108", f"`{shortened(text)}` is outside what a 64-bit number holds", "that is 5e-324 to 1.8e308")
    return value


@ACTIONS.rule("string")
def string(span: Span, token: Token) -> syntax.Literal:
    inside = token.text[1:-1]
    if len(inside) > limits.STRING_LENGTH:
        raise Fault("E125", f"a string has at most {limits.STRING_LENGTH} characters, this one has {len(inside)}")
    return syntax.Literal(re.sub(r"\\(.)", _escape, inside) if "\\" in inside else inside, span)


def _escape(match: re.Match[str]) -> str:
    if match[1] not in ESCAPES:
        raise Fault(
            "E110", f"`{match[0]}` means nothing in a string", r"write `\\` for a backslash; paths are written with `/`"
        )
    return ESCAPES[match[1]]
