"""Pipelines: what begins one, and what stands behind `->`: a layer, a block or an instance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import arithmetic
from nnspec.ir.application import Application
from nnspec.ir.expressions import Expressions, blamed, shown
from nnspec.ir.lookup import find, neither, unknown_layer, values_here
from nnspec.ir.naming import Scope
from nnspec.ir.records import POISON, Block, Environment, Instance, Poison, Record, Tensor
from nnspec.language import syntax
from nnspec.language.spelling import spelled

Values = list[Tensor] | Poison


class Blocks(Protocol):
    """What pipelines need of blocks."""

    def arguments(self, env: Environment, block: Block, call: syntax.Call) -> Any:
        """The evaluated arguments, or poison."""

    def call(self, env: Environment, bound: Any, inputs: Sequence[Tensor], scope: Scope, span: Span) -> Values:
        """The results of a block with its arguments, applied to `inputs`."""


class Pipelines:
    """Runs pipelines in an environment."""

    def __init__(self, record: Record, blocks: Blocks) -> None:
        self.record = record
        self.blocks = blocks
        self.expressions = Expressions(record, self.inner)

    def inner(self, env: Environment, expr: syntax.Pipeline) -> Values:
        """A pipeline inside an expression, where no current value is implied."""
        return self._stages(env, self._head(env, expr.head), expr.stages)

    def beginning(self, env: Environment, expr: syntax.Expr) -> Values:
        """What a statement, or the right side of `name =` or `output`, makes.

        A layer at its head applies to the current value.
        """
        head, stages = (expr.head, expr.stages) if isinstance(expr, syntax.Pipeline) else (expr, [])
        try:
            self._refuse_arrow_or_name(env, head)
            layer = self._layer_at_head(env, head)
        except Fault as fault:
            self.record.report(fault, blamed(head))
            return self._stages(env, POISON, stages)
        values = self._stage(env, layer, self._current(env, layer)) if layer else self._head(env, head)
        return self._stages(env, values, stages)

    def _stages(self, env: Environment, values: Values, stages: Sequence[syntax.Name | syntax.Call]) -> Values:
        for stage in stages:
            values = self._stage(env, stage, values)
        return values

    # What begins a pipeline

    def _head(self, env: Environment, head: syntax.Expr) -> Values:
        items = head.items if isinstance(head, syntax.TupleExpr) else [head]
        return self._tensors([(self.expressions.evaluate(env, item), item) for item in items])

    def _tensors(self, items: Sequence[tuple[Any, syntax.Expr]]) -> Values:
        found: list[Tensor] = []
        for value, place in items:
            if isinstance(value, Tensor):
                found.append(value)
            elif value is not POISON:
                help = f"`let name = {spelled(place)}` names a number"
                self.record.report(Fault("E212", f"this is {shown(value)}, not a value of the model", help), place.span)
        return found if len(found) == len(items) else POISON

    def _layer_at_head(self, env: Environment, head: syntax.Expr) -> syntax.Name | syntax.Call | None:
        """The head, if it is a layer. Raises E211 where it could be a value as well."""
        if isinstance(head, syntax.Call):
            name = head.name.name
            function = name in arithmetic.FUNCTIONS and find(self.record, env, name) is None
            return None if function else head
        if not isinstance(head, syntax.Name):
            return None
        name = head.name
        layer = find(self.record, env, name) is not None
        if layer and name in env.values:
            raise Fault(
                "E211",
                f"{name} is a value and a layer",
                help=f"{name}() is the layer; for the value give one of them another name",
            )
        if not layer and name not in env.values and name not in env.lost:
            raise neither(self.record, env, name)
        return head if layer or name in env.lost else None

    def _refuse_arrow_or_name(self, env: Environment, head: syntax.Expr) -> None:
        """Raise where a comparison was meant to name a value: `h == dense(16)`, `h <- dense(16)`."""
        if not (isinstance(head, syntax.Binary) and isinstance(head.left, syntax.Name)):
            return
        name, right = head.left.name, head.right
        if head.operator == "<" and isinstance(right, syntax.Unary) and isinstance(right.operand, syntax.Call):
            if find(self.record, env, right.operand.name.name) is not None:
                help = f"write `{name} = …` to name a value, or `{name} -> {spelled(right.operand)}`"
                raise Fault("E114", "there is no `<-`", help=help)
        elif head.operator == "==" and name not in env.values and name not in env.lost:
            raise Fault("E116", "`==` compares, and names no value", help=f"write `{name} = {spelled(right)}`")

    def _current(self, env: Environment, layer: syntax.Name | syntax.Call) -> Values:
        if isinstance(env.current, Tensor):
            return [env.current]
        name = layer.name if isinstance(layer, syntax.Name) else layer.name.name
        if env.current is None and find(self.record, env, name) is not None:
            last = next(env.tensors, None)
            fault = Fault(
                "E209",
                f"there is no current value for {name} to apply to",
                help=f"{last} -> {name}; {values_here(env)}" if last else "declare an input first",
            )
            self.record.report(fault, blamed(layer))
        return POISON

    # What stands behind the arrow

    def _stage(self, env: Environment, stage: syntax.Name | syntax.Call, inputs: Values) -> Values:
        """One layer, block or instance applied to what came before; options are checked whatever the inputs are."""
        call = stage if isinstance(stage, syntax.Call) else syntax.Call(stage, [], stage.span)
        name = call.name.name
        target = find(self.record, env, name)
        if target is None:
            if name not in env.lost:
                fault = unknown_layer(self.record, env, name)
                if fault.fix and not self._takes(env, fault.fix, call):
                    fault.fix = None
                self.record.report(fault, call.name.span)
            return POISON
        if isinstance(target, Instance):
            return self._use(env, target, call, inputs)
        bound = self.arguments(env, target, call)
        if isinstance(bound, Poison) or isinstance(inputs, Poison):
            return POISON
        if not isinstance(target, Block):
            return _listed(Application(self.record, env, bound, call.name.span).to(inputs))
        scope = Scope(target.definition.name.name)
        results = self.blocks.call(env, bound, inputs, scope, call.name.span)
        env.scope.owns |= scope.owns
        env.made.append(scope)
        return results

    def _takes(self, env: Environment, layer: str, call: syntax.Call) -> bool:
        """Whether a layer takes these arguments, or what is wrong with them can be mended too."""
        record = self.record
        found, reported = len(record.diagnostics), set(record.reported)
        self.expressions.bind(env, record.registries["layer"][layer], call)
        sound = all(one.edits for one in record.diagnostics[found:])
        del record.diagnostics[found:]
        record.reported = reported
        return sound

    def arguments(self, env: Environment, target: Any, call: syntax.Call) -> Any:
        """The evaluated arguments of a layer or block, or poison."""
        if not isinstance(target, Block):
            return self.expressions.bind(env, target, call)
        if call.name.name in self.record.registries["layer"]:
            return POISON  # such a name is an error already, and which of the two is meant is not known
        return self.blocks.arguments(env, target, call)

    def _use(self, env: Environment, instance: Instance, call: syntax.Call, inputs: Values) -> Values:
        """A use of an instance, which shares the parameters of its first use."""
        if call.arguments:
            fault = Fault(
                "E202",
                f"{instance.name} is an instance; its options stand in line {instance.span.line}",
                help=f"-> {instance.name}",
            )
            return self.record.report(fault, call.arguments[0].span)
        if isinstance(inputs, Poison) or instance.bound is POISON:
            return POISON
        instance.uses += 1
        span = call.name.span
        if not isinstance(instance.definition, Block):
            return _listed(Application(self.record, env, instance.bound, span, instance).to(inputs))
        scope = Scope(instance.scope.kind, instance.scope.parent, instance.scope.part)
        outside, env.uses = env.uses, (*env.uses, (instance.span, instance.uses))
        start = len(self.record.parameters)
        try:
            results = self.blocks.call(env, instance.bound, inputs, scope, span)
        finally:
            env.uses = outside
        env.scope.owns |= scope.owns
        for made in self.record.parameters[start:]:
            instance.parameters.setdefault(f"{made.entity.below(scope)}.{made.leaf}", made)
        return results


def _listed(results: tuple[Tensor, ...] | Poison) -> Values:
    return POISON if isinstance(results, Poison) else list(results)
