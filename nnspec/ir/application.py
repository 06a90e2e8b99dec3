"""Applying an operator to values: shapes, parameters, ties, and the node that records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.components import Operator, ParameterSpec
from nnspec.ir.limits import MAX_ELEMENTS, MAX_PARAMETERS
from nnspec.ir.naming import Scope
from nnspec.ir.options import Bound
from nnspec.ir.orientation import doubts_of_order
from nnspec.ir.records import (
    Environment,
    Instance,
    NodeRecord,
    ParameterRecord,
    ParameterReference,
    Poison,
    Record,
    Tensor,
)
from nnspec.ir.types import TensorType, shape_text
from nnspec.ir.wording import counted, listed

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
SYMBOLS = {name: symbol for symbol, name in OPERATORS.items()} | {"negate": "-"}


@dataclass(slots=True)
class Application:
    """An operator that is applied at one place, perhaps as an instance."""

    record: Record
    env: Environment
    bound: Bound
    span: Span
    instance: Instance | None = None

    def to(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...] | Poison:
        """The results; what does not fit is reported."""
        operator: Operator = self.bound.component
        types = tuple(tensor.type for tensor in inputs)
        try:
            _check_arity(operator, inputs)
            inferred = operator.infer(*types)
            made = (inferred,) if isinstance(inferred, TensorType) else inferred
            for type in made:
                _check_size(operator, type)
            entity = self.instance.scope if self.instance else Scope(operator.name)
            parameters = self._parameters(operator.parameters(*types), entity)
            macs = operator.macs(*types)
        except Fault as fault:
            fault.message = _with_symbol(operator, fault.message)
            return self.record.report(with_source(fault, inputs, self.span), self.span)
        outputs = tuple(Tensor(type, self.span, operator.name) for type in made)
        self.record.nodes.append(
            NodeRecord(
                entity,
                operator,
                tuple(inputs),
                self.bound.tensors,
                parameters,
                outputs,
                macs,
                self.span,
                self.record.origin,
                self.record.recompute,
            )
        )
        if self.instance is None:
            self.env.made.append(entity)
        if doubt := operator.doubt():
            self.record.warn(doubt, self.span)
        for doubt in doubts_of_order(operator, inputs):
            self.record.warn(doubt, self.span)
        return outputs

    def _parameters(self, specs: dict[str, ParameterSpec], entity: Scope) -> dict[str, ParameterRecord]:
        """The record of each parameter: new, of the instance's first use, or of what it is tied to."""
        ties = self.bound.ties
        for name in [name for name in ties if name not in specs]:
            self._refuse_tie(name, ties[name][1], specs)
        shared = self.instance.parameters if self.instance else {}
        found: dict[str, ParameterRecord] = {}
        for leaf, spec in specs.items():
            if leaf in ties:
                found[leaf] = self._tied(leaf, spec, ties[leaf][0])
            elif leaf in shared:
                found[leaf] = self._shared(leaf, spec, shared[leaf])
            else:
                found[leaf] = self._new(leaf, spec, entity)
        return found

    def _new(self, leaf: str, spec: ParameterSpec, entity: Scope) -> ParameterRecord:
        name = self.bound.component.name
        self.record.elements += prod(spec.shape)
        if self.record.elements > MAX_PARAMETERS:
            raise Fault(
                "E222",
                f"{leaf} of {name} would be {shape_text(spec.shape)}, and a model has at most 2e10 parameters",
            )
        made = ParameterRecord(entity, leaf, spec, self.span, self.env.uses)
        self.record.parameters.append(made)
        entity.owns = self.env.scope.owns = True
        if self.instance:
            self.instance.parameters[leaf] = made
        return made

    def _tied(self, leaf: str, spec: ParameterSpec, reference: ParameterReference) -> ParameterRecord:
        owner = reference.record
        if (owner.spec.shape, owner.spec.dtype) != (spec.shape, spec.dtype):
            raise Fault(
                "E216",
                f"{self.bound.component.name} needs {leaf} {_shown(spec)}, {reference.name} is {_shown(owner.spec)}",
            )
        return owner

    def _shared(self, leaf: str, spec: ParameterSpec, first: ParameterRecord) -> ParameterRecord:
        assert self.instance is not None
        if (first.spec.shape, first.spec.dtype) != (spec.shape, spec.dtype):
            raise Fault(
                "E216",
                f"{self.instance.name} has {leaf} {_shown(first.spec)} from its first use in line {first.span.line}; "
                f"this input wants {_shown(spec)}",
                help="every use of an instance shares its parameters, so its inputs have the same features",
            )
        return first

    def _refuse_tie(self, name: str, place: Span, specs: dict[str, ParameterSpec]) -> None:
        layer = self.bound.component
        fault = Fault(
            "E202",
            f"{layer.name} has no parameter {name} to tie",
            help=f"its parameters are {listed(specs)}",
        )
        self.record.report(fault, place)


def _with_symbol(operator: Operator, message: str) -> str:
    """A message about an arithmetic operator, which the file writes as a symbol."""
    symbol = SYMBOLS.get(operator.name) if operator.kind == "operator" else None
    return (
        f"`{symbol}`{message.removeprefix(operator.name)}" if symbol and message.startswith(operator.name) else message
    )


def _check_arity(operator: Operator, inputs: Sequence[Tensor]) -> None:
    least, most = operator.arity
    if len(inputs) >= least and (most is None or len(inputs) <= most):
        return
    wanted = counted(least, "input")
    if most is None:
        wanted = f"{wanted} or more"
    elif most > least:
        wanted = f"{least} to {most} inputs"
    raise Fault(
        "E223",
        f"{operator.name} takes {wanted}, got {len(inputs)}",
        help=f"(a, b) -> {operator.name}(…) gives it two" if least > 1 else "",
    )


def _check_size(operator: Operator, type: TensorType) -> None:
    sizes = [dim for dim in type.shape if isinstance(dim, int)]
    if any(size < 1 for size in sizes):
        raise Fault("E203", f"the result of {operator.name} would be {type}: nothing is left of a dimension")
    if prod(sizes) > MAX_ELEMENTS:
        rows = "" if isinstance(type.shape[0], int) else " for each row"
        raise Fault(
            "E222",
            f"the result of {operator.name} would be {type}, {prod(sizes):_} numbers{rows}",
            help="a value has at most 1e11 numbers",
        )


def with_source(fault: Fault, inputs: Sequence[Tensor], span: Span) -> Fault:
    """Say behind the caret where the size came from."""
    if fault.label or not inputs:
        return fault
    sources = list(dict.fromkeys(_source(tensor, span) for tensor in inputs[:3]))
    text = "this input comes from" if len(inputs) == 1 else "these inputs come from"
    return Fault(fault.code, fault.message, fault.help, f"{text} {' and '.join(sources)}")


def _source(tensor: Tensor, span: Span) -> str:
    what = tensor.name if tensor.name and tensor.made_by in ("input", "target") else tensor.made_by
    file = f"{tensor.span.file}, " if tensor.span.file != span.file else ""
    return f"`{SYMBOLS.get(what, what)}`, {file}line {tensor.span.line}"


def _shown(spec: ParameterSpec) -> str:
    return f"{spec.dtype}{shape_text(spec.shape)}"
