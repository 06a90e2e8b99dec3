"""The section `train`: targets, the loss, the metrics, and names and patterns that must mean something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.decay import decay_warning
from nnspec.ir.declared import Declared
from nnspec.ir.lookup import unknown_component
from nnspec.ir.naming import Scope
from nnspec.ir.patterns import matches, matches_any
from nnspec.ir.records import POISON, NodeRecord, ParameterRecord, Poison, Tensor
from nnspec.ir.section_records import MetricRecord, TargetRecord, TrainRecord
from nnspec.ir.sections import Settings
from nnspec.ir.types import FLOATS, shape_text
from nnspec.ir.wording import nearest, suggestion
from nnspec.language import syntax


def read_targets(settings: Settings, declared: Declared) -> dict[str, TargetRecord]:
    """Bind the targets, so that loss and metrics see them."""
    found: dict[str, TargetRecord] = {}
    env = settings.env
    for broken in settings.broken:
        for lost in broken.names:
            env.values.setdefault(lost, POISON)
    for entry in settings.section.entries:
        if not isinstance(entry, syntax.Target) or entry.name.name in found:
            continue
        name = entry.name.name
        type = declared.type(env, entry.type, label=True)
        if name in env.values:
            fault = Fault("E210", f"{name} is a value of the model already; a target needs another name")
            settings.record.report(fault, entry.name.span)
            env.values[name] = POISON  # which of the two is meant below is not known
            continue
        tensor = type if isinstance(type, Poison) else Tensor(type, entry.name.span, "target", name, final=name)
        label = entry.type.dtype is not None and entry.type.dtype.name == "label"
        found[name] = TargetRecord(tensor, label, entry.name.span)
        env.values[name] = tensor
    return found


class TrainReader:
    """Reads the section for a model with these parameters."""

    def __init__(
        self,
        settings: Settings,
        targets: dict[str, TargetRecord],
        parameters: Mapping[str, ParameterRecord],
        data: Settings | None,
    ) -> None:
        self.settings = settings
        self.record = settings.record
        self.targets = targets
        self.parameters = parameters
        self.data = data

    def read(self) -> TrainRecord | None:
        """The train section; None where something in it was reported."""
        record, env = self.record, self.settings.env
        kept = record.nodes, env.scope, env.made
        record.nodes, env.scope, env.made, env.losses = [], Scope("train"), [], True
        bound = self.settings.bind(skip=("metrics",))
        self._refuse_layers(record.nodes)
        env.losses = False
        metrics = self._metrics()
        nodes = record.nodes
        record.nodes, env.scope, env.made = kept
        if isinstance(bound, Poison) or isinstance(metrics, Poison):
            return None
        loss = bound.tensors["loss"]
        assert isinstance(loss, Tensor)
        self._check_loss(loss)
        self._check_ignored([(node.operator, node.inputs, node.span) for node in nodes])
        self._check_ignored([(metric.metric, metric.inputs, metric.span) for metric in metrics])
        self._check_patterns(bound.component)
        self._check_monitors(bound.component, metrics)
        self._warn(bound.component)
        return TrainRecord(bound.component, loss, nodes, metrics, self.targets, self.settings.section.span)

    def _refuse_layers(self, nodes: Iterable[NodeRecord]) -> None:
        for node in nodes:
            if node.parameters:
                fault = Fault(
                    "E408",
                    f"{node.operator.name} has parameters, and those belong to the model",
                    help="name its result in the model, and use that name here",
                )
                self.record.report(fault, node.span)

    def _check_loss(self, loss: Tensor) -> None:
        if loss.type.shape != () or loss.type.dtype not in FLOATS:
            fault = Fault(
                "E408",
                f"the loss is one number, and this is {loss.type}",
                help="apply a loss to it, such as mse(prediction, target)",
            )
            self.record.report(fault, self.settings.place("loss"))

    def _check_ignored(self, applied: Iterable[tuple[Any, Sequence[Tensor], Span]]) -> None:
        """What is ignored of a label is the number of a class, since its values are numbered."""
        labels = {id(target.tensor): name for name, target in self.targets.items() if target.label}
        for operator, inputs, span in applied:
            ignored = getattr(operator, "ignore", None)
            name = labels.get(id(inputs[1])) if len(inputs) == 2 else None
            if ignored is None or name is None:
                continue
            count = inputs[0].type.shape[operator.axis]
            if isinstance(count, int) and not 0 <= ignored < count:
                integers = f"int64{shape_text(inputs[1].type.shape)}"
                fault = Fault(
                    "E205",
                    f"{operator.name}: ignore is one of the {count} classes of {name}, 0 to {count - 1}, got {ignored}",
                    help=f"a label numbers the values in the data; where they are class numbers, and {ignored} is "
                    f"none, declare target {name}: {integers}",
                )
                self.record.report(fault, span)

    # Metrics

    def _metrics(self) -> list[MetricRecord] | Poison:
        entry = self.settings.entries.get("metrics")
        if entry is None:
            return []
        calls = entry.value.items if isinstance(entry.value, syntax.ListExpr) else [entry.value]
        found = [self._metric(call) for call in calls]
        made = [metric for metric in found if isinstance(metric, MetricRecord)]
        _name(made)
        return made if len(made) == len(found) else POISON

    def _metric(self, call: syntax.Expr) -> MetricRecord | Poison:
        if not isinstance(call, syntax.Call):
            fault = Fault("E410", "metrics is a list of metrics of values, such as [accuracy(logits, species)]")
            return self.record.report(fault, call.span)
        name, registry = call.name, self.record.registries["metric"]
        if name.name not in registry:
            return self.record.report(unknown_component(self.record, "metric", name.name), name.span)
        expressions, env = self.settings.expressions, self.settings.env
        count = registry[name.name].arity[0]
        inputs = expressions.operands(env, call, count)
        bound = expressions.bind(env, registry[name.name], call, skip=count)
        if isinstance(inputs, Poison) or isinstance(bound, Poison):
            return POISON
        try:
            bound.component.infer(*(tensor.type for tensor in inputs))
        except Fault as fault:
            return self.record.report(fault, name.span)
        given = {name: tensor for name, tensor in bound.tensors.items() if isinstance(tensor, Tensor)}
        return MetricRecord(bound.component, inputs, given, call.span)

    # Names and patterns

    def _check_patterns(self, options: Any) -> None:
        paths = list(self.parameters)
        for index, pattern in enumerate(options.freeze):
            self._check_pattern(pattern, paths, "freeze", self.settings.place("freeze", index))
        trained = [path for path, own in self.parameters.items() if own.spec.trainable]
        penalties = options.regularize if isinstance(options.regularize, tuple) else (options.regularize,)
        for index, penalty in enumerate(penalties):
            self._check_pattern(penalty.on, trained, penalty.name, self.settings.inside("regularize", "on", index))
        if options.init is not None and not isinstance(options.init, str):
            known = self._check_scope(options.init.into, paths)
            for pattern in options.init.patterns if known else ():
                self._check_pattern(pattern, paths, "only", self.settings.inside("init", "only"))
        decayed = options.optimizer.decay_on
        for pattern in (decayed,) if isinstance(decayed, str) else decayed:
            if pattern == "*":
                continue  # the default, which says nothing about the model
            self._check_pattern(pattern, trained, "decay_on", self.settings.inside("optimizer", "decay_on"))

    def _check_scope(self, into: str, paths: list[str]) -> bool:
        """Whether the scope that weights are loaded into has parameters."""
        lost = bool(into) and not matches_any(f"{into}.*", paths)
        if lost:
            scopes = dict.fromkeys(path.rpartition(".")[0] for path in paths)
            fault = Fault(
                "E411", f"into: the model has no parameter below {into}", help=suggestion(into, scopes, "there are")
            )
            self.record.report(fault, self.settings.inside("init", "into"))
        return not lost

    def _check_pattern(self, pattern: str, paths: list[str], what: str, span: Span) -> None:
        if not matches_any(pattern, paths):
            weight = pattern.replace("kernel", "weight").replace("gamma", "weight").replace("beta", "bias")
            near = f'"{weight}"' if matches_any(weight, paths) else nearest(pattern, paths, cutoff=0)
            fault = Fault(
                "E411",
                f'{what}: no parameter has a path like "{pattern}"',
                help=f"the nearest is {near}" if near else "the model has no parameters",
            )
            self.record.report(fault, span)

    def _warn(self, options: Any) -> None:
        call = self.settings.entries["optimizer"].value
        found = decay_warning(call, options.optimizer, self.parameters, options.freeze, options.steps)
        if found:
            fault, argument = found
            self.record.warn(fault, argument.span)
        trained = [path for path, own in self.parameters.items() if own.spec.trainable]
        if trained and all(any(matches(pattern, path) for pattern in options.freeze) for path in trained):
            fault = Fault(
                "W312",
                "freeze leaves no parameter to train",
                help="freeze names what stays as it is, and * crosses dots",
            )
            self.record.warn(fault, self.settings.place("freeze"))

    def _check_monitors(self, options: Any, metrics: list[MetricRecord]) -> None:
        """What decides about stopping or about the learning rate must be measured."""
        data = self.data
        validated = data is None or bool(data.broken) or "validation" in data.entries
        names = ("loss", *(own.name for own in metrics))
        measured = [f"{split}.{name}" for split in ("validation", "train") for name in names]
        for key, watching in (
            ("early_stop", options.early_stop),
            ("optimizer", getattr(options.optimizer, "lr", None)),
        ):
            watched = getattr(watching, "watches", None)
            if watched and watched not in measured:
                fault = Fault("E412", f"{watched} is not measured", help=suggestion(watched, measured, "there are"))
                self.record.report(fault, self.settings.inside(key, "monitor"))
            elif watched and watched.startswith("validation.") and not validated:
                fault = Fault(
                    "E412",
                    f"{watched} is not measured: the data section has no validation",
                    help='write validation = 0.2 there, or monitor = "train.loss" here',
                )
                self.record.report(fault, self.settings.inside(key, "monitor"))


def _name(metrics: list[MetricRecord]) -> None:
    """A metric that is used twice is reported with its target; a name given again counts on."""
    used = Counter(own.metric.name for own in metrics)
    named: Counter[str] = Counter()
    for own in metrics:
        name = own.metric.name
        if used[name] > 1:
            name = f"{name}.{own.inputs[-1].name or 'output'}"
        named[name] += 1
        own.name = name if named[name] == 1 else f"{name}_{named[name]}"
