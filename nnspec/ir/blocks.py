"""Calls of blocks: arguments, inputs and the sizes that they bind, the body, and the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import limits
from nnspec.ir.application import with_source
from nnspec.ir.declared import Declared, check_kind, dimension_names
from nnspec.ir.expressions import Expressions
from nnspec.ir.naming import Scope
from nnspec.ir.pipelines import Pipelines, Values
from nnspec.ir.records import POISON, Block, Environment, Poison, Record, Tensor
from nnspec.ir.wording import counted, suggestion
from nnspec.language import syntax

RunBody = Callable[[Environment, Sequence[syntax.Statement]], None]


class Given(NamedTuple):
    """An argument of a block."""

    value: Any
    span: Span


class BoundBlock(NamedTuple):
    """A block with its arguments by parameter."""

    block: Block
    given: dict[str, Given]
    recompute: bool = False
    """Whether the backward pass computes it again, so that its values need not be kept."""


RECOMPUTE = "recompute"
"""The argument that every block takes which has no parameter of that name, and the option of `repeat`."""


class Blocks:
    """Runs blocks; `run_body` supplies the statements."""

    def __init__(self, record: Record, run_body: RunBody) -> None:
        self.record = record
        self.pipelines = Pipelines(record, self)
        self.expressions: Expressions = self.pipelines.expressions
        self.declared = Declared(self.expressions)
        self.weights = limits.Weights()
        self._run_body = run_body

    def arguments(self, env: Environment, block: Block, call: syntax.Call) -> BoundBlock | Poison:
        """The evaluated arguments by parameter, or poison."""
        parameters = block.definition.parameters
        names = [parameter.name.name for parameter in parameters]
        given: dict[str, Given] = {}
        again = False
        lost = lost_header(block.definition)
        sound = not lost
        for position, argument in enumerate(call.arguments):
            place = argument.name.span if argument.name else argument.span
            value = self.expressions.evaluate(env, argument.value)
            name = argument.name.name if argument.name else (names[position] if position < len(names) else "")
            if name == RECOMPUTE and name not in names and isinstance(value, bool):
                again = value
                continue
            fault = None if lost else _misplaced(call.name.name, name, names, given)
            if fault:
                self.record.report(fault, place)
            sound &= value is not POISON and fault is None
            given.setdefault(name, Given(value, argument.value.span))
        missing = [p.name.name for p in parameters if p.default is None and p.name.name not in given]
        if missing and sound:
            fault = Fault(
                "E206", f"{call.name.name} needs {', '.join(missing)}", help=f"{call.name.name}({missing[0]} = …)"
            )
            self.record.report(fault, call.name.span)
        return BoundBlock(block, given, again) if sound and not missing else POISON

    def call(self, env: Environment, bound: BoundBlock, inputs: Sequence[Tensor], scope: Scope, span: Span) -> Values:
        """The results of a block applied to `inputs`; what it makes stands below `scope`."""
        block, record = bound.block, self.record
        definition = block.definition
        record.called.add(id(definition))
        if fault := self._too_deep(definition):
            return record.report(fault, span)
        limits.step(record, span, limits.CALL)
        limits.enter(record, 1, self.weights.body(definition.body, block.blocks), span)
        inner = Environment(block.blocks, scope, lost=set(block.lost), uses=env.uses)
        saved = record.origin, record.calls
        record.origin, record.calls = (*record.origin, span), (*record.calls, definition)
        try:
            if not self._bind_parameters(inner, definition, bound.given):
                return POISON
            top, rest = self.declared.split(definition.body)
            if not self._bind_inputs(inner, definition, top, inputs):
                return POISON
            with record.computed_again(bound.recompute):
                self._run_body(inner, rest)
        finally:
            record.origin, record.calls = saved
        return self._results(inner, definition)

    def _too_deep(self, definition: syntax.Definition) -> Fault | None:
        name = definition.name.name
        if any(definition is outer for outer in self.record.calls):
            return Fault("E224", f"block {name} contains itself", help="there is no recursion; `repeat` stacks a block")
        if len(self.record.calls) >= limits.MAX_CALLS:
            return Fault("E222", f"blocks are nested more than {limits.MAX_CALLS} deep")
        return None

    def _bind_parameters(self, env: Environment, definition: syntax.Definition, given: dict[str, Given]) -> bool:
        """Bind what was given, or the defaults; False after a report."""
        sound = True
        for parameter in definition.parameters:
            name = parameter.name.name
            default = self.expressions.evaluate(env, parameter.default) if parameter.default else POISON
            value = given[name].value if name in given else default
            try:
                check_kind(name, value, default)
            except Fault as fault:
                self._at_call(fault, given[name].span)
                sound = False
            env.values[name] = value
            if not isinstance(value, Tensor):
                env.fixed[name] = "a parameter"
        return sound

    def _bind_inputs(
        self,
        env: Environment,
        definition: syntax.Definition,
        top: Sequence[syntax.Statement],
        given: Sequence[Tensor],
    ) -> bool:
        """Bind the inputs, and the names that their declared sizes give; False after a report."""
        declared = [statement for statement in top if isinstance(statement, syntax.Input)]
        if len(declared) != len(given):
            if not broken(definition):
                names = ", ".join(statement.name.name for statement in declared) or "none"
                wanted = f"{counted(len(declared), 'input')} ({names})"
                fault = Fault("E223", f"block {definition.name.name} takes {wanted}, got {len(given)}")
                self._at_call(fault, self.record.origin[-1])
            return False
        waiting = iter(given)
        for statement in top:
            if not isinstance(statement, syntax.Input):
                self._run_body(env, [statement])
                continue
            value = next(waiting)
            try:
                if statement.type:
                    self.declared.match(env, statement.name.name, statement.type, value)
            except Fault as fault:
                self._at_call(with_source(fault, [value], self.record.origin[-1]), self.record.origin[-1])
                return False
            env.values[statement.name.name] = value
            env.inputs.append(value)
        env.current = given[0] if len(given) == 1 else None
        return True

    def _at_call(self, fault: Fault, span: Span) -> None:
        """Report what is wrong with a call at the call, and say from where that was reached."""
        origin, self.record.origin = self.record.origin, self.record.origin[:-1]
        self.record.report(fault, span)
        self.record.origin = origin

    def _results(self, env: Environment, definition: syntax.Definition) -> Values:
        results: list[Tensor | Poison | None] = [value for _, value, _ in env.outputs] or [env.current]
        if broken(definition):
            return POISON
        if results == [None]:
            fault = Fault(
                "E220",
                f"block {definition.name.name} has no output",
                help="`output name` at its end says what it gives",
            )
            return self.record.report(fault, definition.name.span)
        found = [value for value in results if isinstance(value, Tensor)]
        return found if len(found) == len(results) else POISON

    def rehearse(self, block: Block) -> None:
        """Check what can be checked of a block that nothing calls: names and options, with inputs of unknown shape."""
        definition = block.definition
        env = Environment(block.blocks, Scope("rehearsal"), lost=set(block.lost))
        for parameter in definition.parameters:
            default = self.expressions.evaluate(env, parameter.default) if parameter.default else POISON
            env.values[parameter.name.name] = default
            env.fixed[parameter.name.name] = "a parameter"
        top, rest = self.declared.split(definition.body)
        for statement in top:
            if isinstance(statement, syntax.Input):
                env.values[statement.name.name] = POISON
                for name in dimension_names(statement.type):
                    env.values.setdefault(name, POISON)
            else:
                self._run_body(env, [statement])
        env.current = POISON if any(isinstance(statement, syntax.Input) for statement in top) else None
        self._run_body(env, rest)


def broken(definition: syntax.Definition) -> bool:
    """Whether some statement of the block did not parse, so that inputs and outputs may be missing."""
    return any(isinstance(statement, syntax.Broken) for statement in definition.body)


def lost_header(definition: syntax.Definition) -> bool:
    """Whether the header did not parse, so that its parameters are unknown."""
    first = definition.body[0] if definition.body else None
    return isinstance(first, syntax.Broken) and first.span == definition.span


def _misplaced(block: str, name: str, names: Sequence[str], given: dict[str, Given]) -> Fault | None:
    if not name:
        takes = f"at most {counted(len(names), 'argument')}" if names else "no arguments"
        return Fault("E202", f"{block} takes {takes}", help=f"its parameters are {', '.join(names)}" if names else "")
    if name == RECOMPUTE and name not in names:
        return Fault("E205", f"{block}: recompute is true or false")
    if name not in names:
        return Fault("E202", f"{block} has no parameter {name}", help=suggestion(name, names, "its parameters are"))
    return Fault("E202", f"{block}: {name} is given twice") if name in given else None
