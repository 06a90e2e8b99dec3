"""From records to the frozen IR: final names and paths, and the pydantic models that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnspec.ir import spec
from nnspec.ir.codec import encode, encode_options
from nnspec.ir.components import Component
from nnspec.ir.elaborate import Analysis
from nnspec.ir.options import plain
from nnspec.ir.records import NodeRecord, ParameterRecord, Poison, Tensor
from nnspec.ir.section_records import DataRecord, MetricRecord, SplitRecord, TargetRecord, TrainRecord
from nnspec.ir.types import INTEGERS


def finish(analysis: Analysis) -> spec.Spec:
    """The specification of an analysis that found nothing wrong."""
    names = _Names()
    for tensor in analysis.inputs:
        tensor.final = names.unique(tensor.name)
    for name in analysis.train.targets if analysis.train else ():
        names.unique(name)
    nodes = _nodes(names, analysis.nodes)
    return spec.Spec(
        name=analysis.name,
        path=analysis.path,
        files=analysis.files,
        settings={k: _plain(v) for k, v in analysis.settings.items()},
        inputs=_values(analysis.inputs),
        values=_values(t for node in analysis.nodes for t in node.outputs),
        nodes=nodes,
        parameters=tuple(_parameter(path, own) for path, own in analysis.parameters.items()),
        outputs=tuple(spec.Output(name=name, value=value.final, span=span) for name, value, span in analysis.outputs),
        train=_train(names, analysis.train) if analysis.train else None,
        data=_data(analysis.data) if analysis.data else None,
        export=_export(analysis),
        requirements=analysis.requirements,
        unmet=tuple(analysis.unmet),
        warnings=tuple(analysis.warnings),
    )


class _Names:
    """Unique names in the order in which they are asked for."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def unique(self, name: str) -> str:
        count = self._taken.get(name, 0) + 1
        self._taken[name] = count
        return name if count == 1 else self.unique(f"{name}_{count}")

    def free(self, name: str, otherwise: str, index: int | None) -> str:
        """A name for a value that was given none: after its node, or `otherwise` where something else has that name."""
        tail = "" if index is None else f".{index}"
        return self.unique((otherwise if name + tail in self._taken else name) + tail)


def _parameter(path: str, own: ParameterRecord) -> spec.Parameter:
    return spec.Parameter(
        path=path,
        dtype=own.spec.dtype,
        shape=own.spec.shape,
        init=encode(own.spec.init),
        trainable=own.spec.trainable,
        groups=own.spec.groups,
        transposed=own.spec.transposed,
        span=own.span,
    )


def _nodes(names: _Names, records: Sequence[NodeRecord]) -> tuple[spec.Node, ...]:
    """The nodes with their final paths.

    Values that were named in the file keep these names, the others are called after their nodes.
    """
    for node in records:
        for tensor in node.outputs:
            if tensor.name:
                tensor.final = names.unique(_value_name(tensor))
    made = []
    for node in records:
        path = names.unique(f"node {node.entity.path or node.operator.name}").removeprefix("node ")
        for index, tensor in enumerate(node.outputs):
            tensor.final = tensor.final or names.free(
                path, f"{path}.{node.operator.name}", index if len(node.outputs) > 1 else None
            )
        made.append(_node(node, path))
    return tuple(made)


def _value_name(tensor: Tensor) -> str:
    prefix = tensor.scope.path if tensor.scope else ""
    return f"{prefix}.{tensor.name}" if prefix else tensor.name


def _node(node: NodeRecord, path: str) -> spec.Node:
    return spec.Node(
        path=path,
        kind=node.operator.kind,  # type: ignore[arg-type]
        component=node.operator.name,
        options=encode_options(node.operator),
        inputs=tuple(tensor.final for tensor in node.inputs),
        arguments={name: _finals(given) for name, given in node.arguments.items()},
        parameters={leaf: own.path for leaf, own in node.parameters.items()},
        outputs=tuple(tensor.final for tensor in node.outputs),
        macs=node.macs,
        span=node.span,
        origin=node.origin,
        recompute=node.recompute,
    )


