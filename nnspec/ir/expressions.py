"""Expressions: compile-time values, arithmetic between values of the model, and pipelines of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import arithmetic, options
from nnspec.ir.application import apply
from nnspec.ir.components import Component
from nnspec.ir.dims import Size, symbol
from nnspec.ir.naming import Scope
from nnspec.ir.options import Expected
from nnspec.ir.records import (
    POISON,
    Block,
    Environment,
    Instance,
    Layerlike,
    ParameterReference,
    Poison,
    Record,
    Tensor,
)
from nnspec.ir.types import FLOATS, INTEGERS
from nnspec.language import syntax

OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "@": "matmul",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
INTEGER_RANGE = {"uint8": (0, 2**8 - 1), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
PLAIN = Expected()

CallBlock = Callable[
    [Environment, Block, dict[str, Any], Sequence[Tensor], Scope, Span, Instance | None], "list[Any] | Poison"
]


class Expressions:
    """Evaluates expressions in an environment. `call_block` runs the body of a block; the statements supply it."""

    def __init__(self, record: Record, call_block: CallBlock) -> None:
        self.record = record
        self.call_block = call_block

    # Values

    def evaluate(self, env: Environment, expr: syntax.Expr, wanted: Expected = PLAIN) -> Any:
        """The value of `expr`: a Tensor, a compile-time value, a component where one is wanted, or poison after a report."""
        try:
            return self._evaluate(env, expr, wanted)
        except Fault as fault:
            return self.record.report(fault, expr.name.span if isinstance(expr, syntax.Call) else expr.span)

    def _evaluate(self, env: Environment, expr: syntax.Expr, wanted: Expected) -> Any:
        match expr:
            case syntax.Literal(value=value):
                return value
            case syntax.Name():
                return self._name(env, expr, wanted)
            case syntax.ListExpr(items=items):
                values = tuple(self.evaluate(env, item, wanted) for item in items)
                return POISON if POISON in values else values
            case syntax.Attribute():
                return self._attribute(env, expr)
            case syntax.Unary(operator=operator, operand=operand):
                return self._unary(env, operator, self.evaluate(env, operand, wanted), expr.span)
            case syntax.Binary():
                return self._binary(env, expr, wanted)
            case syntax.Call():
                return self._call(env, expr, wanted)
            case syntax.Pipeline():
                return self._single(self.pipeline(env, expr, begins=False))
            case syntax.TupleExpr():
                raise Fault(
                    "E213",
                    "several values in parentheses begin a pipeline; here one value is needed",
                    help="(a, b) -> concat(axis = 1)",
                )

    def _name(self, env: Environment, expr: syntax.Name, wanted: Expected) -> Any:
        name = expr.name
        if name in env.values:
            return env.values[name]
        for kind in wanted.kinds:
            if name in self.record.registries[kind]:
                return self._component(env, kind, syntax.Call(expr, [], expr.span))
        if env.symbolic:
            return symbol(name)
        if env.incomplete:
            return POISON
        if name in wanted.words:
            raise Fault("E204", f"{name} is no value here; a word of a fixed set is a string", help=f'write "{name}"')
        if self.find(env, name) is not None:
            raise Fault("E218", f"{name} is a layer, and here a value is needed", help=f"x -> {name}()")
        close = get_close_matches(name, [*env.values, *wanted.words], n=1, cutoff=0.6)
        hint = f'"{close[0]}"' if close and close[0] in wanted.words else close[0] if close else ""
        known = ", ".join(key for key, value in env.values.items() if isinstance(value, Tensor))
        raise Fault(
            "E204",
            f"{name} is not defined",
            help=f"did you mean {hint}?" if hint else f"values here are {known}" if known else "",
        )

    def _attribute(self, env: Environment, expr: syntax.Attribute) -> Any:
        name, leaf = expr.base.name, ".".join(part.name for part in expr.names)
        instance = env.instances.get(name)
        if instance is None:
            if env.incomplete:
                return POISON
            raise Fault(
                "E204",
                f"{name} is no layer instance",
                help=f"`layer {name} = …` makes one, and {name}.{leaf} is its parameter",
            )
        if not instance.uses:
            raise Fault("E216", f"{name} has no parameters before its first use", help=f"apply {name} above this line")
        if leaf not in instance.parameters:
            own = ", ".join(instance.parameters) or "none"
            raise Fault("E204", f"{name} has no parameter {leaf}; its parameters are {own}")
        return ParameterReference(instance, leaf, instance.parameters[leaf])

    def _call(self, env: Environment, expr: syntax.Call, wanted: Expected) -> Any:
        name = expr.name.name
        for kind in wanted.kinds:
            if name in self.record.registries[kind]:
                return self._component(env, kind, expr)
        if env.losses and name in self.record.registries["loss"]:
            return self.loss(env, expr)
        if name in arithmetic.FUNCTIONS:
            return self._function(env, expr)
        if self.find(env, name) is not None:
            raise Fault(
                "E218",
                f"{name} is a layer, and only a statement that begins with one applies it to the current value",
                help=f"x -> {name}(…)",
            )
        for kind in (*wanted.kinds, *(("loss",) if env.losses else ())):
            raise self.unknown(kind, name)
        if env.incomplete:
            return POISON
        raise self._unknown_layer(env, name)

    def _function(self, env: Environment, expr: syntax.Call) -> Any:
        values = [self.evaluate(env, argument.value) for argument in expr.arguments]
        if POISON in values:
            return POISON
        for value in values:
            if isinstance(value, (Tensor, Size)):
                raise Fault(
                    "E212",
                    f"{expr.name.name} is a function of numbers here, got {_shown(value)}",
                    help=f"x -> {expr.name.name}() is the layer" if expr.name.name in ("min", "max") else "",
                )
        return arithmetic.FUNCTIONS[expr.name.name](*values)

    def _unary(self, env: Environment, operator: str, value: Any, span: Span) -> Any:
        if value is POISON:
            return POISON
        if isinstance(value, Tensor):
            if operator == "not":
                raise Fault("E212", f"`not` decides at compile time, and {value} is a value of the model")
            return self.operator(env, "negate", (value,), span)
        return arithmetic.unary(operator, value)

    def _binary(self, env: Environment, expr: syntax.Binary, wanted: Expected) -> Any:
        left = self.evaluate(env, expr.left, wanted)
        if expr.operator in ("and", "or"):
            return self._logical(env, expr, left)
        right = self.evaluate(env, expr.right, wanted)
        if left is POISON or right is POISON:
            return POISON
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return self._between(env, expr, left, right)
        try:
            return arithmetic.binary(expr.operator, left, right)
        except Fault as fault:
            return self.record.report(fault, expr.span)

    def _logical(self, env: Environment, expr: syntax.Binary, left: Any) -> Any:
        for side, value in (("left", left), ("right", None)):
            if side == "right":
                value = self.evaluate(env, expr.right)
            if value is POISON:
                return POISON
            if isinstance(value, (Tensor, Size)):
                raise Fault("E212", f"`{expr.operator}` decides at compile time, and {_shown(value)} is not known then")
            if arithmetic.truth(value, f"`{expr.operator}`") == (expr.operator == "or"):
                return value
        return value

    def _between(self, env: Environment, expr: syntax.Binary, left: Any, right: Any) -> Any:
        """Arithmetic with at least one value of the model."""
        if expr.operator not in OPERATORS:
            raise Fault("E217", f"`{expr.operator}` is defined between numbers, not between values")
        like = left if isinstance(left, Tensor) else right
        operands = [v if isinstance(v, Tensor) else self._constant(env, v, like, expr.span) for v in (left, right)]
        return self.operator(env, OPERATORS[expr.operator], operands, expr.operator_span)

    def operator(self, env: Environment, name: str, operands: Sequence[Tensor], span: Span) -> Any:
        """The result of an arithmetic operator."""
        component = self.record.registries["operator"][name]()
        return self._single(apply(self.record, env, options.Bound(component, {}, {}), operands, span))

    def _constant(self, env: Environment, value: Any, like: Tensor, span: Span) -> Any:
        """A number beside a value takes the value's dtype, if it fits."""
        dtype = like.type.dtype
        number = arithmetic.is_number(value)
        low, high = INTEGER_RANGE.get(dtype, (0, 0))
        fits = (
            (dtype in FLOATS and number) or (dtype in INTEGERS and number and value == int(value) and low <= value <= high)
        )
        if not (fits or (dtype == "bool" and isinstance(value, bool)) or (dtype == "string" and isinstance(value, str))):
            raise Fault(
                "E217",
                f"{_shown(value)} does not fit beside {like.type}",
                help='x -> cast("float32") first' if dtype in INTEGERS and number else "",
            )
        content = (
            float(value)
            if isinstance(value, Fraction) or dtype in FLOATS
            else int(value)
            if dtype in INTEGERS
            else value
        )
        component = self.record.registries["operator"]["constant"](value=content, dtype=dtype)
        return self._single(apply(self.record, env, options.Bound(component, {}, {}), (), span))

    # Components as arguments

    def _component(self, env: Environment, kind: str, expr: syntax.Call) -> Component | Poison:
        """A component that stands as an argument or setting: `normal(0.02)`, `adamw(lr = 0.01)`."""
        bound = self.bind(env, self.record.registries[kind][expr.name.name], expr)
        return bound.component if isinstance(bound, options.Bound) else POISON

    def bind(self, env: Environment, cls: type[Component], call: syntax.Call, skip: int = 0) -> options.Bound | Poison:
        """The component that a call describes; the first `skip` positional arguments are values, not options."""

        def argument(expr: syntax.Expr, wanted: Expected) -> Any:
            return self.evaluate(env, expr, wanted)

        return options.bind(cls, call.arguments[skip:], call.name.span, argument, self.record.report)

    def unknown(self, kind: str, name: str) -> Fault:
        """The error for a name that no component of `kind` has."""
        registry = self.record.registries[kind]
        near = registry.nearest(name)
        article = "an" if kind[0] in "aeiou" else "a"
        return Fault(
            "E403",
            f"{name} is not {article} {kind}",
            help=f"did you mean {near}?" if near else f"there are {', '.join(registry)}",
        )

    def loss(self, env: Environment, call: syntax.Call) -> Any:
        """The value of a loss: its first arguments are values, the rest options."""
        cls = self.record.registries["loss"][call.name.name]
        inputs = self.operands(env, call, cls.arity[0])
        bound = self.bind(env, cls, call, skip=cls.arity[0])
        if isinstance(bound, Poison) or isinstance(inputs, Poison):
            return POISON
        return self._single(apply(self.record, env, bound, inputs, call.name.span))

    def operands(self, env: Environment, call: syntax.Call, count: int) -> list[Tensor] | Poison:
        """The leading positional arguments of a loss or metric, which are values."""
        found = [self.evaluate(env, argument.value) for argument in call.arguments[:count] if argument.name is None]
        if len(found) < count:
            self.record.report(
                Fault(
                    "E223", f"{call.name.name} takes {count} values first, such as {call.name.name}(logits, species)"
                ),
                call.name.span,
            )
            return POISON
        for value, argument in zip(found, call.arguments, strict=False):
            if not isinstance(value, (Tensor, Poison)):
                self.record.report(
                    Fault("E212", f"{call.name.name} takes a value here, got {_shown(value)}"), argument.span
                )
                return POISON
        return POISON if POISON in found else found

    # Pipelines

    def pipeline(self, env: Environment, expr: syntax.Expr, begins: bool) -> list[Any] | Poison:
        """The results of `expr`. Where it `begins` a statement or a right side, a layer at its head applies to the current value."""
        head, stages = (expr.head, expr.stages) if isinstance(expr, syntax.Pipeline) else (expr, [])
        try:
            values = self._head(env, head, begins)
        except Fault as fault:
            values = self.record.report(fault, head.span)
        for stage in stages:
            values = self.stage(env, stage, values)
        return values

    def _head(self, env: Environment, head: syntax.Expr, begins: bool) -> list[Any] | Poison:
        if isinstance(head, syntax.TupleExpr):
            items = [self.evaluate(env, item) for item in head.items]
            return POISON if POISON in items else items
        if begins and self._begins_with_layer(env, head):
            assert isinstance(head, (syntax.Name, syntax.Call))
            return self.stage(env, head, self._current(env, head))
        value = self.evaluate(env, head)
        return POISON if value is POISON else [value]

    def _begins_with_layer(self, env: Environment, head: syntax.Expr) -> bool:
        if isinstance(head, syntax.Call):
            return not (head.name.name in arithmetic.FUNCTIONS and self.find(env, head.name.name) is None)
        if not isinstance(head, syntax.Name):
            return False
        layer = self.find(env, head.name) is not None
        if layer and head.name in env.values:
            raise Fault(
                "E211",
                f"{head.name} is a value and a layer",
                help=f"{head.name}() is the layer; for the value give one of them another name",
            )
        if not layer and head.name not in env.values and not env.incomplete:
            close = get_close_matches(head.name, env.values, n=1, cutoff=0.7)
            near = close[0] if close else self._nearest_layer(env, head.name)
            known = ", ".join(key for key, value in env.values.items() if isinstance(value, Tensor))
            raise Fault(
                "E201",
                f"{head.name} is neither a value nor a layer",
                help=f"did you mean {near}?" if near else f"values here are {known}" if known else "",
            )
        return layer

    def _current(self, env: Environment, head: syntax.Name | syntax.Call) -> list[Any] | Poison:
        if isinstance(env.current, Tensor):
            return [env.current]
        if env.current is None:
            name = head.name if isinstance(head, syntax.Name) else head.name.name
            known = [key for key, value in env.values.items() if isinstance(value, Tensor)]
            self.record.report(
                Fault(
                    "E209",
                    f"there is no current value for {name} to apply to",
                    help=f"{known[-1]} -> {name}; values here are {', '.join(known)}"
                    if known
                    else "declare an input first",
                ),
                head.span,
            )
        return POISON

    def stage(
        self, env: Environment, stage: syntax.Name | syntax.Call, inputs: list[Any] | Poison
    ) -> list[Any] | Poison:
        """One layer, block or instance applied to what came before; options are checked even where the inputs are poison."""
        call = stage if isinstance(stage, syntax.Call) else syntax.Call(stage, [], stage.span)
        target = self.find(env, call.name.name)
        if target is None:
            return (
                POISON
                if env.incomplete
                else self.record.report(self._unknown_layer(env, call.name.name), call.name.span)
            )
        if not isinstance(inputs, Poison):
            for value in inputs:
                if not isinstance(value, Tensor):
                    return self.record.report(
                        Fault("E212", f"{call.name.name} applies to a value, got {_shown(value)}"), call.name.span
                    )
        if isinstance(target, Instance):
            return self._instance(env, target, call, inputs)
        bound = self.arguments(env, target, call)
        if isinstance(bound, Poison) or isinstance(inputs, Poison):
            return POISON
        if isinstance(target, Block):
            scope = Scope(target.definition.name.name)
            results = self.call_block(env, target, bound, inputs, scope, call.name.span, None)
            env.made.append(scope)
            return results
        return self._several(apply(self.record, env, bound, inputs, call.name.span))

    def arguments(self, env: Environment, target: type[Any] | Block, call: syntax.Call) -> Any:
        """The evaluated arguments of a layer (Bound) or block (dict), or poison."""
        if isinstance(target, Block):
            return self._block_arguments(env, target.definition, call)
        return self.bind(env, target, call)

    def _block_arguments(
        self, env: Environment, definition: syntax.Definition, call: syntax.Call
    ) -> dict[str, Any] | Poison:
        names = [parameter.name.name for parameter in definition.parameters]
        given: dict[str, Any] = {}
        sound = True
        for position, argument in enumerate(call.arguments):
            name = argument.name.name if argument.name else names[position] if position < len(names) else ""
            place = argument.name.span if argument.name else argument.span
            value = self.evaluate(env, argument.value)
            if name not in names:
                close = get_close_matches(name, names, n=1, cutoff=0.5)
                known = ", ".join(names) or "none"
                self.record.report(
                    Fault(
                        "E202",
                        f"{call.name.name} has no parameter {name or f'number {position + 1}'}",
                        help=f"did you mean {close[0]}?" if close else f"its parameters are {known}",
                    ),
                    place,
                )
                sound = False
            elif name in given:
                self.record.report(Fault("E202", f"{call.name.name}: {name} is given twice"), place)
                sound = False
            else:
                given[name] = value
                sound &= value is not POISON
        missing = [p.name.name for p in definition.parameters if p.default is None and p.name.name not in given]
        if missing:
            self.record.report(
                Fault(
                    "E206", f"{call.name.name} needs {', '.join(missing)}", help=f"{call.name.name}({missing[0]} = …)"
                ),
                call.name.span,
            )
        return given if sound and not missing else POISON

    def _instance(
        self, env: Environment, instance: Instance, call: syntax.Call, inputs: list[Any] | Poison
    ) -> list[Any] | Poison:
        if call.arguments:
            return self.record.report(
                Fault(
                    "E202",
                    f"{instance.name} is an instance; its options stand in line {instance.span.line}",
                    help=f"-> {instance.name}",
                ),
                call.arguments[0].span,
            )
        if isinstance(inputs, Poison) or instance.bound is POISON:
            return POISON
        instance.uses += 1
        if isinstance(instance.definition, Block):
            again = Scope(instance.scope.kind, instance.scope.parent, instance.scope.part)
            results = self.call_block(env, instance.definition, instance.bound, inputs, again, call.name.span, instance)
            return results
        return self._several(apply(self.record, env, instance.bound, inputs, call.name.span, instance))

    # Layers by name

    def find(self, env: Environment, name: str) -> Layerlike | None:
        """What `name` means as a layer: an instance, a block or a layer of the library."""
        if name in env.instances:
            return env.instances[name]
        if name in env.blocks:
            return env.blocks[name]
        layers = self.record.registries["layer"]
        return layers[name] if name in layers else None

    def _nearest_layer(self, env: Environment, name: str) -> str | None:
        own = get_close_matches(name, [*env.instances, *env.blocks], n=1, cutoff=0.7)
        return own[0] if own else self.record.registries["layer"].nearest(name)

    def _unknown_layer(self, env: Environment, name: str) -> Fault:
        near = self._nearest_layer(env, name)
        if name in env.values:
            return Fault("E201", f"{name} is a value, not a layer")
        return Fault(
            "E201",
            f"there is no layer {name}",
            help=f"did you mean {near}?"
            if near
            else f"`block {name}(…) {{ … }}` declares one, and `use` brings one in",
        )

    def _several(self, results: tuple[Tensor, ...] | Poison) -> list[Any] | Poison:
        return POISON if isinstance(results, Poison) else list(results)

    def _single(self, results: Any) -> Any:
        if isinstance(results, Poison):
            return POISON
        if len(results) != 1:
            raise Fault("E213", f"this makes {len(results)} values, and one is needed here", help="a, b = … names them")
        return results[0]


def _shown(value: Any) -> str:
    return f"the value {value}" if isinstance(value, Tensor) else arithmetic.describe(value)
