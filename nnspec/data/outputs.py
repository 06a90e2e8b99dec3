"""Results of a model as CSV, JSON, NumPy or Parquet files.

Floats are written with the fewest digits that give the same float back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from nnspec.data.files import write_atomically
from nnspec.data.forms import ClassNames, Outputs, free_title
from nnspec.data.writers import WRITERS
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE, ROW = "file", "row"
FORMATS = tuple(WRITERS)
WITHOUT_ROWS = ("npz", "npy")
"""Formats of arrays that need not have rows in common."""

Parts = Iterable[Outputs]


def write_outputs(
    outputs: Outputs,
    path: Path | str | None = None,
    classes: ClassNames | None = None,
    format: str | None = None,
    stdout: BinaryIO | None = None,
    files: Sequence[str] | None = None,
) -> None:
    """Write results that are all there; see `write_parts`. `files` are where the rows are from; they become the first
    column, `file`."""
    if files is not None:
        outputs = with_column(outputs, FILE, np.array(files, object))
    write_parts([outputs], path, lambda _: classes or {}, format, stdout)


def write_parts(
    parts: Parts,
    path: Path | str | None = None,
    classes: Callable[[Outputs], ClassNames] = lambda _: {},
    format: str | None = None,
    stdout: BinaryIO | None = None,
) -> None:
    """Write results part by part, rows first, to `path` in one step at the end, or to standard output.

    The format is the path's ending, else CSV. `classes` names the classes along the last axis of each output, of which
    it is given a part. CSV and Parquet: a column per number, `probability.setosa` where classes are known, else
    `probability_0`, and `probability.class` with the most likely one. JSON: a list of one object per row, JSONL an
    object per line. NPZ: the arrays, with `probability.class` and `probability.classes`. Raises E610, and whatever
    `parts` raise; an old file stays then.
    """
    chosen = chosen_format(path, format)

    def write(stream: BinaryIO) -> None:
        rest = iter(parts)
        first = next(rest, None)
        names = _known(first, classes(first)) if first is not None else {}
        writer = WRITERS[chosen](stream, names)
        try:
            for part in chain([first] if first is not None else [], rest):
                if chosen not in WITHOUT_ROWS:
                    _require_rows(part)
                writer.add(part)
            writer.end()
        finally:
            writer.close()

    if path is None:
        stream = stdout if stdout is not None else sys.stdout.buffer
        write(stream)
        stream.flush()
    else:
        write_atomically(Path(path), write)


def chosen_format(path: Path | str | None, format: str | None) -> str:
    """The format of the results. Raises E610 for one that there is not."""
    chosen = format or (Path(path).suffix.lower().removeprefix(".") if path is not None else "csv")
    chosen = {"ndjson": "jsonl"}.get(chosen, chosen)
    if chosen not in FORMATS:
        raise Fault(
            "E610",
            f"results cannot be written as {repr(chosen) if chosen else 'a file whose name has no ending'}",
            help="--output takes .csv, .json, .jsonl, .npz, .npy and .parquet",
        )
    return chosen


def with_column(outputs: Outputs, title: str, column: NDArray[Any]) -> Outputs:
    """The outputs behind a column that says of each row what it is; without it where they have no rows in common."""
    if all(array.ndim and len(array) == len(column) for array in outputs.values()):
        return {free_title(title, outputs): column, **outputs}
    return outputs


def _known(outputs: Outputs, classes: ClassNames) -> Mapping[str, Sequence[Any]]:
    """The classes of those outputs that have as many."""
    return {
        name: tuple(names)
        for name, names in classes.items()
        if name in outputs and outputs[name].ndim > 1 and outputs[name].shape[-1] == len(names)
    }


def _require_rows(outputs: Outputs) -> None:
    """Raise E610 unless the first axis counts the same rows in all outputs."""
    if any(array.ndim == 0 for array in outputs.values()) or len({len(array) for array in outputs.values()}) > 1:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise Fault("E610", f"the outputs have no rows in common: {shapes}", help="write them to a .npz file")
