"""The syntax tree of a `.nn` file: what was written, with the place of everything, and no knowledge of layers."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnspec.diagnostics.span import Span


@dataclass(slots=True)
class Literal:
    """A number, string, `true`, `false` or `none`."""

    value: int | float | str | bool | None
    span: Span


@dataclass(slots=True)
class Name:
    name: str
    span: Span


@dataclass(slots=True)
class Attribute:
    """`emb.weight`: a parameter of a layer instance; `names` holds the parts behind the first dot."""

    base: Name
    names: tuple[Name, ...]
    span: Span


@dataclass(slots=True)
class ListExpr:
    items: list[Expr]
    span: Span


@dataclass(slots=True)
class TupleExpr:
    """`(a, b)`: several values at the head of a pipeline."""

    items: list[Expr]
    span: Span


@dataclass(slots=True)
class Argument:
    """`value` or `name = value` inside a call."""

    name: Name | None
    value: Expr
    span: Span


@dataclass(slots=True)
class Call:
    """`name(arguments)`. Whether it is a layer, a function or a component is decided by its position, not here."""

    name: Name
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class Unary:
    operator: str
    """`-` or `not`."""
    operand: Expr
    span: Span


@dataclass(slots=True)
class Binary:
    operator: str
    """One of + - * / // % @ == != < <= > >= and or."""
    left: Expr
    right: Expr
    span: Span
    operator_span: Span


@dataclass(slots=True)
class Pipeline:
    """`head -> stage -> stage`; `->` binds loosest. A statement that is one bare layer is a Name or Call, not a
    Pipeline."""

    head: Expr
    stages: list[Name | Call]
    span: Span


Expr = Literal | Name | Attribute | ListExpr | TupleExpr | Call | Unary | Binary | Pipeline


@dataclass(slots=True)
class TypeExpr:
    """`float32[N, 3]`, `[N, C]` (no dtype), `float32` (no shape: `dims` is None) or `label[N]`."""

    dtype: Name | None
    dims: list[Expr] | None
    span: Span


@dataclass(slots=True)
class Input:
    name: Name
    type: TypeExpr | None
    span: Span


@dataclass(slots=True)
class Output:
    """`output name = value`, `output name` and `output value`; the last two have no `name`."""

    name: Name | None
    value: Expr
    span: Span


@dataclass(slots=True)
class LayerInstance:
    """`layer enc = dense(64)`."""

    name: Name
    value: Name | Call
    span: Span


@dataclass(slots=True)
class Let:
    name: Name
    value: Expr
    span: Span


@dataclass(slots=True)
class Assign:
    """`a = value` or `a, b = value`."""

    names: list[Name]
    value: Expr
    span: Span


@dataclass(slots=True)
class Apply:
    """A statement that is an expression alone."""

    value: Expr
    span: Span


@dataclass(slots=True)
class If:
    branches: list[tuple[Expr, list[Statement]]]
    orelse: list[Statement]
    span: Span


@dataclass(slots=True)
class Repeat:
    """`repeat count as variable, option { body }`; with `name =` in front it is a scope for the parameters' names."""

    name: Name | None
    count: Expr
    variable: Name | None
    option: Argument | None
    body: list[Statement]
    span: Span
    """The header, from the first word to before the brace."""


@dataclass(slots=True)
class For:
    variables: list[Name]
    values: Expr
    body: list[Statement]
    span: Span


@dataclass(slots=True)
class Broken:
    """A statement that did not parse. What it would have bound is unknown, so that nothing about it is reported
    twice."""

    names: tuple[str, ...]
    """Names that it seems to bind, found by looking at its first tokens."""
    span: Span


Statement = Input | Output | LayerInstance | Let | Assign | Apply | If | Repeat | For | Broken


@dataclass(slots=True)
class Parameter:
    """A parameter of a model or block; without a default it must be given."""

    name: Name
    default: Expr | None
    span: Span


@dataclass(slots=True)
class Definition:
    """`model name(parameters) { body }` or `block …`."""

    keyword: str
    name: Name
    parameters: list[Parameter]
    body: list[Statement]
    span: Span
    """The header, from the keyword to before the brace."""


@dataclass(slots=True)
class Use:
    """`use "file.nn": a, b` or `use std.transformer: encoder_layer`."""

    source: Literal | Name | Attribute
    """A string literal, or the dotted name behind `use`."""
    names: list[Name]
    span: Span


@dataclass(slots=True)
class Setting:
    """`key = value` in a section."""

    key: Name
    value: Expr
    span: Span


@dataclass(slots=True)
class Target:
    """`target name: type` in the train section."""

    name: Name
    type: TypeExpr
    span: Span


@dataclass(slots=True)
class Comparison:
    """`params <= 1_000` in the require section; `unit` is `k`, `M`, `GB`, … behind the number, or empty."""

    left: Name
    operator: str
    right: Expr
    unit: str
    span: Span


@dataclass(slots=True)
class Signature:
    """`output probability: float32[N, 3]`, `input …` or a value's own `name: type` in the require section."""

    role: str
    """`input`, `output` or `value`."""
    name: Name
    type: TypeExpr
    span: Span


Entry = Setting | Target | Comparison | Signature | Broken


@dataclass(slots=True)
class Section:
    """`data`, `train`, `export` or `require`."""

    keyword: str
    entries: list[Entry]
    span: Span
    """The keyword."""


@dataclass(slots=True)
class File:
    """One `.nn` file."""

    path: str
    version: int | None
    uses: list[Use] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