def _finals(given: Tensor | tuple[Tensor, ...]) -> str | tuple[str, ...]:
    return given.final if isinstance(given, Tensor) else tuple(tensor.final for tensor in given)


def _values(tensors: Iterable[Tensor]) -> tuple[spec.Value, ...]:
    return tuple(spec.Value(name=t.final, dtype=t.type.dtype, shape=t.type.shape, span=t.span) for t in tensors)


def _train(names: _Names, train: TrainRecord) -> spec.Train:
    nodes = _nodes(names, train.nodes)
    options = train.settings
    return spec.Train(
        targets=tuple(_target(name, target, train.nodes) for name, target in train.targets.items()),
        nodes=nodes,
        values=_values(t for node in train.nodes for t in node.outputs),
        loss=train.loss.final,
        optimizer=encode(options.optimizer),
        regularize=tuple(encode(r) for r in _listed(options.regularize)),
        clip_norm=options.clip_norm,
        clip_value=options.clip_value,
        metrics=tuple(map(_metric, train.metrics)),
        epochs=options.epochs,
        steps=options.steps,
        batch_size=options.batch_size,
        accumulate=options.accumulate,
        early_stop=_optional(options.early_stop),
        average=_optional(options.average),
        freeze=options.freeze,
        init=options.init if isinstance(options.init, str) else _optional(options.init),
        seed=options.seed,
        span=train.span,
    )


def _target(name: str, target: TargetRecord, nodes: Sequence[NodeRecord]) -> spec.Target:
    tensor = target.tensor
    assert not isinstance(tensor, Poison)
    classes = _classes(tensor, nodes) if tensor.type.dtype in INTEGERS else None
    return spec.Target(
        name=name,
        label=target.label,
        dtype=tensor.type.dtype,
        shape=tensor.type.shape,
        classes=classes,
        span=target.span,
    )


def _classes(target: Tensor, nodes: Sequence[NodeRecord]) -> int | None:
    """How many classes a target has: the size, along the classes, of the logits that a loss holds against it."""
    for node in nodes:
        if len(node.inputs) == 2 and node.inputs[1] is target and node.inputs[0].type.rank == target.type.rank + 1:
            size = node.inputs[0].type.shape[getattr(node.operator, "axis", -1)]
            return size if isinstance(size, int) else None
    return None


def _metric(own: MetricRecord) -> spec.Metric:
    inputs = tuple(tensor.final for tensor in own.inputs)
    arguments = {name: tensor.final for name, tensor in own.arguments.items()}
    return spec.Metric(name=own.name, metric=encode(own.metric), inputs=inputs, arguments=arguments, span=own.span)


def _data(data: DataRecord) -> spec.Data:
    splits = {key: _split(split) if split else None for key, split in data.splits.items()}
    train = splits["train"]
    assert train is not None
    return spec.Data(
        train=train,
        validation=splits["validation"],
        test=splits["test"],
        feeds=tuple(spec.Feed(name=f.name, columns=f.columns, single=f.single, span=f.span) for f in data.feeds),
        shuffle=data.settings.shuffle,
        augment=tuple(encode(a) for a in data.settings.augment),
        span=data.span,
    )


def _split(split: SplitRecord) -> spec.Split:
    source = encode(split.value) if isinstance(split.value, Component) else None
    return spec.Split(source=source, fraction=None if source else split.value, span=split.span)


def _export(analysis: Analysis) -> spec.Export | None:
    if analysis.export is None:
        return None
    options, span = analysis.export
    return spec.Export(
        opset=options.opset, outputs=options.outputs, precision=options.precision, quantize=options.quantize, span=span
    )


def _optional(component: Component | None) -> spec.ComponentRef | None:
    return encode(component) if component else None


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _plain(value: Any) -> Any:
    """A parameter's value as JSON holds it."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else plain(value)
