"""What a run directory tells: spec, settings, the records of all epochs, and which of them is the best."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.ir import codec
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.training.history import History, Record
from nnspec.training.learning_rate import LearningRate, Length
from nnspec.training.run_folder import RunFolder
from nnspec.training.tally import Metrics

OWN = {"epoch", "step", "rows", "lr", "gradient_norm", "gradient_norm_max", "skipped"}
"""Numbers of a record that belong to neither split and have a place of their own."""
PLANNED_POINTS = 400
"""Points of the curve of the planned learning rate."""


class Story(NamedTuple):
    """A run, as it can be read from its directory alone."""

    folder: Path
    spec: Spec
    facts: dict[str, Any]
    """`run.json`."""
    history: History
    times: list[Record]
    """`times.jsonl`: how long the epochs took."""

    @property
    def records(self) -> list[Record]:
        return self.history.epochs

    @property
    def best_epoch(self) -> int | None:
        """The epoch whose weights are kept."""
        return int(self.history.best["epoch"]) if self.history.best else None

    @property
    def measured(self) -> list[str]:
        """What is measured on one or both splits, without the split: `loss`, `accuracy`, …; the loss first."""
        splits = ("train.", "validation.")
        names = [name.partition(".")[2] for record in self.records for name in record if name.startswith(splits)]
        return list(dict.fromkeys(names))

    @property
    def logged(self) -> list[str]:
        """What callbacks have logged, under the names that they gave."""
        names = dict.fromkeys(name for record in self.records for name in record)
        return [name for name in names if name not in OWN and not name.startswith(("train.", "validation."))]

    @property
    def seconds(self) -> float | None:
        """The time spent in epochs; None for a run that does not tell."""
        return sum(record["seconds"] for record in self.times) if self.times else None

    @property
    def length(self) -> Length | None:
        """How long the run is meant to be; None for a run that does not tell."""
        found = self.facts.get("length")
        return Length(**found) if found else None

    def series(self, name: str) -> list[tuple[float, float]]:
        """Epoch and value of one number of the records; empty where it was not measured."""
        return [(float(record["epoch"]), float(record[name])) for record in self.records if name in record]

    @property
    def geometric(self) -> bool:
        """Whether the schedule multiplies, so that a logarithmic axis shows it best."""
        rate = self.spec.train.optimizer.options.get("lr") if self.spec.train else None
        return isinstance(rate, dict) and rate.get(codec.NESTED) in ("step", "exponential", "plateau")

    def planned(self) -> list[tuple[float, float]]:
        """The learning rate as the schedule plans it over the whole run; empty where it depends on what is measured."""
        length = self.length
        if self.spec.train is None or length is None or length.steps < 1:
            return []
        rate = LearningRate(codec.decode(registries(), "optimizer", self.spec.train.optimizer), length)
        if rate.watches:
            return []
        every = max(1, length.steps // PLANNED_POINTS)
        steps = sorted({*range(0, length.steps, every), length.steps - 1})
        return [((step + 1) / length.steps_per_epoch, rate.at(step)) for step in steps]


def read_story(folder: Path) -> Story:
    """Read a run directory. Raises E707 where it is none."""
    run = RunFolder(folder)
    facts, spec = run.read_facts(), run.read_spec()
    stop = codec.decode(registries(), "stop", spec.train.early_stop) if spec.train and spec.train.early_stop else None
    watched = stop.watches if stop else "validation.loss"
    history = History(watched, Metrics(spec, registries()).mode(watched), read_lines(folder / "metrics.jsonl"))
    return Story(folder, spec, facts, history, read_lines(folder / "times.jsonl"))


def read_lines(path: Path) -> list[Record]:
    """The records of a file of JSON lines, null as NaN; none where there is no file. Raises E707 for other content."""
    if not path.exists():
        return []
    try:
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [{name: nan if value is None else value for name, value in record.items()} for record in found]
    except (OSError, ValueError, AttributeError) as error:
        raise Fault("E707", f"{path} cannot be read: {error}") from error
