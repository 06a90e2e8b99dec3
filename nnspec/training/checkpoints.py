"""The checkpoints of a run: the last two and that of the best epoch, found by their names.

    checkpoints/step-000123.safetensors

A newer one takes the place of one of the same step as a whole.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from pathlib import Path

from nnspec.diagnostics.errors import Fault, RunWarning
from nnspec.runtime.sealed_file import Damaged
from nnspec.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from nnspec.training.memory import Memory
from nnspec.training.state import TrainingState

NAME = re.compile(r"step-(\d+)\.safetensors")
KEPT = 2
"""The newest so many stay."""


class Checkpoints:
    """The checkpoints in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, state: TrainingState, memory: Memory, run: str) -> Path:
        """Write a checkpoint, and then remove those that are no longer needed. Raises E707."""
        step = state.counters.step
        path = self.folder / f"step-{step:06}.safetensors"
        write_checkpoint(path, state, memory, run)
        self._prune(step, memory.history.best["step"] if memory.history.best else None)
        return path

    def newest(self, run: str) -> Checkpoint:
        """The newest checkpoint that is whole; a warning names each that is not. Raises E707 where there is none."""
        refused = []
        for _, path in reversed(self.found()):
            try:
                checkpoint = read_checkpoint(path, run)
            except Damaged as damage:
                refused.append(f"{path}: {damage}")
            else:
                for line in refused:
                    warnings.warn(RunWarning(f"refused {line}; going on from {path.name}"), stacklevel=2)
                return checkpoint
        if not refused:
            raise Fault("E707", f"{self.folder} holds no checkpoint", help="--overwrite begins anew")
        raise Fault("E707", f"no checkpoint is whole: {'; '.join(refused)}", help="--overwrite begins anew")

    def found(self) -> list[tuple[int, Path]]:
        """The checkpoints by step, the newest last."""
        matched = ((NAME.fullmatch(path.name), path) for path in self.folder.glob("step-*"))
        return sorted((int(match[1]), path) for match, path in matched if match)

    def _prune(self, step: int, best: float | int | None) -> None:
        """Remove what is older than the newest, but for the best; and what is newer than `step`, which the run has gone
        back behind, since it was damaged or another run's."""
        found = self.found()
        newest = [number for number, _ in found if number <= step][-KEPT:]
        for number, path in found:
            if number not in newest and (number > step or number != best):
                with suppress(OSError):  # one too many does no harm
                    path.unlink()
