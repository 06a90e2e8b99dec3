"""A trainer and its run directory: what is written when, and whether it still is the run that it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.runtime.session import available_cores
from nnspec.training.checkpoint import restore
from nnspec.training.engine import Engine
from nnspec.training.keeper import Cadence, Keeper
from nnspec.training.learning_rate import Length
from nnspec.training.memory import Memory
from nnspec.training.provenance import VERSIONS, data_digests, require_unchanged
from nnspec.training.run_folder import RunFolder
from nnspec.training.tally import Metrics, Tally


class Origin(NamedTuple):
    """The run that a trainer goes on with."""

    folder: RunFolder
    facts: dict[str, Any]

    @property
    def threads(self) -> int | None:
        """As many as the run was started with, for the sake of the last bits, if there are so many cores here."""
        before = self.facts.get("threads")
        return before if before is not None and before <= available_cores() else None

    def restore(self, engine: Engine, memory: Memory, metrics: Metrics) -> None:
        """Put the newest whole checkpoint into a state. Raises E707 where there is none."""
        checkpoint = self.folder.checkpoints.newest(self.folder.digest)
        restore(checkpoint, engine.spec, engine.state, memory, lambda: Tally(metrics))


class Run:
    """A run directory while a trainer writes it."""

    def __init__(self, path: str | Path, engine: Engine, memory: Memory, data: Path, origin: Origin | None) -> None:
        """`data` is where the paths of the data section start; `origin` is the run that the trainer goes on with."""
        self._folder, self._engine, self._memory, self._data = RunFolder(path), engine, memory, data
        same = origin and origin.folder.path.resolve() == self._folder.path.resolve()
        self._origin = origin if same else None
        self._digests: dict[str, str] = self._origin.facts.get("data", {}) if self._origin else {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes inside. Raises E714 where the folder holds files of others that a run would
        replace, E715 where somebody else writes it."""
        self._folder.require_own()
        with self._folder.writing():
            yield

    def clear(self) -> None:
        """Remove a run that was there before."""
        self._folder.clear()

    def look_at_data(self) -> None:
        """Note what the files of the data section hold. Raises E716 where a run goes on and they have changed."""
        self._digests = data_digests(self._engine.spec, self._data)
        if self._origin:
            require_unchanged(self._origin.facts, self._facts())

    def begin(self, cadence: Cadence, length: Length) -> Keeper:
        """Write what there is to go on from, and last what makes the directory a run."""
        self._write_spec()
        keeper = Keeper(self._folder, self._engine.state, self._memory, cadence)
        keeper.begin()
        self._folder.write_facts(self._engine.spec, {**self._facts(), "length": length._asdict()})
        return keeper

    def finish(self) -> None:
        """Write the deployable model."""
        self._folder.write_model(self._engine.spec, self._engine.state, self._memory)

    def save(self) -> None:
        """Write all of it at once."""
        self._write_spec()
        self._folder.write_state(self._engine.state, self._memory, new_best=True)
        self._folder.journal.begin(self._memory.history.epochs, self._engine.state.counters.step)
        self._folder.write_facts(self._engine.spec, self._facts())
        self.finish()

    def _write_spec(self) -> None:
        """The spec of a run stays, byte by byte, since its checkpoints are bound to it."""
        if self._origin:
            self._folder.read_spec()
        else:
            self._folder.facts.unlink(missing_ok=True)
            self._folder.write_spec(self._engine.spec)

    def _facts(self) -> dict[str, Any]:
        return {
            "folder": str(self._data.resolve()),
            "seed": self._engine.state.seed,
            "threads": self._engine.device.threads,
            "device": self._engine.device.name,
            "classes": self._memory.classes,
            "data": self._digests,
            "versions": VERSIONS,
        }
