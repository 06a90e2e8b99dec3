"""Statements: what a model or block body does, with blocks, loops and conditions expanded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir import arithmetic, limits
from nnspec.ir.dims import Dim, Size, exact_quotient
from nnspec.ir.expressions import Expressions
from nnspec.ir.naming import Scope, settle
from nnspec.ir.records import POISON, Block, Environment, Instance, Poison, Record, Tensor
from nnspec.ir.types import DTYPES, TensorType
from nnspec.language import syntax


class Statements:
    """Runs the statements of a body in an environment."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.expressions = Expressions(record, self.call_block)
        self.weights = limits.Weights()

    def body(self, env: Environment, statements: list[syntax.Statement]) -> None:
        for statement in statements:
            try:
                limits.step(self.record)
                self._statement(env, statement)
            except limits.TooLarge as fault:
                if not fault.reported:
                    self.record.report(fault, statement.span)
                fault.reported = True
                raise
            except Fault as fault:
                self.record.report(fault, statement.span)
                self._poison(env, [statement])

    def _statement(self, env: Environment, statement: syntax.Statement) -> None:
        match statement:
            case syntax.Apply():
                self._apply(env, statement)
            case syntax.Assign():
                self._assign(env, statement)
            case syntax.Output():
                self._output(env, statement)
            case syntax.Input():
                raise Fault("E220", "an input stands at the top of a model or block, before the statements that use it")
            case syntax.LayerInstance():
                self._instance(env, statement)
            case syntax.Let():
                self._let(env, statement)
            case syntax.If():
                self._if(env, statement)
            case syntax.Repeat():
                self._repeat(env, statement)
            case syntax.For():
                self._for(env, statement)
            case syntax.Broken():
                env.incomplete = True
                self._poison(env, [statement])

    # Values

    def _apply(self, env: Environment, statement: syntax.Apply) -> None:
        results = self._results(env, statement.value, None)
        env.current = results if isinstance(results, Poison) else results[0] if len(results) == 1 else None

    def _assign(self, env: Environment, statement: syntax.Assign) -> None:
        names = [name.name for name in statement.names]
        results = self._results(env, statement.value, names[0] if len(names) == 1 else None)
        if isinstance(results, list) and len(results) != len(names):
            made = f"{len(results)} value{'s' * (len(results) != 1)}"
            results = self.record.report(
                Fault("E213", f"{len(names)} name{'s' * (len(names) != 1)} for {made}"), statement.names[0].span
            )
        values = [POISON] * len(names) if isinstance(results, Poison) else results
        for name, value in zip(statement.names, values, strict=True):
            self.bind(env, name, value)
        env.current = values[0] if len(names) == 1 else None

    def _results(self, env: Environment, value: syntax.Expr, name: str | None) -> list[Any] | Poison:
        """The values of a statement's expression; what it made gets its part of the paths."""
        results = self.expressions.pipeline(env, value, begins=True)
        settle(env.scope, name, env.made)
        env.made = []
        if isinstance(results, Poison):
            return POISON
        for result in results:
            if not isinstance(result, Tensor):
                fix = f"let {name} = …" if name else ""
                raise Fault(
                    "E212",
                    f"this is {arithmetic.describe(result)}, not a value of the model",
                    help=f"a number is named by `{fix}`" if fix else "",
                )
        return results

    def bind(self, env: Environment, name: syntax.Name, value: Tensor | Poison) -> None:
        """Give a value of the model a name."""
        if name.name in env.fixed:
            self.record.report(
                Fault("E210", f"{name.name} is {env.fixed[name.name]}; a value needs another name"), name.span
            )
            return
        env.values[name.name] = value
        if isinstance(value, Tensor) and not value.name:
            value.name, value.scope, value.span = name.name, env.scope, name.span

    def _output(self, env: Environment, statement: syntax.Output) -> None:
        name = statement.name
        if (
            name is None
            and isinstance(statement.value, syntax.Name)
            and isinstance(env.values.get(statement.value.name), (Tensor, Poison))
        ):
            value = env.values[statement.value.name]
            self._add_output(env, statement.value.name, value, statement.value.span)
            return
        results = self._results(env, statement.value, name.name if name else None)
        if isinstance(results, list) and len(results) != 1:
            raise Fault("E213", f"an output is one value, and this makes {len(results)}")
        value = results if isinstance(results, Poison) else results[0]
        if name:
            self.bind(env, name, value)
        self._add_output(env, name.name if name else "", value, name.span if name else statement.value.span)
        env.current = value

    def _add_output(self, env: Environment, name: str, value: Tensor | Poison, span: Span) -> None:
        if name and any(name == known for known, _, _ in env.outputs):
            raise Fault("E210", f"there is an output {name} already")
        env.outputs.append((name, value, span))

    def _let(self, env: Environment, statement: syntax.Let) -> None:
        name = statement.name.name
        value = self.expressions.evaluate(env, statement.value)
        if isinstance(value, Tensor):
            fix = f"{name} = …"
            value = self.record.report(
                Fault(
                    "E212",
                    "let names numbers, strings and lists; this is a value of the model",
                    help=f"`{fix}` names it",
                ),
                statement.value.span,
            )
        if (name in env.fixed and env.fixed[name] != "a name bound by let") or isinstance(env.values.get(name), Tensor):
            what = env.fixed.get(name, "a value of the model")
            raise Fault("E210", f"{name} is {what} already")
        self._fix(env, name, value, "a name bound by let")

    def _fix(self, env: Environment, name: str, value: Any, what: str) -> None:
        env.values[name] = value
        env.fixed[name] = what

    def _instance(self, env: Environment, statement: syntax.LayerInstance) -> None:
        name, value = statement.name, statement.value
        call = value if isinstance(value, syntax.Call) else syntax.Call(value, [], value.span)
        if self.expressions.find(env, name.name) is not None:
            raise Fault("E210", f"there is a layer {name.name} already", help="give the instance another name")
        target = self.expressions.find(env, call.name.name)
        bound: Any = POISON
        if target is None:
            self.expressions.stage(env, value, POISON)
        elif isinstance(target, Instance):
            raise Fault("E210", f"{target.name} is an instance already; use it as it is")
        else:
            bound = self.expressions.arguments(env, target, call)
        scope = Scope("instance", env.scope, env.scope.named(name.name))
        definition = target if target is not None else self.record.registries["layer"]["identity"]
        env.instances[name.name] = Instance(name.name, definition, call, bound, scope, name.span)

    # Control flow, all of it at compile time

    def _if(self, env: Environment, statement: syntax.If) -> None:
        multiplicity, self.record.multiplicity = self.record.multiplicity, 1
        try:
            for condition, body in statement.branches:
                taken = self._condition(env, condition)
                if isinstance(taken, Poison):
                    self._poison(env, [statement])
                    return
                if taken:
                    self.body(env, body)
                    return
            self.body(env, statement.orelse)
        finally:
            self.record.multiplicity = multiplicity

    def _condition(self, env: Environment, condition: syntax.Expr) -> bool | Poison:
        value = self.expressions.evaluate(env, condition)
        if isinstance(value, Poison):
            return POISON
        try:
            if isinstance(value, Tensor):
                raise Fault("E212", f"`if` decides when the spec is compiled, and {value} is a value of the model")
            return arithmetic.truth(value, "`if`")
        except Fault as fault:
            return self.record.report(fault, condition.span)

    def _repeat(self, env: Environment, statement: syntax.Repeat) -> None:
        count = self.expressions.evaluate(env, statement.count)
        if not isinstance(count, Poison) and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
            shown = f"the value {count}" if isinstance(count, Tensor) else arithmetic.describe(count)
            count = self.record.report(
                Fault("E212", f"repeat takes a whole number that is known when the spec is compiled, got {shown}"),
                statement.count.span,
            )
        if isinstance(count, Poison):
            self._poison(env, [statement])
            return
        limits.enter(self.record, count, self.weights.body(statement.body, env.blocks))
        scope = Scope("repeat", env.scope, env.scope.named(statement.name.name)) if statement.name else None
        variables = [statement.variable] if statement.variable else []
        self._loop(env, statement, variables, [(index,) if variables else () for index in range(count)], scope)
        if statement.name and isinstance(env.current, (Tensor, Poison)):
            self.bind(env, statement.name, env.current)

    def _for(self, env: Environment, statement: syntax.For) -> None:
        values = self.expressions.evaluate(env, statement.values)
        if not isinstance(values, (tuple, Poison)):
            shown = f"the value {values}" if isinstance(values, Tensor) else arithmetic.describe(values)
            values = self.record.report(Fault("E212", f"for goes through a list, got {shown}"), statement.values.span)
        if isinstance(values, Poison):
            self._poison(env, [statement])
            return
        width = len(statement.variables)
        for value in values:
            if width > 1 and (not isinstance(value, tuple) or len(value) != width):
                raise Fault(
                    "E213", f"each entry of the list gives {width} numbers here, got {arithmetic.describe(value)}"
                )
        limits.enter(self.record, len(values), self.weights.body(statement.body, env.blocks))
        self._loop(env, statement, statement.variables, [value if width > 1 else (value,) for value in values], None)

    def _loop(
        self,
        env: Environment,
        statement: syntax.Repeat | syntax.For,
        variables: Sequence[syntax.Name],
        steps: Sequence[tuple[Any, ...]],
        scope: Scope | None,
    ) -> None:
        """Run the body once per step, with the variables bound; a scope gives every step a part of the paths."""
        outer, multiplicity, origin = env.scope, self.record.multiplicity, self.record.origin
        self.record.multiplicity *= max(len(steps), 1)
        self.record.origin = (*origin, statement.span)
        try:
            for index, values in enumerate(steps):
                for variable, value in zip(variables, values, strict=True):
                    self._fix(env, variable.name, value, "a loop variable")
                env.scope = Scope("step", scope, str(index)) if scope else outer
                self.body(env, statement.body)
                outer.owns |= env.scope.owns
        finally:
            env.scope, self.record.multiplicity, self.record.origin = outer, multiplicity, origin

    def _poison(self, env: Environment, statements: Sequence[syntax.Statement]) -> None:
        """Mark what these statements would have bound as reported already."""
        for name in _bound_names(statements):
            if name not in env.fixed:
                env.values[name] = POISON
        env.current = POISON

    # Blocks

    def call_block(
        self,
        env: Environment,
        block: Block,
        given: dict[str, Any],
        inputs: Sequence[Tensor],
        scope: Scope,
        span: Span,
        instance: Instance | None,
    ) -> list[Any] | Poison:
        """The outputs of a block applied to `inputs`."""
        definition, record = block.definition, self.record
        record.called.add(id(definition))
        if any(definition is outer for outer in record.calls):
            return record.report(
                Fault(
                    "E224", f"block {definition.name.name} contains itself", help="there is no recursion; use repeat"
                ),
                span,
            )
        if len(record.calls) >= limits.MAX_CALLS:
            return record.report(Fault("E222", f"blocks are nested more than {limits.MAX_CALLS} deep"), span)
        inner = Environment(
            block.blocks,
            scope,
            shared=env.shared or instance,
            use=instance.uses if instance and not env.shared else env.use,
        )
        saved = record.origin, record.calls
        record.origin, record.calls = (*record.origin, span), (*record.calls, definition)
        try:
            limits.enter(record, 1, self.weights.body(definition.body, block.blocks))
            self._parameters(inner, definition, given)
            self.inputs(inner, definition, inputs, span)
            self.body(inner, [s for s in definition.body if not isinstance(s, syntax.Input)])
        finally:
            record.origin, record.calls = saved
        env.scope.owns |= scope.owns
        results = [value for _, value, _ in inner.outputs] or [inner.current]
        if POISON in results:
            return POISON
        if results == [None]:
            return record.report(
                Fault("E220", f"block {definition.name.name} has no output", help="output x ends it"),
                definition.name.span,
            )
        return results

    def _parameters(self, env: Environment, definition: syntax.Definition, given: dict[str, Any]) -> None:
        for parameter in definition.parameters:
            name = parameter.name.name
            default = self.expressions.evaluate(env, parameter.default) if parameter.default else POISON
            value = given.get(name, default)
            check_kind(name, value, default)
            self._fix(env, name, value, "a parameter")

    def inputs(self, env: Environment, definition: syntax.Definition, given: Sequence[Tensor], span: Span) -> None:
        """Bind the inputs of a block, and the names that their declared sizes give."""
        declared = [s for s in definition.body if isinstance(s, syntax.Input)]
        if len(declared) != len(given):
            names = ", ".join(s.name.name for s in declared)
            raise Fault(
                "E223",
                f"block {definition.name.name} takes {len(declared)} input{'s' * (len(declared) != 1)} ({names}), got {len(given)}",
            )
        for statement, value in zip(declared, given, strict=True):
            if statement.type:
                self._match(env, statement, statement.type, value)
            if statement.name.name in env.values:
                raise Fault("E210", f"block {definition.name.name}: {statement.name.name} is bound twice")
            env.values[statement.name.name] = value
            env.inputs.append(value)
        env.current = env.inputs[0] if len(env.inputs) == 1 else None

    def _match(self, env: Environment, statement: syntax.Input, declared: syntax.TypeExpr, value: Tensor) -> None:
        name = statement.name.name
        if declared.dtype and declared.dtype.name != value.type.dtype:
            raise Fault("E215", f"{name} is declared {declared.dtype.name}, and gets {value.type}")
        if declared.dims is None:
            return
        if len(declared.dims) != value.type.rank:
            raise Fault("E203", f"{name} is declared with {len(declared.dims)} dimensions, and gets {value.type}")
        for pattern, actual in zip(declared.dims, value.type.shape, strict=True):
            self._match_dim(env, name, pattern, actual, value)

    def _match_dim(self, env: Environment, name: str, pattern: syntax.Expr, actual: Dim, value: Tensor) -> None:
        """Bind a size to its name (`C`, or H in `8 * H`), or hold it against what is known."""
        match pattern:
            case syntax.Name(name=size) if size not in env.values:
                self._fix(env, size, actual, "a size")
                return
            case syntax.Binary(operator="*", left=left, right=syntax.Name(name=size)) if size not in env.values:
                factor = self.expressions.evaluate(env, left)
                if isinstance(factor, int) and factor > 0:
                    self._fix(env, size, exact_quotient(actual, factor), "a size")
                    return
        wanted = self.expressions.evaluate(env, pattern)
        if wanted is not POISON and wanted != actual:
            raise Fault("E208", f"{name} is declared with a size of {wanted}, and gets {actual} in {value.type}")

    # Declared types

    def declared_type(self, env: Environment, declared: syntax.TypeExpr, *, label: bool = False) -> TensorType | Poison:
        """The type that an `input` line or a target states; unknown names are symbolic dimensions."""
        dtype = declared.dtype.name if declared.dtype else ""
        if dtype == "label" and label:
            dtype = "int64"
        if dtype not in DTYPES:
            place = declared.dtype.span if declared.dtype else declared.span
            found = f"{dtype} is no dtype" if dtype else "a dtype is missing"
            return self.record.report(Fault("E215", found, help=f"dtypes are {', '.join(DTYPES)}"), place)
        env.symbolic = True
        try:
            dims = [self._declared_dim(env, dim) for dim in declared.dims or []]
        finally:
            env.symbolic = False
        return POISON if POISON in dims else TensorType(dtype, tuple(dims))  # type: ignore[arg-type]

    def _declared_dim(self, env: Environment, expr: syntax.Expr) -> Any:
        value = self.expressions.evaluate(env, expr)
        if (
            isinstance(value, (Poison, Size))
            or (isinstance(value, int)
            and not isinstance(value, bool)
            and 0 < value <= limits.MAX_VALUE)
        ):
            return value
        return self.record.report(
            Fault("E205", f"a dimension is a whole number of at least 1 or a name, got {arithmetic.describe(value)}"),
            expr.span,
        )


