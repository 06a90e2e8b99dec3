"""The whole state of a run as named tensors and a note, and back: what is saved is what continues, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.fit import require_fit
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.buffers import FlatBuffer
from nnspec.runtime.sealed_file import Damaged, read_sealed, write_sealed
from nnspec.training.memory import Memory
from nnspec.training.state import Counters, TrainingState, Weights
from nnspec.training.tally import Tally

Array = np.ndarray[Any, Any]

LAST, BEST, SLOT, TOTAL, TALLY = "last", "best", "slot", "total", "tally"
"""First parts of the names of tensors: parameters to go on from, parameters of the best epoch, the optimizer's state,
gradients of the group of batches under way, and what was measured in the epoch under way."""
FORMAT = 1
"""Of the note and the names."""


class Checkpoint(NamedTuple):
    """What a file holds, read and verified."""

    path: Path
    tensors: dict[str, Array]
    note: dict[str, Any]


def write_checkpoint(path: Path, state: TrainingState, memory: Memory, run: str) -> None:
    """Write one file that holds everything; `run` is what it must be read with. Raises E707."""
    tensors = dict(_named(LAST, state, memory.last or state.weights()))
    if memory.best:
        tensors |= _named(BEST, state, memory.best)
    for slot, buffer in state.slots.items():
        tensors |= _below_name(f"{SLOT}/{slot}", buffer)
    if _accumulating(state):
        tensors |= _below_name(TOTAL, state.total)
    if memory.tally:
        tensors |= _below_name(TALLY, memory.tally.state())
    note = {
        "format": FORMAT,
        "run": run,
        "counters": asdict(state.counters),
        "seed": state.seed,
        "fitted": memory.fitted,
        "history": memory.history.epochs,
        "classes": memory.classes,
    }
    write_sealed(path, tensors, note)


def read_checkpoint(path: Path, run: str) -> Checkpoint:
    """A verified checkpoint. Raises Damaged for a file that is not whole, or of another run."""
    tensors, note = read_sealed(path)
    if note.get("format") != FORMAT:
        raise Damaged(f"it has the format {note.get('format')} of another version of nnspec")
    if note.get("run") != run:
        raise Damaged("it is of a run with another spec")
    return Checkpoint(path, tensors, note)


def restore(
    checkpoint: Checkpoint, spec: Spec, state: TrainingState, memory: Memory, tally: Callable[[], Tally]
) -> None:
    """Put a checkpoint into a state of the same spec. Raises E702 for one of another spec, E707 for one that lacks
    something."""
    tensors, note = checkpoint.tensors, checkpoint.note
    try:
        state.counters = Counters(**note["counters"])
        memory.fitted = bool(note["fitted"])
        memory.history.epochs[:] = note["history"]
        memory.classes = {name: tuple(found) for name, found in note["classes"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise Fault("E707", f"{checkpoint.path} is no checkpoint: {error}") from error
    memory.best = _weights(BEST, spec, state, tensors) if any(name.startswith(BEST + "/") for name in tensors) else None
    memory.last = None
    state.restore(_weights(LAST, spec, state, tensors))
    for slot, buffer in state.slots.items():
        _fill(buffer, below(f"{SLOT}/{slot}", tensors), checkpoint.path)
    if _accumulating(state):
        _fill(state.total, below(TOTAL, tensors), checkpoint.path)
    memory.tally = None
    if measured := below(TALLY, tensors):
        memory.tally = tally()
        memory.tally.restore(measured)


def deployed(state: TrainingState, memory: Memory) -> dict[str, Array]:
    """The parameters to use: those of the best epoch, or the current ones where there was none."""
    if memory.best is None:
        return dict(state.parameters)
    found = {name.removeprefix(f"{BEST}/"): array for name, array in _named(BEST, state, memory.best)}
    return {path: found[path] for path in state.parameters}


def below(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors whose names begin with `prefix/`, by the rest of their names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}


def _accumulating(state: TrainingState) -> bool:
    """Whether gradients of earlier batches wait for those of the next."""
    return state.total is not state.gradient and state.counters.batch > 0


def _named(prefix: str, state: TrainingState, weights: Weights) -> Iterator[tuple[str, Array]]:
    """The tensors of a copy of all parameters."""
    for buffer, flat in ((state.trained, weights.trained), (state.held, weights.held)):
        for name, place in buffer.slices.items():
            yield f"{prefix}/{name}", flat[place].reshape(buffer.shapes[name])


def _below_name(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{prefix}/{name}": array for name, array in tensors.items()}


def _weights(prefix: str, spec: Spec, state: TrainingState, tensors: Mapping[str, Array]) -> Weights:
    found = below(prefix, tensors)
    require_fit(spec, found)
    trained, held = state.trained.like(), state.held.like()
    for buffer in (trained, held):
        for name, view in buffer.items():
            view[...] = found[name]
    return Weights(trained.flat, held.flat)


def _fill(buffer: FlatBuffer, found: Mapping[str, Array], path: Path) -> None:
    for name, view in buffer.items():
        if name not in found or found[name].shape != view.shape:
            raise Fault("E702", f"{path} holds no state of the optimizer for {name}")
        view[...] = found[name]
