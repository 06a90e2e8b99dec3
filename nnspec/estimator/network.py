"""Which input, target and output of a spec an estimator works with."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.api import load, loads
from nnspec.ir.spec import ComponentRef, Spec, Target, Train, Value

Array = np.ndarray[Any, Any]


class Network(NamedTuple):
    """Where rows, wanted values and results have their place in a spec."""

    input: Value
    target: Target
    output: str
    logits: bool = False
    """Whether the output holds logits, of which probabilities are the softmax."""

    def shaped(self, rows: Array) -> Array:
        """Rows of features in the shape of the input: [N, 64] for an image of [N, 1, 8, 8]. Raises ValueError."""
        wanted = [size for size in self.input.shape[1:] if isinstance(size, int)]
        known = len(wanted) == len(self.input.shape) - 1
        if known and prod(wanted) != prod(rows.shape[1:]):
            raise ValueError(f"X has {prod(rows.shape[1:])} features, but the spec takes {self.input.type}")
        return np.ascontiguousarray(rows.reshape(len(rows), *wanted) if known else rows, self.input.dtype)


def read_spec(spec: Spec | str | Path, settings: Mapping[str, Any] | None) -> Spec:
    """The spec that an estimator was given: itself, a path, or its text, which has several lines."""
    if isinstance(spec, Spec):
        if settings:
            raise ValueError("settings are for a spec given as a path or text; load it with them instead")
        return spec
    if isinstance(spec, str) and "\n" in spec:
        return loads(spec, set=settings)
    return load(spec, set=settings)


def train_of(spec: Spec) -> Train:
    """The train section. Raises ValueError where there is none."""
    if spec.train is None:
        raise ValueError(f"the spec {spec.name} has no train section")
    return spec.train


def changed(
    spec: Spec,
    *,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    patience: int | None,
) -> Spec:
    """The spec with those settings of the train section that are given; `patience` is that of an early stop."""
    train = train_of(spec)
    new: dict[str, Any] = {}
    if epochs is not None:
        new |= {"epochs": epochs, "steps": None}
    if batch_size is not None:
        new["batch_size"] = batch_size
    if learning_rate is not None:
        options = {**train.optimizer.options, "lr": float(learning_rate)}
        new["optimizer"] = train.optimizer.model_copy(update={"options": options})
    if patience is not None:
        options = {"epochs": patience, "monitor": "validation.loss", "min_delta": 0.0, "mode": None}
        new["early_stop"] = ComponentRef(component="patience", options=options)
    return spec.model_copy(update={"train": train.model_copy(update=new)}) if new else spec


def without_stop(spec: Spec) -> Spec:
    """The spec without an early stop."""
    return spec.model_copy(update={"train": train_of(spec).model_copy(update={"early_stop": None})})


def classifier_network(classes: int, spec: Spec) -> Network:
    """Raises ValueError for a spec that is no classifier of one input into so many classes."""
    input, target = _ends(spec)
    losses = [node for node in train_of(spec).nodes if node.component == "cross_entropy" and target.name in node.inputs]
    if not target.label or target.classes is None or len(losses) != 1:
        raise ValueError(f"a classifier's target is compared by one cross_entropy; {target.name} of {spec.name} is not")
    if target.classes != classes:
        raise ValueError(f"y has {classes} classes, the spec expects {target.classes}")
    logits = losses[0].inputs[0]
    likely = {node.outputs[0] for node in spec.nodes if node.component == "softmax" and node.inputs[0] == logits}
    for output in spec.outputs:
        if output.value in likely or output.value == logits:
            return Network(input, target, output.name, output.value == logits)
    raise ValueError(f"no output of {spec.name} is {logits} or its softmax")


def regressor_network(spec: Spec) -> Network:
    """Raises ValueError for a spec that is no regression from one input."""
    input, target = _ends(spec)
    compared = {name for node in train_of(spec).nodes if target.name in node.inputs for name in node.inputs}
    found = [output.name for output in spec.outputs if output.value in compared]
    if target.label or len(found) != 1:
        raise ValueError(f"a regressor's target is compared with one output; {target.name} of {spec.name} is not")
    return Network(input, target, found[0])


def _ends(spec: Spec) -> tuple[Value, Target]:
    targets = train_of(spec).targets
    if len(spec.inputs) != 1 or len(targets) != 1:
        raise ValueError(
            f"an estimator needs a spec of one input and one target; {spec.name} has {len(spec.inputs)} and "
            f"{len(targets)}"
        )
    return spec.inputs[0], targets[0]
