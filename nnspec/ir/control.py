"""Conditions and loops, all of them decided when the spec is compiled. Bodies are no scopes for names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir import arithmetic, limits
from nnspec.ir.blocks import RECOMPUTE
from nnspec.ir.expressions import Expressions, blamed
from nnspec.ir.naming import Scope
from nnspec.ir.records import POISON, Environment, Poison, Tensor
from nnspec.ir.wording import suggestion
from nnspec.language import syntax

RunBody = Callable[[Environment, Sequence[syntax.Statement]], None]
Bind = Callable[[Environment, syntax.Name, Tensor | Poison], None]

LET = "a name bound by let"
VARIABLE = "the variable of a loop"
ACTIVE = "the variable of a loop around this"


class Control:
    """Runs `if`, `repeat` and `for`; the statements supply how a body runs and how a value gets a name."""

    def __init__(self, expressions: Expressions, run_body: RunBody, bind: Bind, weights: limits.Weights) -> None:
        self.expressions = expressions
        self.record = expressions.record
        self._run_body = run_body
        self._bind = bind
        self._weights = weights

    def run(self, env: Environment, statement: syntax.If | syntax.Repeat | syntax.For) -> None:
        match statement:
            case syntax.If():
                self._if(env, statement)
            case syntax.Repeat():
                self._repeat(env, statement)
            case syntax.For():
                self._for(env, statement)

    # Conditions

    def _if(self, env: Environment, statement: syntax.If) -> None:
        branches = [*statement.branches, (None, statement.orelse)]
        for index, (condition, body) in enumerate(branches):
            taken = True if condition is None else self._condition(env, condition)
            if isinstance(taken, Poison):
                self._suppose(env, [body for _, body in branches[index:]])
                self.poison(env, [statement])
                return
            if taken:
                multiplicity, self.record.multiplicity = self.record.multiplicity, 1  # it may be taken once in a loop
                try:
                    self._run_body(env, body)
                finally:
                    self.record.multiplicity = multiplicity
                self._look_at(env, [body for _, body in branches[index + 1 :]])
                return
            self._look_at(env, [body])

    def _look_at(self, env: Environment, bodies: Sequence[Sequence[syntax.Statement]]) -> None:
        """Look once at branches that are not taken, for layers and options that there are not.

        Names that another such branch binds may be meant in them."""
        record = self.record
        for body in bodies:
            if id(body) not in record.supposed and not record.supposing:
                record.supposed.add(id(body))
                record.supposing = True
                try:
                    self._suppose(env, [body])
                finally:
                    record.supposing = False
            env.elsewhere.update(_bound_names(body))

    def _condition(self, env: Environment, condition: syntax.Expr) -> bool | Poison:
        value = self.expressions.decided(env, condition, "`if`")
        try:
            return POISON if isinstance(value, Poison) else arithmetic.truth(value, "`if`")
        except Fault as fault:
            return self.record.report(fault, blamed(condition))

    # Loops

    def _repeat(self, env: Environment, statement: syntax.Repeat) -> None:
        count = self.expressions.decided(env, statement.count, "the count of `repeat`")
        if self.record.supposing:
            count = POISON
        if not isinstance(count, Poison) and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
            fault = Fault("E212", f"repeat takes a whole number, got {arithmetic.describe(count)}")
            count = self.record.report(fault, blamed(statement.count))
        if isinstance(count, Poison):
            self._unknown(env, statement, _variables(statement))
            return
        again = self._again(env, statement.option) if statement.option else False
        limits.enter(self.record, count, self._weights.body(statement.body, env.blocks), statement.span)
        scope = Scope("repeat", env.scope, env.scope.named(statement.name.name)) if statement.name else None
        self._loop(env, statement, [(index,) for index in range(count)], scope, again)
        if statement.name and env.current is not None:
            self._bind(env, statement.name, env.current)

    def _again(self, env: Environment, option: syntax.Argument) -> bool:
        """What the option `recompute` says; False after a report."""
        assert option.name is not None
        if option.name.name != RECOMPUTE:
            help = suggestion(option.name.name, (RECOMPUTE,), "its only option is")
            self.record.report(Fault("E202", f"repeat has no option {option.name.name}", help), option.name.span)
            return False
        value = self.expressions.decided(env, option.value, f"`{RECOMPUTE}`")
        if not isinstance(value, bool | Poison):
            found = arithmetic.describe(value)
            self.record.report(Fault("E205", f"repeat: recompute is true or false, got {found}"), option.value.span)
        return value is True

    def _for(self, env: Environment, statement: syntax.For) -> None:
        values = self.expressions.decided(env, statement.values, "the list of `for`")
        if not isinstance(values, (tuple, Poison)):
            fault = Fault("E212", f"for goes through a list, got {arithmetic.describe(values)}")
            values = self.record.report(fault, blamed(statement.values))
        if not isinstance(values, Poison):
            values = self._entries(statement, values)
        if isinstance(values, Poison) or self.record.supposing:
            self._unknown(env, statement, statement.variables)
            return
        limits.enter(self.record, len(values), self._weights.body(statement.body, env.blocks), statement.span)
        self._loop(env, statement, values, None)

    def _entries(self, statement: syntax.For, values: tuple[Any, ...]) -> list[tuple[Any, ...]] | Poison:
        """A tuple for each step, as long as there are variables."""
        width = len(statement.variables)
        if width == 1:
            return [(value,) for value in values]
        for index, value in enumerate(values):
            if not isinstance(value, tuple) or len(value) != width:
                wanted = f"each entry is a list of {width} values here"
                fault = Fault("E213", f"{wanted}, got {arithmetic.describe(value)}")
                items = statement.values.items if isinstance(statement.values, syntax.ListExpr) else []
                return self.record.report(fault, items[index].span if items else statement.values.span)
        return list(values)

    def _loop(
        self,
        env: Environment,
        statement: syntax.Repeat | syntax.For,
        steps: Sequence[tuple[Any, ...]],
        scope: Scope | None,
        again: bool = False,
    ) -> None:
        """Run the body once per step, with the variables bound; a scope gives every step a part of the paths. With
        `again` the backward pass computes each step once more."""
        if not steps and not self.record.calls:
            self.record.idle.append(statement.span)
        variables = _variables(statement)
        if not self._claim(env, variables):
            self._unknown(env, statement, ())
            return
        outer, multiplicity, origin = env.scope, self.record.multiplicity, self.record.origin
        self.record.multiplicity *= max(len(steps), 1)
        self.record.origin = (*origin, statement.span)
        try:
            for index, values in enumerate(steps):
                for variable, value in zip(variables, values, strict=False):  # a repeat may name no variable
                    env.values[variable.name], env.fixed[variable.name] = value, ACTIVE
                env.scope = Scope("step", scope, str(index)) if scope else outer
                with self.record.computed_again(again):
                    self._run_body(env, statement.body)
                outer.owns |= env.scope.owns
        finally:
            env.scope, self.record.multiplicity, self.record.origin = outer, multiplicity, origin
        for variable in variables:
            env.fixed[variable.name] = VARIABLE

    def _claim(self, env: Environment, variables: Sequence[syntax.Name]) -> bool:
        """Whether the variables of a loop have names of their own; reports those that have not."""
        sound = True
        for variable in variables:
            taken = env.fixed.get(variable.name, VARIABLE)
            if isinstance(env.values.get(variable.name), Tensor):
                taken = "a value of the model"
            if taken != VARIABLE:
                self.record.report(Fault("E210", f"{variable.name} is {taken} already"), variable.span)
                sound = False
        return sound

    # After a report

    def _unknown(
        self, env: Environment, statement: syntax.Repeat | syntax.For, variables: Sequence[syntax.Name]
    ) -> None:
        """A loop whose steps are not known: its body is looked at once."""
        for variable in variables:
            env.values[variable.name] = POISON
        self._suppose(env, [statement.body])
        self.poison(env, [statement])

    def _suppose(self, env: Environment, bodies: Sequence[Sequence[syntax.Statement]]) -> None:
        """Look at bodies that may run or not for unknown names and options, each on a copy of the environment."""
        nodes, parameters = len(self.record.nodes), len(self.record.parameters)
        values = {name: POISON if isinstance(value, Tensor) else value for name, value in env.values.items()}
        for body in bodies:
            copy = replace(
                env,
                scope=Scope("supposed"),
                values=dict(values),
                fixed=dict(env.fixed),
                instances=dict(env.instances),
                lost=env.lost | env.elsewhere,
                current=POISON,
                outputs=list(env.outputs),
                made=[],
            )
            self._run_body(copy, body)
        del self.record.nodes[nodes:], self.record.parameters[parameters:]

    def poison(self, env: Environment, statements: Sequence[syntax.Statement]) -> None:
        """Mark what these statements would have bound as reported already."""
        for name in _bound_names(statements):
            if name not in env.fixed:
                env.values[name] = POISON
                env.lost.add(name)
        env.current = POISON


def _variables(statement: syntax.Repeat | syntax.For) -> list[syntax.Name]:
    if isinstance(statement, syntax.For):
        return statement.variables
    return [statement.variable] if statement.variable else []


def _bound_names(statements: Sequence[syntax.Statement]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case syntax.Assign(names=names):
                yield from (name.name for name in names)
            case (
                syntax.Output(name=syntax.Name() as name)
                | syntax.Let(name=name)
                | syntax.LayerInstance(name=name)
                | syntax.Input(name=name)
            ):
                yield name.name
            case syntax.Broken(names=names):
                yield from names
            case syntax.If(branches=branches, orelse=orelse):
                for body in (*(body for _, body in branches), orelse):
                    yield from _bound_names(body)
            case syntax.Repeat(name=name, body=body):
                yield from (name.name,) if name else ()
                yield from _bound_names(body)
            case syntax.For(variables=variables, body=body):
                yield from (variable.name for variable in variables)
                yield from _bound_names(body)
