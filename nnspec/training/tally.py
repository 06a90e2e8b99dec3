"""Loss and metrics over many batches: sums per batch, exact results over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.lowering import Library
from nnspec.compiler.training_graphs import LOSS, PENALTY, metric_name
from nnspec.ir import codec
from nnspec.ir.spec import Spec
from nnspec.recipe.base import Metric, Mode

Array = np.ndarray[Any, Any]


LOSSES = {LOSS: "loss", PENALTY: "penalty"}
"""Outputs that are means over a batch, and the names under which they are reported."""


class Metrics:
    """The metrics of a spec, by the names under which they are reported."""

    def __init__(self, spec: Spec, library: Library) -> None:
        found = spec.train.metrics if spec.train else ()
        self.by_name: dict[str, Metric] = {item.name: codec.decode(library, "metric", item.metric) for item in found}

    def mode(self, monitored: str) -> Mode:
        """Whether less or more is better of a reported number such as `validation.accuracy`; of losses it is less."""
        name = monitored.partition(".")[2]
        return self.by_name[name].mode if name in self.by_name else "min"


class Tally:
    """Sums of what a graph reports for each batch."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rows = 0
        self._sums: dict[str, float] = {}
        self._parts: dict[str, Any] = {}

    def add(self, values: Mapping[str, Array], rows: int) -> None:
        """Count the values of one batch: losses by the number of rows, parts of metrics as they are."""
        self._rows += rows
        for name, value in values.items():
            if name in LOSSES:
                self._sums[name] = self._sums.get(name, 0.0) + float(value) * rows
            else:
                self._parts[name] = self._parts.get(name, 0.0) + value

    def result(self) -> dict[str, float]:
        """`loss`, `penalty` where there are regularizers, and every metric by its name."""
        found = {LOSSES[name]: total / self._rows for name, total in self._sums.items()}
        return found | {name: metric.result(self._of(name)) for name, metric in self._metrics.by_name.items()}

    def _of(self, metric: str) -> dict[str, Any]:
        start = metric_name(metric, "")
        return {name.removeprefix(start): value for name, value in self._parts.items() if name.startswith(start)}
