"""Expressions: compile-time values, arithmetic with values of the model, and components that stand as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import arithmetic, limits, options
from nnspec.ir.advice import arrow
from nnspec.ir.components import Component
from nnspec.ir.dims import Size, symbol
from nnspec.ir.expected import Expected
from nnspec.ir.lookup import find, unknown_call, unknown_value, unquoted
from nnspec.ir.mixed import Mixed, one
from nnspec.ir.records import POISON, Environment, ParameterReference, Poison, Record, Tensor
from nnspec.ir.wording import listed
from nnspec.language import syntax
from nnspec.language.spelling import spelled

RunPipeline = Callable[[Environment, syntax.Pipeline], "list[Tensor] | Poison"]
PLAIN = Expected()


class Expressions:
    """Evaluates expressions in an environment; `run_pipeline` supplies what stands around `->`."""

    def __init__(self, record: Record, run_pipeline: RunPipeline) -> None:
        self.record = record
        self.mixed = Mixed(record)
        self._run_pipeline = run_pipeline

    def evaluate(self, env: Environment, expr: syntax.Expr, wanted: Expected = PLAIN) -> Any:
        """A Tensor, a compile-time value, a component where one is wanted, or poison after a report."""
        try:
            value = self._evaluate(env, expr, wanted)
        except Fault as fault:
            value = self.record.report(fault, blamed(expr))
        limits.spend(self.record, arithmetic.entries(value), expr.span)
        return value

    def decided(self, env: Environment, expr: syntax.Expr, what: str) -> Any:
        """A value that is known when the spec is compiled; reports one that is not, for `what`: `let`, `if`."""
        value = self.evaluate(env, expr)
        open_part = _undecided(value)
        if open_part is None:
            return value
        fault = Fault("E212", f"{what} is decided when the spec is compiled, and this is {shown(open_part)}")
        if isinstance(open_part, Size):
            fault.help = f"declare the input with a number in the place of {open_part}"
        return self.record.report(fault, blamed(expr))

    def _evaluate(self, env: Environment, expr: syntax.Expr, wanted: Expected) -> Any:
        if wanted.text and (fault := unquoted(env, expr)):
            return self.record.report(fault, expr.span)
        match expr:
            case syntax.Literal(value=value):
                return value
            case syntax.Name():
                return self._name(env, expr, wanted)
            case syntax.ListExpr(items=items):
                values = tuple([self.evaluate(env, item, wanted) for item in items])
                return POISON if POISON in values else values
            case syntax.Attribute():
                return self._attribute(env, expr)
            case syntax.Unary(operator=operator, operand=operand):
                return self._unary(env, operator, self.evaluate(env, operand, wanted), expr.span)
            case syntax.Binary(operator="and" | "or"):
                return self._logical(env, expr)
            case syntax.Binary():
                return self._binary(env, expr, wanted)
            case syntax.Call():
                return self._call(env, expr, wanted)
            case syntax.Pipeline():
                return one(self._run_pipeline(env, expr))
            case syntax.TupleExpr():
                raise Fault(
                    "E213",
                    "several values in parentheses begin a pipeline; here one value is needed",
                    help=_in_brackets(expr) or "(a, b) -> concat(axis = 1)",
                )

    # Names

    def _name(self, env: Environment, expr: syntax.Name, wanted: Expected) -> Any:
        name = expr.name
        if name in env.values:
            return env.values[name]
        for kind in wanted.kinds:
            if name in self.record.registries[kind] and kind != "loss":
                return self._component(env, kind, syntax.Call(expr, [], expr.span))
            if name in self.record.registries[kind]:
                raise self._without_values(env, name, self.record.registries[kind][name].arity[0])
        if env.symbolic:
            return symbol(name)
        if find(self.record, env, name) is not None and name not in wanted.words:
            raise Fault(
                "E218", f"{name} is a layer, and here a value is needed", help=f"{self._input(env)} -> {name}()"
            )
        if name in env.lost:
            return POISON
        raise unknown_value(self.record, env, name, wanted)

    def _attribute(self, env: Environment, expr: syntax.Attribute) -> Any:
        """`emb.weight`, or `enc.dense_1.weight` where the instance is of a block."""
        name, leaf = expr.base.name, ".".join(part.name for part in expr.names)
        instance = env.instances.get(name)
        if instance is None or instance.bound is POISON:
            if instance or name in env.lost or env.values.get(name) is POISON:
                return POISON
            what = "a value, and has no parameters" if name in env.values else "no layer instance"
            raise Fault(
                "E204", f"{name} is {what}", help=f"`layer {name} = …` makes one, and {name}.{leaf} is its parameter"
            )
        if not instance.uses:
            raise Fault("E216", f"{name} has no parameters before its first use", help=f"apply {name} above this line")
        if leaf not in instance.parameters:
            raise Fault(
                "E204", f"{name} has no parameter {leaf}", help=f"its parameters are {listed(instance.parameters)}"
            )
        return ParameterReference(f"{name}.{leaf}", instance.parameters[leaf])

    # Operators

    def _unary(self, env: Environment, operator: str, value: Any, span: Span) -> Any:
        if value is POISON:
            return POISON
        if not isinstance(value, Tensor):
            return arithmetic.unary(operator, value)
        if operator == "not":
            raise Fault("E212", f"`not` is decided when the spec is compiled, and this is {shown(value)}")
        return self.mixed.negative(env, value, span)

    def _binary(self, env: Environment, expr: syntax.Binary, wanted: Expected) -> Any:
        left = self.evaluate(env, expr.left, wanted)
        right = self.evaluate(env, expr.right, wanted)
        if left is POISON or right is POISON:
            return POISON
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return self.mixed.binary(env, expr, left, right)
        return arithmetic.binary(expr.operator, left, right)

    def _logical(self, env: Environment, expr: syntax.Binary) -> Any:
        """`and`, `or`: the right side is looked at only where the left one does not decide."""
        left = self._condition(env, expr.left, expr.operator)
        if left is POISON or left == (expr.operator == "or"):
            return left
        return self._condition(env, expr.right, expr.operator)

    def _condition(self, env: Environment, expr: syntax.Expr, operator: str) -> Any:
        value = self.decided(env, expr, f"`{operator}`")
        try:
            return value if value is POISON else arithmetic.truth(value, f"`{operator}`")
        except Fault as fault:
            return self.record.report(fault, blamed(expr))

    # Calls

    def _call(self, env: Environment, expr: syntax.Call, wanted: Expected) -> Any:
        name = expr.name.name
        for kind in wanted.kinds:
            if name in self.record.registries[kind] and kind != "loss":
                return self._component(env, kind, expr)
        if env.losses and name in self.record.registries["loss"]:
            return self._loss(env, expr)
        if name in arithmetic.FUNCTIONS:
            return self._function(env, expr)
        if find(self.record, env, name) is not None:
            raise Fault(
                "E218",
                f"{name} is a layer, and only a statement that begins with one applies it to the current value",
                help=self._with_arrow(env, expr),
            )
        if name in env.lost:
            return POISON
        kinds = (*wanted.kinds, "loss") if env.losses else wanted.kinds
        raise unknown_call(self.record, env, expr, kinds)

    def _with_arrow(self, env: Environment, call: syntax.Call) -> str:
        """`x -> dense(8)` for `x + dense(8)`, and `x -> relu` for `relu(x) + 1`."""
        name, arguments = call.name.name, call.arguments
        written = arguments[0].value if arguments and arguments[0].name is None else None
        if written and not isinstance(written, (syntax.Literal, syntax.ListExpr)):
            count = len(self.record.diagnostics)
            value = self.evaluate(env, written)
            if isinstance(value, Tensor):
                return arrow(name, arguments[:1], arguments[1:])
            del self.record.diagnostics[count:]
        return f"{self._input(env)} -> {spelled(call, f'{name}(…)')}"

    def _input(self, env: Environment) -> str:
        """The value that a layer was probably meant to be applied to."""
        return (env.current.name if isinstance(env.current, Tensor) else "") or next(env.tensors, "x")

    def _without_values(self, env: Environment, name: str, count: int) -> Fault:
        """The error for a loss or metric that is not given its values, with values that it could have."""
        found = [value for value in env.values.values() if isinstance(value, Tensor)]
        targets = [value.name for value in found if value.made_by == "target"]
        made = [value.name for value in found if value.made_by not in ("target", "input")]
        values = f"{made[-1]}, {targets[0]}" if made and targets else "prediction, target"
        return Fault("E223", f"{name} takes {count} values first, such as {name}({values})")

    def _function(self, env: Environment, expr: syntax.Call) -> Any:
        name = expr.name.name
        values = []
        for argument in expr.arguments:
            value = self.evaluate(env, argument.value)
            if isinstance(value, (Tensor, Size)):
                fix = f"x -> {name}(…) is the layer" if name in self.record.registries["layer"] else ""
                fault = Fault("E212", f"{name} is a function of numbers here, got {shown(value)}", help=fix)
                value = self.record.report(fault, blamed(argument.value))
            if argument.name:
                fault = Fault("E202", f"{name} is a function of numbers here, and has no options")
                value = self.record.report(fault, argument.name.span)
            values.append(value)
        return POISON if POISON in values else arithmetic.FUNCTIONS[name](*values)

    def _component(self, env: Environment, kind: str, expr: syntax.Call) -> Component | Poison:
        """A component that stands as an argument or setting: `normal(0.02)`, `adamw(lr = 0.01)`."""
        bound = self.bind(env, self.record.registries[kind][expr.name.name], expr)
        return bound.component if isinstance(bound, options.Bound) else POISON

    def bind(self, env: Environment, cls: type[Component], call: syntax.Call, skip: int = 0) -> options.Bound | Poison:
        """The component that a call describes; the first `skip` positional arguments are values, not options."""

        def argument(expr: syntax.Expr, wanted: Expected) -> Any:
            return self.evaluate(env, expr, wanted)

        return options.bind(
            cls, call.arguments[skip:], call.name.span, argument, self.record.report, self.record.registries
        )

    def _loss(self, env: Environment, call: syntax.Call) -> Any:
        """The value of a loss: its first arguments are values, the rest options."""
        cls = self.record.registries["loss"][call.name.name]
        inputs = self.operands(env, call, cls.arity[0])
        bound = self.bind(env, cls, call, skip=cls.arity[0])
        if isinstance(bound, Poison) or isinstance(inputs, Poison):
            return POISON
        return self.mixed.apply(env, bound, inputs, call.name.span)

    def operands(self, env: Environment, call: syntax.Call, count: int) -> list[Tensor] | Poison:
        """The leading positional arguments of a loss or metric, which are values."""
        name = call.name.name
        given = [argument for argument in call.arguments[:count] if argument.name is None]
        found = [self.evaluate(env, argument.value) for argument in given]
        if len(found) < count:
            return self.record.report(self._without_values(env, name, count), call.name.span)
        for index, (value, argument) in enumerate(zip(found, given, strict=True)):
            if not isinstance(value, (Tensor, Poison)):
                fault = Fault("E212", f"{name} takes a value here, got {shown(value)}")
                found[index] = self.record.report(fault, argument.span)
        return POISON if POISON in found else found


def blamed(expr: syntax.Expr) -> Span:
    """The part of an expression that stands for it in a message: the name of a call, the operator between operands."""
    match expr:
        case syntax.Call(name=name):
            return name.span
        case syntax.Binary(operator_span=span):
            return span
        case syntax.Pipeline(stages=stages):
            return blamed(stages[-1])
    return expr.span


def shown(value: Any) -> str:
    """A value as a message names it."""
    return f"the value {value}" if isinstance(value, Tensor) else arithmetic.describe(value)


def _undecided(value: Any) -> Any:
    """What in `value` is not known when the spec is compiled; None for nothing."""
    if isinstance(value, tuple):
        return next((part for part in map(_undecided, value) if part is not None), None)
    return value if isinstance(value, (Tensor, Size, ParameterReference)) else None


def _in_brackets(expr: syntax.TupleExpr) -> str:
    """The help for (3, 3), a list of numbers in Python."""
    if not all(isinstance(item, syntax.Literal) for item in expr.items):
        return ""
    return f"a list stands in brackets: [{', '.join(spelled(item) for item in expr.items)}]"
