"""Limits on what one spec may expand to, all in one place; a bomb is answered before it is expanded."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.ir.records import Block, Record
from nnspec.language import syntax

MAX_STEPS = 150_000
"""Statements after expansion of blocks and loops."""
MAX_CALLS = 48
"""Depth of block calls."""
MAX_PARAMETERS = 20_000_000_000
"""Numbers in the parameters of one model, 80 GB in float32."""
MAX_VALUE = 2**53
"""Elements of one value, or of one parameter."""

CEILING = 10**15


class TooLarge(Fault):
    """The whole spec is too large: elaboration stops, after one report at the innermost place that is to blame."""

    def __init__(self, message: str, help: str = "use fewer repetitions") -> None:
        super().__init__("E222", message, help)
        self.reported = False


class Weights:
    """How many statements a body expands to at least, counted without expanding it."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def body(self, statements: list[syntax.Statement], blocks: dict[str, Block]) -> int:
        key = id(statements)
        if key not in self._known:
            self._known[key] = 1  # a block that contains itself is another error
            self._known[key] = min(CEILING, 1 + sum(self._statement(statement, blocks) for statement in statements))
        return self._known[key]

    def _statement(self, statement: syntax.Statement, blocks: dict[str, Block]) -> int:
        match statement:
            case syntax.Repeat(count=syntax.Literal(value=int(count))):
                return max(count, 0) * self.body(statement.body, blocks)
            case syntax.Repeat() | syntax.For():
                return 1
            case syntax.Assign(value=value) | syntax.Output(value=value) | syntax.Apply(value=value):
                return 1 + self._calls(value, blocks)
        return 1

    def _calls(self, value: syntax.Expr, blocks: dict[str, Block]) -> int:
        stages = [value.head, *value.stages] if isinstance(value, syntax.Pipeline) else [value]
        names = [
            s.name.name if isinstance(s, syntax.Call) else s.name
            for s in stages
            if isinstance(s, (syntax.Name, syntax.Call))
        ]
        return sum(self.body(blocks[name].definition.body, blocks[name].blocks) for name in names if name in blocks)


def enter(record: Record, times: int, weight: int) -> None:
    """Account for a body that is about to run `times` times. Raises TooLarge."""
    total = record.multiplicity * times * weight
    if total > MAX_STEPS:
        shown = f"{total:_}" if total < CEILING else "more than 10^15"
        raise TooLarge(f"this expands to {shown} statements, the limit is {MAX_STEPS:_}")


def step(record: Record) -> None:
    """Account for one statement that runs. Raises TooLarge when there were too many."""
    record.steps += 1
    if record.steps > MAX_STEPS:
        raise TooLarge(f"the spec expands to more than {MAX_STEPS:_} statements")