def check_kind(name: str, value: Any, default: Any) -> None:
    """A parameter keeps the kind of its default: number, boolean, string or list. Raises E205."""
    kinds = {bool: "true or false", str: "a string", tuple: "a list"}
    if isinstance(default, Poison) or isinstance(value, (Poison, Tensor)) or value is None or default is None:
        return
    wanted = next((text for kind, text in kinds.items() if isinstance(default, kind)), "a number")
    found = next((text for kind, text in kinds.items() if isinstance(value, kind)), "a number")
    if wanted != found:
        raise Fault(
            "E205",
            f"{name} is {wanted} (its default is {arithmetic.describe(default)}), got {arithmetic.describe(value)}",
        )
    if isinstance(default, int) and isinstance(value, float) and not isinstance(default, bool):
        raise Fault("E205", f"{name} is a whole number (its default is {default}), got {arithmetic.describe(value)}")


def _bound_names(statements: Sequence[syntax.Statement]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case syntax.Assign(names=names):
                yield from (name.name for name in names)
            case syntax.Output(name=syntax.Name(name=name)) | syntax.Let(name=syntax.Name(name=name)):
                yield name
            case syntax.Broken(names=names):
                yield from names
            case syntax.If(branches=branches, orelse=orelse):
                for _, body in branches:
                    yield from _bound_names(body)
                yield from _bound_names(orelse)
            case syntax.Repeat(name=name, body=body):
                yield from (name.name,) if name else ()
                yield from _bound_names(body)
            case syntax.For(body=body):
                yield from _bound_names(body)
