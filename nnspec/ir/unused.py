"""Warnings of what nothing uses: values, inputs and targets, names, and outputs that training does not reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.application import SYMBOLS
from nnspec.ir.patterns import matches
from nnspec.ir.records import Environment, NodeRecord, Record, Tensor
from nnspec.ir.section_records import TrainRecord
from nnspec.language import syntax

LIBRARY = "std."
"""How the names of files begin that are not the user's."""


def warn_of_unused_values(record: Record, env: Environment, train: TrainRecord | None, required: Iterable[str]) -> None:
    """W303, for what is computed and goes nowhere; what feeds only that is not named too."""
    used: set[Tensor] = {value for _, value, _ in env.outputs if isinstance(value, Tensor)}
    used |= {value for name in required if isinstance(value := env.values.get(name), Tensor)}
    for node in (*record.nodes, *(train.nodes if train else ())):
        used.update(node.operands)
    if train:
        used.add(train.loss)
        used.update(tensor for metric in train.metrics for tensor in (*metric.inputs, *metric.arguments.values()))
        for name, target in train.targets.items():
            if isinstance(target.tensor, Tensor) and target.tensor not in used:
                help = "give it to a loss or a metric, or leave it out"
                record.warn(Fault("W303", f"nothing uses the target {name}", help), target.span)
    for tensor in env.inputs:
        if tensor not in used:
            help = "leave it out, or say what it is for"
            record.warn(Fault("W303", f"nothing uses the input {tensor.name}", help), tensor.span)
    dead: dict[Span, NodeRecord | None] = {}
    for node in record.nodes:
        idle = used.isdisjoint(node.outputs)
        dead[node.span] = node if idle and dead.get(node.span, node) is not None else None
    for span, found in dead.items():
        if found and not span.file.startswith(LIBRARY):
            record.warn(_idle(found), span)


def _idle(node: NodeRecord) -> Fault:
    value = node.outputs[0]
    made = SYMBOLS.get(node.operator.name, node.operator.name)
    what = f"the value {value.name}" if value.name else f"what {made} makes here"
    return Fault("W303", f"nothing uses {what}", "use it, make it an output, or leave the line out")


def warn_of_untrained_outputs(
    record: Record, env: Environment, train: TrainRecord, makers: Mapping[Tensor, NodeRecord]
) -> None:
    """W310, for outputs with parameters that no loss reaches: they stay as they were drawn."""
    if train.settings.init is not None:
        return
    reached = set(map(id, _upstream([train.loss], makers)))
    for name, value, span in env.outputs:
        if not isinstance(value, Tensor):
            continue
        for node in _upstream([value], makers):
            paths = [own.path for own in node.parameters.values() if own.spec.trainable]
            frozen = all(any(matches(pattern, path) for pattern in train.settings.freeze) for path in paths)
            if id(node) in reached or not paths or frozen:
                continue
            message = f"the loss does not reach {paths[0]}, so that the output {name} stays random"
            record.warn(Fault("W310", message, "add a loss of it, or leave the output out"), span)
            break


def _upstream(tensors: Sequence[Tensor], makers: Mapping[Tensor, NodeRecord]) -> Iterator[NodeRecord]:
    """The nodes that values are made by, and those before them, each once."""
    seen: set[int] = set()
    waiting = list(tensors)
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += node.operands


# ---- names


def warn_of_unused_names(record: Record, file: syntax.File) -> None:
    """W304, for parameters, `let`s, instances and names of `use` lines that the file never mentions again."""
    mentioned: set[str] = set()
    model_sees = set(names_in(file.sections))
    for definition in file.definitions:
        seen = set(names_in([definition.body, [parameter.default for parameter in definition.parameters]]))
        mentioned |= seen
        seen |= model_sees if definition.keyword == "model" else set()
        if any(isinstance(statement, syntax.Broken) for statement in definition.body):
            continue
        for parameter in definition.parameters:
            _warn_unless(record, seen, parameter.name, f"the parameter {parameter.name.name}")
        for statement in _nested(definition.body):
            if isinstance(statement, (syntax.Let, syntax.LayerInstance)):
                what = "the name" if isinstance(statement, syntax.Let) else "the layer"
                _warn_unless(record, seen, statement.name, f"{what} {statement.name.name}")
    if file.definitions:
        for use in file.uses:
            for name in use.names:
                _warn_unless(record, mentioned, name, f"the block {name.name}")


def _warn_unless(record: Record, mentioned: set[str], name: syntax.Name, what: str) -> None:
    if name.name not in mentioned:
        record.warn(Fault("W304", f"nothing uses {what}", "use it, or leave it out"), name.span)


def _nested(body: Iterable[syntax.Statement]) -> Iterator[syntax.Statement]:
    for statement in body:
        yield statement
        match statement:
            case syntax.If(branches=branches, orelse=orelse):
                for _, inner in branches:
                    yield from _nested(inner)
                yield from _nested(orelse)
            case syntax.Repeat(body=inner) | syntax.For(body=inner):
                yield from _nested(inner)


BINDING = {
    "Assign": "names",
    "Let": "name",
    "LayerInstance": "name",
    "Input": "name",
    "Repeat": "variable",
    "Argument": "name",
    "Setting": "key",
}
"""Where a part of the tree has names that it does not use: those it binds, and those of options."""
LOOSE = frozenset({"span", "operator_span", "operator", "keyword", "unit"})


def names_in(part: Any) -> Iterator[str]:
    """The names that a part of a syntax tree mentions, those that it binds left out."""
    waiting = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (list, tuple)):
            waiting += node
        elif isinstance(node, syntax.Name):
            yield node.name
        elif hasattr(node, "__slots__") and not isinstance(node, str):
            skipped = BINDING.get(type(node).__name__, "")
            waiting += [getattr(node, slot) for slot in node.__slots__ if slot not in LOOSE and slot != skipped]
