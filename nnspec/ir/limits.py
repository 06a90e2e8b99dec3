"""Limits on what one spec may expand to, all in one place; a bomb is answered before it is expanded."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.records import Block, Record
from nnspec.language import syntax

MAX_STEPS = 150_000
"""Statements after expansion of blocks and loops."""
CALL = 8
"""Statements that a block call counts for: it binds parameters, inputs and sizes before its body runs."""
MAX_WORK = 1_000_000
"""Expressions that are evaluated, every entry of a list included: about a second."""
MAX_CALLS = 48
"""Depth of block calls."""
MAX_PARAMETERS = 20_000_000_000
"""Numbers in the parameters of one model, 80 GB in float32."""
MAX_VALUE = 2**53
"""The size of one dimension."""
MAX_ELEMENTS = 10**11
"""Elements of one value, those of one row where the number of rows is free: 400 GB in float32."""

CEILING = 10**15
"""Where counting statements ends."""


class Weights:
    """How many statements a body expands to at least, counted without expanding it."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def body(self, statements: list[syntax.Statement], blocks: dict[str, Block], depth: int = 0) -> int:
        key = id(statements)
        if key not in self._known:
            self._known[key] = 1  # what a block that contains itself weighs here; it is another error
            if depth < MAX_CALLS:
                total = sum(self._statement(statement, blocks, depth) for statement in statements)
                self._known[key] = min(CEILING, 1 + total)
        return self._known[key]

    def _statement(self, statement: syntax.Statement, blocks: dict[str, Block], depth: int) -> int:
        match statement:
            case syntax.Repeat(count=syntax.Literal(value=int(count))):
                return max(count, 0) * self.body(statement.body, blocks, depth + 1)
            case syntax.Assign(value=value) | syntax.Output(value=value) | syntax.Apply(value=value):
                return 1 + sum(self._call(stage, blocks, depth) for stage in _stages(value))
        return 1

    def _call(self, stage: syntax.Expr, blocks: dict[str, Block], depth: int) -> int:
        name = (
            stage.name.name if isinstance(stage, syntax.Call) else stage.name if isinstance(stage, syntax.Name) else ""
        )
        block = blocks.get(name)
        return self.body(block.definition.body, block.blocks, depth + 1) if block else 0


def _stages(value: syntax.Expr) -> list[syntax.Expr]:
    return [value.head, *value.stages] if isinstance(value, syntax.Pipeline) else [value]


def enter(record: Record, times: int, weight: int, span: Span) -> None:
    """Account for a body that is about to run `times` times; ends the elaboration if that is too much."""
    total = record.multiplicity * times * weight
    if total > MAX_STEPS:
        shown = f"{total:_}" if total < CEILING else "more than 10^15"
        record.stop(_too_large(f"this expands to {shown} statements, the limit is {MAX_STEPS:_}"), span)


def step(record: Record, span: Span, statements: int = 1) -> None:
    """Account for statements that run."""
    record.steps += statements
    if record.steps > MAX_STEPS:
        record.stop(_too_large(f"the spec expands to more than {MAX_STEPS:_} statements"), span)


def spend(record: Record, amount: int, span: Span) -> None:
    """Account for an expression that is evaluated."""
    record.work += amount
    if record.work > MAX_WORK:
        record.stop(_too_large(f"the spec evaluates more than {MAX_WORK:_} expressions and entries of lists"), span)


def _too_large(message: str) -> Fault:
    return Fault("E222", message, help="use fewer repetitions")
