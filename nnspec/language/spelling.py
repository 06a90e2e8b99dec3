"""An expression as a reader would write it, for messages that offer a better form of it."""

from __future__ import annotations

from nnspec.language import syntax

LONGEST = 80
"""Characters of a form that a message still offers."""
BINDS = {
    **{"or": 1, "and": 2, "not": 3},
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4),
    **{"+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "@": 6},
}
UNARY = 7
WORDS = {None: "none", True: "true", False: "false"}


def spelled(expr: syntax.Expr, otherwise: str = "…") -> str:
    """The text of an expression on one line; `otherwise` where that is long."""
    try:
        text = _text(expr, 0)
    except RecursionError:
        return otherwise
    return text if len(text) <= LONGEST else otherwise


def call(name: str, arguments: list[syntax.Argument]) -> str:
    """`dense(16, bias = false)`, or the name alone."""
    written = [f"{a.name.name} = {spelled(a.value)}" if a.name else spelled(a.value) for a in arguments]
    return f"{name}({', '.join(written)})" if written else name


def _text(expr: syntax.Expr, around: int) -> str:
    """The text inside of an operator that binds as tightly as `around`."""
    match expr:
        case syntax.Literal(value=value):
            return _literal(value)
        case syntax.Name(name=name):
            return name
        case syntax.Attribute(base=base, names=names):
            return ".".join(part.name for part in (base, *names))
        case syntax.ListExpr(items=items):
            return f"[{', '.join(_text(item, 0) for item in items)}]"
        case syntax.TupleExpr(items=items):
            return f"({', '.join(_text(item, 0) for item in items)})"
        case syntax.Call(name=name, arguments=arguments):
            return call(name.name, arguments) if arguments else f"{name.name}()"
        case syntax.Unary(operator=operator, operand=operand):
            return f"{operator}{' ' * (operator == 'not')}{_text(operand, UNARY)}"
        case syntax.Binary(operator=operator, left=left, right=right):
            own = BINDS[operator]
            text = f"{_text(left, own)} {operator} {_text(right, own + 1)}"
            return f"({text})" if own < around else text
        case syntax.Pipeline(head=head, stages=stages):
            text = " -> ".join(_text(part, 0) for part in (head, *stages))
            return f"({text})" if around else text


def _literal(value: int | float | str | bool | None) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return WORDS[value] if value is None or isinstance(value, bool) else str(value)
