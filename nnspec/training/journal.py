"""What a run writes down epoch by epoch, for people and their tools.

    metrics.jsonl                               the records; those of a resumed run are those of an undisturbed one
    times.jsonl                                 what is never the same twice: how long the epochs took, and when
    tensorboard/events.out.tfevents.nnspec      the records as scalars

Each is written anew when a run starts or goes on, so that no epoch is in it twice, and then grows epoch by epoch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from time import monotonic, time

from nnspec.files import sweep
from nnspec.runtime import event_file
from nnspec.runtime.files import append_bytes, make_folder, write_bytes
from nnspec.training.history import Record

COUNTS = ("epoch", "step", "rows")
"""What tells where a run is, and is no measurement."""


class Journal:
    """The files of one run directory."""

    def __init__(self, folder: Path) -> None:
        self.metrics = folder / "metrics.jsonl"
        self.times = folder / "times.jsonl"
        self.events = folder / "tensorboard" / "events.out.tfevents.nnspec"
        self._step, self._done = 0, 0
        self._time = monotonic()

    def begin(self, records: Sequence[Record], step: int) -> None:
        """Write down the epochs that are done, `records`; the run goes on after `step` updates. Raises E707."""
        times = _known(self.times, records)
        make_folder(self.events.parent)
        sweep(self.events.parent)
        write_bytes(self.metrics, "".join(map(_line, records)).encode())
        write_bytes(self.times, "".join(map(_line, times)).encode())
        moments = {entry["epoch"]: float(entry["finished"]) for entry in times}
        now = time()
        events = (_event(record, moments.get(record["epoch"], now)) for record in records)
        write_bytes(self.events, event_file.header(min(moments.values(), default=now)), *events)
        self._step, self._done = step, int(records[-1]["step"]) if records else 0
        self._time = monotonic()

    def add(self, record: Record) -> None:
        """Write down one epoch more. Raises E707."""
        entry = self._timed(record)
        append_bytes(self.metrics, _line(record).encode())
        append_bytes(self.times, _line(entry).encode())
        append_bytes(self.events, _event(record, float(entry["finished"])))

    def _timed(self, record: Record) -> Record:
        """How long the epoch took, validation and saving included; of one that was interrupted, the part since."""
        now, step = monotonic(), int(record["step"])
        seconds, steps = now - self._time, step - self._step
        rows = round(record["rows"] * steps / max(step - self._done, 1))
        self._time, self._step, self._done = now, step, step
        rate = 1 / max(seconds, 1e-9)
        return {
            "epoch": record["epoch"], "seconds": seconds, "steps": steps, "rows": rows,
            "steps_per_second": steps * rate, "rows_per_second": rows * rate, "finished": time(),
        }  # fmt: skip


def _line(record: Record) -> str:
    """JSON, null for what is not finite."""
    return json.dumps({name: value if isfinite(value) else None for name, value in record.items()}) + "\n"


def _event(record: Record, moment: float) -> bytes:
    """The measurements under the names that TensorBoard puts into groups: `train/loss`."""
    values = {name.replace(".", "/", 1): value for name, value in record.items() if name not in COUNTS}
    return event_file.scalars(values, int(record["step"]), moment)


def _known(path: Path, records: Sequence[Record]) -> list[Record]:
    """The times of these epochs. A line that cannot be read, such as the last one before a power cut, is left out."""
    epochs = {record["epoch"] for record in records}
    return [entry for entry in _entries(path) if entry.get("epoch") in epochs and "finished" in entry]


def _entries(path: Path) -> Iterator[Record]:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
