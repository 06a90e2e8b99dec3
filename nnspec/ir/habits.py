"""Warnings of what is legal and nearly always a mistake: each is a function of the nodes and the train section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnspec.diagnostics.errors import Edit, Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.decay import peak
from nnspec.ir.records import Environment, NodeRecord, Record, Tensor
from nnspec.ir.section_records import TrainRecord
from nnspec.ir.unused import LIBRARY
from nnspec.language import syntax

INSIDE = {
    "cross_entropy": ("W305", ("softmax", "log_softmax", "sigmoid")),
    "binary_cross_entropy": ("W306", ("sigmoid", "softmax")),
}
"""By loss of logits: the code, and what must not be before it."""
SQUASHING = ("softmax", "log_softmax", "sigmoid", "identity", "squeeze", "flatten")
DROPPING = ("dropout", "spatial_dropout")


def warn_of_squashed_logits(
    record: Record, env: Environment, train: TrainRecord, makers: Mapping[Tensor, NodeRecord], section: syntax.Section
) -> None:
    """W305, W306: a loss that takes logits is given what softmax or sigmoid made of them."""
    for node in train.nodes:
        code, known = INSIDE.get(node.operator.name, ("", ()))
        maker = makers.get(node.inputs[0]) if code else None
        if maker is None or maker.operator.name not in known:
            continue
        loss, squashed = node.operator.name, maker.operator.name
        logits = maker.inputs[0].name
        named = bool(logits) and env.values.get(logits) is maker.inputs[0]
        help = f"give it {logits}" if named else f"name the value before {squashed}, and give it that"
        fault = Fault(code, f"{loss} takes logits, and gets what {squashed} made of them", help)
        place = _first_argument(section, node.span)
        if place and named and isinstance(place, syntax.Name):
            fault.edits = (Edit(place.span, logits),)
        record.warn(fault, place.span if place else node.span)


def warn_of_needless_biases(record: Record, kept: set[Tensor]) -> None:
    """W307: a layer with a bias whose result goes to batch_norm alone, which takes the mean off again."""
    users: dict[Tensor, list[NodeRecord]] = {}
    for node in record.nodes:
        for tensor in node.operands:
            users.setdefault(tensor, []).append(node)
    needless: dict[Span, NodeRecord | None] = {}
    for node in record.nodes:
        if "bias" not in node.parameters or node.operator.name == "batch_norm":
            continue
        (first, *others) = node.outputs
        after = users.get(first, [])
        taken = not others and bool(after) and first not in kept
        taken = taken and all(user.operator.name == "batch_norm" for user in after)
        taken = taken and (node.operator.name.startswith(("conv", "depthwise")) or first.type.rank == 2)
        needless[node.span] = node if taken and needless.get(node.span, node) is not None else None
    for span, found in needless.items():
        if found and not span.file.startswith(LIBRARY):
            name = found.operator.name
            message = f"batch_norm takes the mean off, and with it the bias of {name}"
            record.warn(Fault("W307", message, f"{name}(…, bias = false) has none"), span)


def warn_of_dropped_outputs(
    record: Record, env: Environment, train: TrainRecord, makers: Mapping[Tensor, NodeRecord]
) -> None:
    """W308: an output, or what a loss is given, comes right from dropout."""
    last = [value for _, value, _ in env.outputs if isinstance(value, Tensor)]
    last += [node.inputs[0] for node in train.nodes if node.operator.kind == "loss"]
    for value in last:
        maker = makers.get(value)
        while maker and maker.operator.name in SQUASHING:
            maker = makers.get(maker.inputs[0])
        if maker and maker.operator.name in DROPPING and not maker.span.file.startswith(LIBRARY):
            name = maker.operator.name
            message = f"{name} acts on the result itself, and no layer is behind it to learn from that"
            record.warn(Fault("W308", message, f"put {name} before the last layer"), maker.span)


def warn_of_class_counts(record: Record, train: TrainRecord) -> None:
    """W309: losses and metrics that count the classes of one target differently."""
    for name, target in train.targets.items():
        if not target.label:
            continue
        known: tuple[int, str] | None = None
        for operator, inputs, span in _comparisons(train):
            if len(inputs) != 2 or inputs[1] is not target.tensor or inputs[0].type.rank != inputs[1].type.rank + 1:
                continue
            size = inputs[0].type.shape[getattr(operator, "axis", -1)]
            if not isinstance(size, int):
                continue
            known = known or (size, operator.name)
            if size != known[0]:
                message = f"{name} has {known[0]} classes in {known[1]}, and {size} in {operator.name}"
                record.warn(Fault("W309", message, "give both logits as many classes as the target has"), span)


def _comparisons(train: TrainRecord) -> Iterator[tuple[Any, Sequence[Tensor], Span]]:
    yield from ((node.operator, node.inputs, node.span) for node in train.nodes if node.operator.kind == "loss")
    yield from ((metric.metric, metric.inputs, metric.span) for metric in train.metrics)


def warn_of_rates(record: Record, train: TrainRecord, section: syntax.Section) -> None:
    """W311: a greatest learning rate that its optimizer is hardly ever used with."""
    optimizer = train.settings.optimizer
    rate = peak(optimizer)
    low, high = optimizer.usual_rates
    setting = next((e for e in section.entries if isinstance(e, syntax.Setting) and e.key.name == "optimizer"), None)
    arguments = getattr(setting.value, "arguments", ()) if setting else ()
    given = next((a for a in arguments if a.name and a.name.name == "lr"), None)
    given = given or next((a for a in arguments if a.name is None), None)
    if given and rate and not low <= rate <= high:
        message = f"a learning rate of {rate:g} is far {'above' if rate > high else 'below'} what is usual"
        help = f"{optimizer.name} mostly learns with {low:g} to {high:g}"
        record.warn(Fault("W311", message, help), given.span)


def _first_argument(section: syntax.Section, span: Span) -> syntax.Expr | None:
    """The first argument of the call whose name stands at a place."""
    waiting: list[Any] = [entry.value for entry in section.entries if isinstance(entry, syntax.Setting)]
    while waiting:
        match waiting.pop():
            case syntax.Call(name=name, arguments=arguments):
                if name.span == span and arguments:
                    return arguments[0].value
                waiting += [argument.value for argument in arguments]
            case syntax.Binary(left=left, right=right):
                waiting += [left, right]
            case syntax.Unary(operand=operand):
                waiting.append(operand)
            case syntax.ListExpr(items=items):
                waiting += items
    return None
