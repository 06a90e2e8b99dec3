"""The whole state of a run as named tensors and a note, and back: what is saved is what continues, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.weights import require_fit
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.buffers import FlatBuffer
from nnspec.runtime.tensor_file import read_tensors, write_tensors
from nnspec.training.memory import Memory
from nnspec.training.state import Counters, TrainingState, Weights

Array = np.ndarray[Any, Any]

LAST, BEST, SLOT = "last", "best", "slot"
"""First parts of the names of tensors: parameters to go on from, parameters of the best epoch, the optimizer's
state."""


def write_checkpoint(path: Path, state: TrainingState, memory: Memory) -> None:
    """Write one file that holds everything. Raises E707."""
    tensors = dict(_named(LAST, state, memory.last or state.weights()))
    if memory.best:
        tensors |= _named(BEST, state, memory.best)
    for slot, buffer in state.slots.items():
        tensors |= {f"{SLOT}/{slot}/{name}": view for name, view in buffer.items()}
    note = {
        "counters": asdict(state.counters),
        "seed": state.seed,
        "fitted": memory.fitted,
        "history": memory.history.epochs,
        "classes": memory.classes,
    }
    write_tensors(path, tensors, json.dumps(note))


def read_checkpoint(path: Path, spec: Spec, state: TrainingState, memory: Memory) -> None:
    """Put a checkpoint into a state of the same spec. Raises E702 for one of another spec, E707 for one that cannot be
    read."""
    tensors, text = read_tensors(path)
    try:
        note = json.loads(text)
        state.counters = Counters(**note["counters"])
        memory.fitted = bool(note["fitted"])
        memory.history.epochs[:] = note["history"]
        memory.classes = {name: tuple(found) for name, found in note["classes"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise Fault("E707", f"{path} is no checkpoint: {error}") from error
    memory.best = _weights(BEST, spec, state, tensors) if any(name.startswith(BEST + "/") for name in tensors) else None
    memory.last = None
    state.restore(_weights(LAST, spec, state, tensors))
    for slot, buffer in state.slots.items():
        _fill(buffer, _below(f"{SLOT}/{slot}", tensors), path)


def deployed(state: TrainingState, memory: Memory) -> dict[str, Array]:
    """The parameters to use: those of the best epoch, or the current ones where there was none."""
    if memory.best is None:
        return dict(state.parameters)
    found = {name.removeprefix(f"{BEST}/"): array for name, array in _named(BEST, state, memory.best)}
    return {path: found[path] for path in state.parameters}


def _named(prefix: str, state: TrainingState, weights: Weights) -> Iterator[tuple[str, Array]]:
    """The tensors of a copy of all parameters."""
    for buffer, flat in ((state.trained, weights.trained), (state.held, weights.held)):
        for name, place in buffer.slices.items():
            yield f"{prefix}/{name}", flat[place].reshape(buffer.shapes[name])


def _weights(prefix: str, spec: Spec, state: TrainingState, tensors: Mapping[str, Array]) -> Weights:
    found = _below(prefix, tensors)
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


def _below(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{prefix}/"
    return {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}
