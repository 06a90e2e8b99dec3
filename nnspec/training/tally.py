"""Loss and metrics over many batches: parts per batch, exact results over all of them."""

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

    def combine(self, output: str) -> str:
        """How the values of an output of the graph, which is a part of a metric, become those of many batches."""
        return self.by_name[output.split("/")[1]].combine

    def mode(self, monitored: str) -> Mode:
        """Whether less or more is better of a reported number such as `validation.accuracy`; of losses it is less."""
        name = monitored.partition(".")[2]
        return self.by_name[name].mode if name in self.by_name else "min"


class Tally:
    """What a graph reports for each batch, taken together."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rows = 0
        self._sums: dict[str, float] = {}
        self._parts: dict[str, Any] = {}
        self._kept: dict[str, list[Array]] = {}
        self._norms = (0, 0.0, 0.0)

    def add(self, values: Mapping[str, Array], rows: int) -> None:
        """Count the values of one batch: losses by the number of rows, parts of metrics added up or kept as they
        are."""
        self._rows += rows
        for name, value in values.items():
            if name in LOSSES:
                self._sums[name] = self._sums.get(name, 0.0) + float(value) * rows
            elif self._metrics.combine(name) == "concat":
                self._kept.setdefault(name, []).append(value.copy())
            else:
                self._parts[name] = self._parts.get(name, 0.0) + value

    def add_norm(self, norm: float) -> None:
        """Count the norm of the gradients of one batch."""
        count, total, greatest = self._norms
        self._norms = (count + 1, total + norm, max(greatest, norm))

    def norms(self) -> dict[str, float]:
        """The mean and the greatest norm of the gradients; nothing where none was counted."""
        count, total, greatest = self._norms
        return {"gradient_norm": total / count, "gradient_norm_max": greatest} if count else {}

    def result(self) -> dict[str, float]:
        """`loss`, `penalty` where there are regularizers, and every metric by its name."""
        found = {LOSSES[name]: total / self._rows for name, total in self._sums.items()}
        return found | {name: metric.result(self._of(name)) for name, metric in self._metrics.by_name.items()}

    def state(self) -> dict[str, Array]:
        """All sums as arrays, for a checkpoint in the middle of an epoch."""
        found = {"rows": np.array(self._rows, np.int64), "norms": np.array(self._norms, np.float64)}
        found |= {f"sum/{name}": np.array(total, np.float64) for name, total in self._sums.items()}
        found |= {f"part/{name}": np.asarray(part) for name, part in self._parts.items()}
        return found | {f"kept/{name}": np.concatenate(values) for name, values in self._kept.items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on from what `state` gave, to the same bits."""
        self._rows = int(state["rows"])
        count, total, greatest = map(float, state["norms"])
        self._norms = (int(count), total, greatest)
        self._sums = {name[4:]: float(array) for name, array in state.items() if name.startswith("sum/")}
        self._parts = {name[5:]: array for name, array in state.items() if name.startswith("part/")}
        self._kept = {name[5:]: [array] for name, array in state.items() if name.startswith("kept/")}

    @property
    def rows(self) -> int:
        """Rows counted."""
        return self._rows

    def _of(self, metric: str) -> dict[str, Any]:
        start = metric_name(metric, "")
        summed = {name.removeprefix(start): value for name, value in self._parts.items() if name.startswith(start)}
        kept = {name.removeprefix(start): rows for name, rows in self._kept.items() if name.startswith(start)}
        return summed | {part: np.concatenate(rows) for part, rows in kept.items()}
