"""Statements: what a model or block body does, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import limits
from nnspec.ir.blocks import Blocks
from nnspec.ir.control import LET, Control
from nnspec.ir.expressions import blamed
from nnspec.ir.lookup import find, unknown_layer
from nnspec.ir.naming import Scope, settle
from nnspec.ir.pipelines import Values
from nnspec.ir.records import POISON, Environment, Instance, Poison, Record, Tensor
from nnspec.ir.wording import counted
from nnspec.language import syntax


class Statements:
    """Runs the statements of a body in an environment."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.blocks = Blocks(record, self.body)
        self.pipelines = self.blocks.pipelines
        self.expressions = self.blocks.expressions
        self.declared = self.blocks.declared
        self.control = Control(self.expressions, self.body, self.bind, self.blocks.weights)

    def body(self, env: Environment, statements: Sequence[syntax.Statement]) -> None:
        """Run the statements; one that fails is reported, and what it would have bound is poison."""
        for statement in statements:
            try:
                limits.step(self.record, statement.span)
                self._statement(env, statement)
            except Fault as fault:
                self.record.report(fault, statement.span)
                self.control.poison(env, [statement])
            except RecursionError:
                if self.record.calls:
                    raise  # the stack is full here; the statement of the model that led here is to blame
                self.record.stop(Fault("E222", "what this expands to is nested too deeply"), statement.span)

    def _statement(self, env: Environment, statement: syntax.Statement) -> None:
        match statement:
            case syntax.Apply():
                self._apply(env, statement)
            case syntax.Assign():
                self._assign(env, statement)
            case syntax.Output():
                self._output(env, statement)
            case syntax.Input(name=name):
                self.record.report(Fault("E220", "an input stands at the top of a model or block"), name.span)
                self.control.poison(env, [statement])
            case syntax.LayerInstance():
                self._instance(env, statement)
            case syntax.Let():
                self._let(env, statement)
            case syntax.If() | syntax.Repeat() | syntax.For():
                self.control.run(env, statement)
            case syntax.Broken(names=names):
                env.lost.update(names)
                self.control.poison(env, [statement])

    # Values

    def _apply(self, env: Environment, statement: syntax.Apply) -> None:
        results = self._results(env, statement.value, None)
        env.current = results if isinstance(results, Poison) else results[0] if len(results) == 1 else None

    def _assign(self, env: Environment, statement: syntax.Assign) -> None:
        names = statement.names
        results = self._results(env, statement.value, names[0].name if len(names) == 1 else None)
        if isinstance(results, list) and len(results) != len(names):
            fault = Fault("E213", f"{counted(len(names), 'name')} for {counted(len(results), 'value')}")
            if len(names) < len(results):
                fault.help = f"name each of them: `{', '.join('abcdefgh'[: len(results)])} = …`"
            results = self.record.report(fault, names[0].span.to(names[-1].span))
        values: Sequence[Tensor | Poison] = [POISON] * len(names) if isinstance(results, Poison) else results
        for name, value in zip(names, values, strict=True):
            self.bind(env, name, value)
        env.current = values[0] if len(names) == 1 else None

    def _results(self, env: Environment, value: syntax.Expr, name: str | None) -> Values:
        """The values of a statement's expression; what it made gets its part of the paths."""
        try:
            return self.pipelines.beginning(env, value)
        finally:
            settle(env.scope, name, env.made)
            env.made = []

    def bind(self, env: Environment, name: syntax.Name, value: Tensor | Poison) -> None:
        """Give a value of the model a name."""
        if name.name in env.fixed:
            what = env.fixed[name.name]
            self.record.report(Fault("E210", f"{name.name} is {what} already; a value needs another name"), name.span)
            env.values[name.name] = POISON  # which of the two is meant below is not known
            return
        env.values[name.name] = value
        if isinstance(value, Tensor) and not value.name:
            value.name, value.scope, value.span = name.name, env.scope, name.span

    def _output(self, env: Environment, statement: syntax.Output) -> None:
        name, expr = statement.name, statement.value
        results = self._results(env, expr, name.name if name else None)
        if isinstance(results, list) and len(results) != 1:
            fault = Fault("E213", f"an output is one value, and this makes {len(results)}")
            results = self.record.report(fault, blamed(expr))
        value = results if isinstance(results, Poison) else results[0]
        bare = isinstance(expr, syntax.Name) and expr.name in env.values
        if name:
            self.bind(env, name, value)
        if name or not bare:
            env.current = value
        self._add_output(env, name or (expr if bare else None), value, blamed(expr))

    def _add_output(self, env: Environment, name: syntax.Expr | None, value: Tensor | Poison, span: Span) -> None:
        """Note an output; `name` is the word that names it, if one does."""
        text = name.name if isinstance(name, syntax.Name) else ""
        span = name.span if isinstance(name, syntax.Name) else span
        if text and any(text == known for known, _, _ in env.outputs):
            if self.record.torn:
                return  # what stands in a loop is not known where braces are missing
            self.record.report(Fault("E210", f"there is an output {text} already"), span)
        else:
            env.outputs.append((text, value, span))

    # Names that are no values

    def _let(self, env: Environment, statement: syntax.Let) -> None:
        name = statement.name
        value = self.expressions.decided(env, statement.value, "`let`")
        taken = env.fixed.get(name.name, LET)
        if isinstance(env.values.get(name.name), Tensor):
            taken = "a value of the model"
        if taken != LET:
            self.record.report(Fault("E210", f"{name.name} is {taken} already"), name.span)
            return
        env.values[name.name], env.fixed[name.name] = value, LET

    def _instance(self, env: Environment, statement: syntax.LayerInstance) -> None:
        name, value = statement.name, statement.value
        call = value if isinstance(value, syntax.Call) else syntax.Call(value, [], value.span)
        known = find(self.record, env, name.name)
        if known is not None and not isinstance(known, Instance):
            fault = Fault("E210", f"there is a layer {name.name} already", help="give the instance another name")
            self.record.report(fault, name.span)
            return
        target, bound = self._target(env, call)
        scope = Scope("instance", env.scope, env.scope.named(name.name))
        env.instances[name.name] = Instance(name.name, target, bound, scope, name.span)

    def _target(self, env: Environment, call: syntax.Call) -> tuple[Any, Any]:
        """The layer or block that an instance is of, with its arguments; poison for both after a report."""
        name = call.name.name
        target = find(self.record, env, name)
        if isinstance(target, Instance):
            fault = Fault(
                "E210", f"{name} is an instance already", help=f"-> {name} uses it, and shares its parameters"
            )
            self.record.report(fault, call.name.span)
        elif target is not None:
            return target, self.pipelines.arguments(env, target, call)
        elif name not in env.lost:
            self.record.report(unknown_layer(self.record, env, name), call.name.span)
        return None, POISON
