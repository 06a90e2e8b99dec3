"""Applying an operator to values: shapes, parameters, ties, and the node that records it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.components import Operator, ParameterSpec
from nnspec.ir.dims import product
from nnspec.ir.limits import MAX_PARAMETERS, MAX_VALUE
from nnspec.ir.naming import Scope
from nnspec.ir.options import Bound
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


def apply(
    record: Record,
    env: Environment,
    bound: Bound,
    inputs: Sequence[Tensor],
    span: Span,
    instance: Instance | None = None,
) -> tuple[Tensor, ...] | Poison:
    """The results of `bound.component` applied to `inputs`; reports what does not fit at `span`."""
    operator: Operator = bound.component
    types = tuple(tensor.type for tensor in inputs)
    try:
        _check_arity(operator, inputs)
        results = operator.infer(*types)
        made = results if not isinstance(results, TensorType) else (results,)
        specs = operator.parameters(*types)
        _check_sizes(record, operator, made, specs)
        entity = instance.scope if instance else Scope(operator.name)
        parameters = _parameters(record, env, bound, specs, entity, span, instance)
    except Fault as fault:
        return record.report(_with_source(fault, inputs), span)
    if instance is None:
        entity.owns = any(owned.entity is entity for owned in parameters.values())
        env.made.append(entity)
    env.scope.owns |= bool(parameters)
    outputs = tuple(Tensor(type, span, operator.name) for type in made)
    record.nodes.append(
        NodeRecord(
            entity,
            operator,
            tuple(inputs),
            bound.tensors,
            parameters,
            outputs,
            operator.macs(*types),
            span,
            record.origin,
        )
    )
    return outputs


def _check_arity(operator: Operator, inputs: Sequence[Tensor]) -> None:
    least, most = operator.arity
    if len(inputs) < least or (most is not None and len(inputs) > most):
        wanted = (
            f"{least} or more inputs"
            if most is None
            else f"{least} input{'s' * (least != 1)}"
            if least == most
            else f"{least} to {most} inputs"
        )
        raise Fault(
            "E223",
            f"{operator.name} takes {wanted}, got {len(inputs)}",
            help=f"(a, b) -> {operator.name}(…) gives it two" if least > 1 else "",
        )


def _check_sizes(
    record: Record, operator: Operator, results: Sequence[TensorType], specs: dict[str, ParameterSpec]
) -> None:
    for type in results:
        size = product(type.shape)
        if isinstance(size, int) and size > MAX_VALUE:
            raise Fault("E222", f"the result of {operator.name} would be {type}, too large to exist")
        if any(isinstance(dim, int) and dim < 1 for dim in type.shape):
            raise Fault("E203", f"the result of {operator.name} would be {type}: nothing is left of a dimension")
    for leaf, spec in specs.items():
        record.elements += prod(spec.shape)
        if record.elements > MAX_PARAMETERS:
            raise Fault(
                "E222",
                f"{leaf} of {operator.name} would be {shape_text(spec.shape)}: the model would have more than {MAX_PARAMETERS:_} parameters",
            )


def _parameters(
    record: Record,
    env: Environment,
    bound: Bound,
    specs: dict[str, ParameterSpec],
    entity: Scope,
    span: Span,
    instance: Instance | None,
) -> dict[str, ParameterRecord]:
    """The record of each parameter: new, of the instance's first use, or of what it is tied to."""
    for name, (_, place) in bound.ties.items():
        if name not in specs:
            own = ", ".join(specs) or "none"
            record.report(
                Fault(
                    "E202",
                    f"{bound.component.name} has no option and no parameter {name}",
                    help=f"its parameters are {own}",
                ),
                place,
            )
    found: dict[str, ParameterRecord] = {}
    for leaf, spec in specs.items():
        tie = bound.ties.get(leaf)
        if tie:
            found[leaf] = _tied(bound.component.name, leaf, spec, tie[0])
        elif instance and leaf in instance.parameters:
            found[leaf] = _shared(instance, leaf, spec)
        else:
            shared = env.shared or instance
            found[leaf] = ParameterRecord(entity, leaf, spec, span, shared, env.use)
            record.parameters.append(found[leaf])
            if instance:
                instance.parameters[leaf] = found[leaf]
    return found


def _tied(layer: str, leaf: str, spec: ParameterSpec, reference: ParameterReference) -> ParameterRecord:
    owner = reference.record
    if (owner.spec.shape, owner.spec.dtype) != (spec.shape, spec.dtype):
        raise Fault(
            "E216",
            f"{layer} needs {leaf} {shape_text(spec.shape)}, but {reference.instance.name}.{reference.leaf} is {shape_text(owner.spec.shape)}",
        )
    return owner


def _shared(instance: Instance, leaf: str, spec: ParameterSpec) -> ParameterRecord:
    first = instance.parameters[leaf]
    if first.spec.shape != spec.shape:
        raise Fault(
            "E216",
            f"{instance.name} has {leaf} {shape_text(first.spec.shape)} from its first use in line {first.span.line}; this input wants {shape_text(spec.shape)}",
            help="every use of an instance shares its parameters, so its inputs have the same features",
        )
    return first


def _with_source(fault: Fault, inputs: Sequence[Tensor]) -> Fault:
    """Say behind the caret where the size came from."""
    if fault.label or not inputs:
        return fault
    sources = [_source(tensor) for tensor in inputs[:2]]
    text = (
        f"this input comes from {sources[0]}" if len(inputs) == 1 else f"these inputs come from {' and '.join(sources)}"
    )
    return Fault(fault.code, fault.message, fault.help, text)


def _source(tensor: Tensor) -> str:
    what = f"`{tensor.name}`" if tensor.name and tensor.made_by in ("input", "target") else f"`{tensor.made_by}`"
    return f"{what}, line {tensor.span.line}"
