"""Files of weights, read and written under the names of their source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.rename_file import Rename, rename_table
from nnspec.compiler.renamed import given_back
from nnspec.compiler.weights import Foreign, Source, find_weights, fitting_weights, read_weights
from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.runtime.edge import run_errors
from nnspec.runtime.tensor_file import write_tensors as write_file

Array = np.ndarray[Any, Any]

ENDING = ".safetensors"


@run_errors()
def load_weights(source: str | Path, *, rename: Rename = (), spec: Spec | None = None) -> dict[str, Array]:
    """The arrays of a safetensors file, of the index of several, of a folder that has one of these, or of a run.

    `rename` is a table, as its path or its rules; what it leaves aside is left out. bfloat16 becomes float32. With a
    `spec`, they must be its parameters, all of them, and a `config.json` beside them must not say otherwise. Raises
    RunError: E707 for what cannot be read, E702 for what the table cannot do and what does not fit.
    """
    given = Foreign(source, rename) if rename else source
    return dict((read_weights(given) if spec is None else fitting_weights(spec, given)).arrays)


@run_errors()
def save_weights(path: str | Path, weights: Source, *, rename: Rename = ()) -> None:
    """Write weights (arrays by path, a trainer, a run, a file) as a safetensors file that PyTorch's libraries read.

    With `rename` under the names of the source that the table is for, on its way back: what it cuts is put together,
    what it turns is turned back. Raises RunError: E702 for a path to which no name of the source leads, E706 for a path
    that cannot be, E707 where the file cannot be written.
    """
    target = require_path(path, weights)
    arrays = read_weights(weights).arrays
    write_weights(target, given_back(arrays, rename_table(rename)))


def write_weights(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write a file of weights. What PyTorch's libraries read says in its metadata that it is one of theirs."""
    write_file(path, arrays, "pt", key="format")


def require_path(path: str | Path, source: Source) -> Path:
    """Raise E706 unless weights can be written to `path` without harm."""
    target = Path(path)
    if target.is_dir():
        raise Fault("E706", f"{target} is a folder", help=f"name a file in it: {target / 'model.safetensors'}")
    if target.suffix != ENDING:
        help = f"write {target.with_suffix(ENDING)}" if target.name else ""
        raise Fault("E706", f"{target} does not end with {ENDING}", help=help)
    if not target.parent.is_dir():
        raise Fault("E706", f"there is no folder {target.parent}", help="make it first")
    if isinstance(source, str | Path) and target.exists():
        origin = find_weights(source)
        if any(target.samefile(own) for own in (origin, origin / "weights.safetensors") if own.exists()):
            raise Fault("E706", f"{target} is what is read", help="name another file")
    return target
