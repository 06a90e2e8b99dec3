"""The sections `data`, `train` and `export`. Their settings are the options of components of kind `section`, so that they are checked as
the options of a layer are; what feeds an input, targets, the loss and the metrics have rules of their own."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir import arithmetic
from nnspec.ir.components import Component
from nnspec.ir.options import Bound, Expected, bind
from nnspec.ir.records import (
    POISON,
    DataRecord,
    Environment,
    FeedRecord,
    MetricRecord,
    Poison,
    SplitRecord,
    TargetRecord,
    Tensor,
    TrainRecord,
)
from nnspec.ir.statements import Statements
from nnspec.ir.types import FLOATS, shape_text
from nnspec.language import syntax


class Sections:
    """Reads the sections in the environment of the elaborated model."""

    def __init__(self, statements: Statements, env: Environment) -> None:
        self.statements = statements
        self.expressions = statements.expressions
        self.record = statements.record
        self.env = env

    # Settings as options

    def settings(self, section: syntax.Section, skip: Sequence[str] = ()) -> Bound | Poison:
        """The settings of a section as a component; entries named in `skip` are read elsewhere."""
        cls = self.record.registries["section"][section.keyword]
        entries = [e for e in section.entries if isinstance(e, syntax.Setting) and e.key.name not in skip]
        arguments = [syntax.Argument(e.key, e.value, e.span) for e in entries]
        found = bind(cls, arguments, section.span, self._value, self.record.report)
        return POISON if any(isinstance(e, syntax.Broken) for e in section.entries) else found

    def _value(self, expr: syntax.Expr, wanted: Expected) -> Any:
        return self.expressions.evaluate(self.env, expr, wanted)

    # train

    def targets(self, section: syntax.Section) -> dict[str, TargetRecord]:
        """Bind the targets, so that loss and metrics see them."""
        found: dict[str, TargetRecord] = {}
        for entry in section.entries:
            if not isinstance(entry, syntax.Target):
                continue
            name = entry.name.name
            type = self.statements.declared_type(self.env, entry.type, label=True)
            if name in self.env.values:
                self.record.report(
                    Fault("E210", f"{name} is a value of the model already; a target needs another name"),
                    entry.name.span,
                )
                continue
            tensor = type if isinstance(type, Poison) else Tensor(type, entry.name.span, "target", name, final=name)
            label = entry.type.dtype is not None and entry.type.dtype.name == "label"
            found[name] = TargetRecord(tensor, label, entry.name.span)
            self.env.values[name] = tensor
        return found

    def train(self, section: syntax.Section, targets: dict[str, TargetRecord]) -> TrainRecord | None:
        """The train section; None where something in it was reported."""
        nodes = self.record.nodes
        self.record.nodes, self.env.losses = [], True
        settings = self.settings(section, skip=("metrics",))
        self.env.losses = False
        made, self.record.nodes = self.record.nodes, nodes
        metrics = self._metrics(section)
        if isinstance(settings, Poison) or isinstance(metrics, Poison):
            return None
        loss = settings.tensors["loss"]
        if loss.type.shape != () or loss.type.dtype not in FLOATS:
            where = _setting(section, "loss").value.span
            self.record.report(
                Fault(
                    "E408",
                    f"the loss is one number, and this is {loss.type}",
                    help="apply a loss to it, such as mse(prediction, target)",
                ),
                where,
            )
            return None
        return TrainRecord(settings.component, loss, made, metrics, targets, section.span)

    def _metrics(self, section: syntax.Section) -> list[MetricRecord] | Poison:
        entry = next((e for e in section.entries if isinstance(e, syntax.Setting) and e.key.name == "metrics"), None)
        if entry is None:
            return []
        calls = entry.value.items if isinstance(entry.value, syntax.ListExpr) else [entry.value]
        found = [self._metric(call) for call in calls]
        return (
            POISON if any(isinstance(m, Poison) for m in found) else [m for m in found if isinstance(m, MetricRecord)]
        )

    def _metric(self, call: syntax.Expr) -> MetricRecord | Poison:
        if not isinstance(call, syntax.Call):
            return self.record.report(
                Fault("E410", "metrics is a list of metrics of values, such as [accuracy(logits, species)]"), call.span
            )
        name = call.name.name
        registry = self.record.registries["metric"]
        if name not in registry:
            return self.record.report(self.expressions.unknown("metric", name), call.name.span)
        count = registry[name].arity[0]
        inputs = self.expressions.operands(self.env, call, count)
        bound = self.expressions.bind(self.env, registry[name], call, skip=count)
        if isinstance(inputs, Poison) or isinstance(bound, Poison):
            return POISON
        try:
            bound.component.infer(*(tensor.type for tensor in inputs))
        except Fault as fault:
            return self.record.report(fault, call.name.span)
        return MetricRecord(bound.component, inputs, call.span)

    # data

    def data(self, section: syntax.Section, targets: dict[str, TargetRecord]) -> DataRecord | None:
        """The data section; None where something in it was reported."""
        cls = self.record.registries["section"]["data"]
        entries = [e for e in section.entries if isinstance(e, syntax.Setting)]
        feeds = [e for e in entries if e.key.name not in cls.option_names]
        settings = self.settings(section, skip=[e.key.name for e in feeds])
        wanted = {tensor.name: tensor for tensor in self.env.inputs} | {name: t.tensor for name, t in targets.items()}
        found = [self._feed(entry, wanted, cls) for entry in feeds]
        unsure = any(isinstance(e, syntax.Broken) for e in section.entries)
        if (
            isinstance(settings, Poison)
            or unsure
            or any(isinstance(part, Poison) for part in (*found, *wanted.values()))
        ):
            return None
        options = settings.component
        fed = [feed for feed in found if isinstance(feed, FeedRecord)]
        missing = [name for name in wanted if all(feed.name != name for feed in fed)]
        if missing and options.train.needs_feeds:
            what = "target" if missing[0] in targets else "input"
            self.record.report(
                Fault("E405", f"nothing feeds the {what} {missing[0]}", help=f'{missing[0]} = "column"'), section.span
            )
            return None
        splits = {key: self._split(section, key, getattr(options, key)) for key in ("train", "validation", "test")}
        return DataRecord(options, splits, fed, section.span)

    def _feed(
        self, entry: syntax.Setting, wanted: dict[str, Tensor | Poison], cls: type[Component]
    ) -> FeedRecord | Poison:
        name = entry.key.name
        if name not in wanted:
            close = get_close_matches(name, [*wanted, *cls.option_names], n=1, cutoff=0.5)
            hint = (
                f"did you mean {close[0]}?"
                if close
                else f"inputs and targets are {', '.join(wanted)}; settings are {', '.join(cls.option_names)}"
            )
            return self.record.report(
                Fault("E404", f"{name} is neither an input, a target nor a setting of data", help=hint), entry.key.span
            )
        value = self.expressions.evaluate(self.env, entry.value)
        tensor = wanted[name]
        if isinstance(value, Poison) or isinstance(tensor, Poison):
            return POISON
        columns = value if isinstance(value, tuple) else (value,)
        if not columns or not all(isinstance(column, str) and column for column in columns):
            return self.record.report(
                Fault(
                    "E410",
                    f"{name} is fed by the name of a column or array, or by a list of them, got {arithmetic.describe(value)}",
                ),
                entry.value.span,
            )
        twice = next((column for column in columns if columns.count(column) > 1), None)
        if twice:
            return self.record.report(Fault("E410", f'{name}: the column "{twice}" is given twice'), entry.value.span)
        return self._check_width(entry, tensor, columns, isinstance(value, str))

    def _check_width(
        self, entry: syntax.Setting, tensor: Tensor, columns: tuple[str, ...], single: bool
    ) -> FeedRecord | Poison:
        shape = tensor.type.shape
        if not single and (len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != len(columns))):
            return self.record.report(
                Fault(
                    "E410",
                    f"{len(columns)} columns give {shape_text((shape[0] if shape else 1, len(columns)))}, and {tensor.name} is {tensor.type}",
                ),
                entry.value.span,
            )
        return FeedRecord(tensor.name, columns, single, entry.span)

    def _split(self, section: syntax.Section, key: str, value: Any) -> SplitRecord | None:
        return None if value is None else SplitRecord(value, _setting(section, key).span)

    # export

    def export(self, section: syntax.Section) -> Bound | None:
        """The export section; None where something in it was reported."""
        settings = self.settings(section)
        if isinstance(settings, Poison):
            return None
        known = [name for name, _, _ in self.env.outputs]
        for name in settings.component.outputs or ():
            if name not in known:
                close = get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]}?" if close else f"its outputs are {', '.join(known)}"
                self.record.report(
                    Fault("E410", f"the model has no output {name}", help=hint), _setting(section, "outputs").value.span
                )
                return None
        return settings


def _setting(section: syntax.Section, key: str) -> syntax.Setting:
    return next(e for e in section.entries if isinstance(e, syntax.Setting) and e.key.name == key)
