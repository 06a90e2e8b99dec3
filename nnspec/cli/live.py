"""A live table of epochs on a terminal, drawn by rich; imported where a terminal watches."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import TextIO

import rich.live
from rich import box
from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnspec.cli.pace import Pace, measured, status
from nnspec.cli.progress import REFRESH, Progress, summary
from nnspec.training.history import EpochDone, Event, Record, StepDone, TrainingDone

FRAME = 7
"""Lines of the screen that are not epochs."""
MOST = 12
"""Epochs on the screen at once, while training."""
KEPT = 20
"""Epochs in the table that stays."""
COLUMN = 12
"""Letters of a column, about."""


class Live(Progress):
    """A table of the last epochs, the best one marked, above a bar and a line of numbers."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._live = rich.live.Live(console=self._console, auto_refresh=False)
        self._pace = Pace()
        self._records: list[Record] = []
        self._best: Record | None = None
        self._last: StepDone | None = None
        self._started = monotonic()
        self._shown = 0.0

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case StepDone():
                self._last = event
                self._pace.step(event)
                self._refresh()
            case EpochDone():
                self._records.append(event.record)
                self._pace.epoch(event.record)
                self._best = event.record if event.is_best else self._best
                self._refresh()
            case TrainingDone():
                self._best = event.history.best
                text = Text(summary(event, monotonic() - self._started).rstrip())
                shown = spread(event.history.epochs, KEPT)
                self._live.update(Group(self._table(shown), text), refresh=True)

    def _refresh(self) -> None:
        now = monotonic()
        if now - self._shown >= REFRESH and self._last is not None:
            self._shown = now
            shown = max(min(self._console.height - FRAME, MOST), 1)
            table = self._table(self._records[-shown:]) if self._records else Text()
            self._live.update(Group(table, self._bar(self._last)), refresh=True)

    def _bar(self, last: StepDone) -> Group:
        bar = ProgressBar(last.steps, last.step, width=min(self._console.width - 2, 96))
        line = Text(" " + status(last, self._pace, " · "), no_wrap=True, overflow="ellipsis")
        return Group(Text(" ", end=""), bar, Text(), line)

    def _table(self, records: list[Record]) -> Table:
        """A row per epoch; the best one too where it is not among them."""
        if self._best is not None and all(record is not self._best for record in records):
            records = sorted([self._best, *records], key=lambda record: record["epoch"])
        names = self._names()
        table = Table(box=box.SIMPLE_HEAD, pad_edge=True, header_style="dim")
        table.add_column("epoch", justify="right")
        for name in names:
            style = None if name.startswith("validation.") else "dim"
            table.add_column(_head(name), justify="right", style=style, no_wrap=True)
        table.add_column("", no_wrap=True)
        for record in records:
            best = record is self._best
            cells = (measured(record[name]) if name in record else "" for name in names)
            table.add_row(str(record["epoch"]), *cells, "best" if best else "", style="bold green" if best else None)
        return table

    def _names(self) -> list[str]:
        """The numbers that fit the terminal: the validation's come before those of training."""
        found = list(dict.fromkeys(name for record in self._records[-1:] for name in record if "." in name))
        room = max((self._console.width - 16) // COLUMN, 1)
        chosen = sorted(found, key=lambda name: (not name.startswith("validation."), "loss" not in name))[:room]
        return [name for name in found if name in chosen]


def spread(records: list[Record], most: int) -> list[Record]:
    """At most `most` records from the first to the last, at equal distances."""
    if len(records) <= most:
        return records
    return [records[round(index * (len(records) - 1) / (most - 1))] for index in range(most)]


def _head(name: str) -> str:
    split, _, what = name.partition(".")
    return f"val {what}" if split == "validation" else what
