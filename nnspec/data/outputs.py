"""Results of a model as CSV, JSON or a NumPy archive.

Floats are written with the fewest digits that give the same float back.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZipFile, ZipInfo

import numpy as np

from nnspec.data.files import write_atomically
from nnspec.data.table import Label
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

Outputs = Mapping[str, "NDArray[Any]"]
ClassNames = Mapping[str, Sequence[Label]]
CLASS, FILE = "class", "file"
FORMATS = ("csv", "json", "npz")


def write_outputs(
    outputs: Outputs,
    path: Path | str | None = None,
    classes: ClassNames | None = None,
    format: str | None = None,
    stdout: BinaryIO | None = None,
    files: Sequence[str] | None = None,
) -> None:
    """Write the results, rows first, to `path` in one step, or to standard output.

    The format is the path's ending, else CSV. `classes` names the classes along the last axis of an output. CSV: a
    column per number, `probability.setosa` where classes are known, else `probability_0`, and `probability.class` with
    the most likely one. JSON: a list of one object per row. NPZ: the arrays, with `probability.class` and
    `probability.classes`. `files` are where the rows are from; they become the first column, `file`. Raises E610.
    """
    chosen = format or (Path(path).suffix.lower().removeprefix(".") if path is not None else "csv")
    if chosen not in FORMATS:
        raise Fault(
            "E610",
            f"results cannot be written as {chosen or 'a file without an ending'!r}",
            help="--output takes .csv, .json and .npz",
        )
    if files is not None and all(array.ndim and len(array) == len(files) for array in outputs.values()):
        outputs = {_free(FILE, outputs): np.array(files, object), **outputs}
    known = {
        name: tuple(names)
        for name, names in (classes or {}).items()
        if name in outputs and outputs[name].ndim > 1 and outputs[name].shape[-1] == len(names)
    }
    if chosen != "npz":
        _require_rows(outputs)
    write = _writer(chosen, outputs, known)
    if path is None:
        stream = stdout if stdout is not None else sys.stdout.buffer
        write(stream)
        stream.flush()
    else:
        write_atomically(Path(path), write)


def _writer(format: str, outputs: Outputs, classes: ClassNames) -> Callable[[BinaryIO], object]:
    if format == "npz":
        return lambda stream: _write_npz(stream, outputs, classes)
    text = _csv_text(outputs, classes) if format == "csv" else _json_text(outputs, classes)
    return lambda stream: stream.write(text.encode())


def _require_rows(outputs: Outputs) -> None:
    """Raise E610 unless the first axis counts the same rows in all outputs."""
    if any(array.ndim == 0 for array in outputs.values()) or len({len(array) for array in outputs.values()}) > 1:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise Fault("E610", f"the outputs have no rows in common: {shapes}", help="write them to a .npz file")


def _csv_text(outputs: Outputs, classes: ClassNames) -> str:
    columns: dict[str, list[str]] = {}
    for name, array in outputs.items():
        flat = _texts(array).reshape(len(array), -1)
        for title, column in zip(_titles(name, array, classes.get(name)), flat.T, strict=True):
            columns[title] = column.tolist()
        if name in classes and array.ndim == 2:
            title = _free(f"{name}.{CLASS}", columns)  # a class may be called "class"
            columns[title] = [str(label) for label in _likely(array, classes[name])]
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _free(title: str, taken: Collection[str]) -> str:
    """A title that no other column has."""
    while title in taken:
        title += "_"
    return title


def _titles(name: str, array: NDArray[Any], classes: Sequence[Label] | None) -> list[str]:
    """A name for each number of a row: the output's own, with the class or the indices behind it."""
    if array.ndim == 1:
        return [name]
    if classes is not None and array.ndim == 2:
        return [f"{name}.{label}" for label in classes]
    return ["_".join([name, *map(str, index)]) for index in np.ndindex(*array.shape[1:])]


def _texts(array: NDArray[Any]) -> NDArray[Any]:
    """The elements as text that reads back as the same number."""
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind == "b":
        return np.where(array, "true", "false").astype(object)
    texts = np.empty(array.size, object)
    texts[:] = [str(value) for value in array.ravel()]
    return texts.reshape(array.shape)


def _likely(array: NDArray[Any], classes: Sequence[Label]) -> NDArray[Any]:
    """The class with the greatest value along the last axis."""
    names = np.empty(len(classes), object)
    names[:] = list(classes)
    return np.asarray(names[array.argmax(axis=-1)])


def _json_text(outputs: Outputs, classes: ClassNames) -> str:
    columns: dict[str, list[Any]] = {}
    for name, array in outputs.items():
        columns[name] = _plain(array)
        if name in classes:
            columns[f"{name}.{CLASS}"] = _likely(array, classes[name]).tolist()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return "[" + ",\n ".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows) + "]\n"


def _plain(array: NDArray[Any]) -> list[Any]:
    """Nested lists of JSON values.

    A float32 becomes the shortest decimal that reads back as the same float32, nan and inf null.
    """
    if array.dtype.kind not in "fV":
        return list(array.tolist())
    numbers = np.empty(array.size, object)
    numbers[:] = [float(text) if math.isfinite(float(text)) else None for text in _texts(array).ravel()]
    return list(numbers.reshape(array.shape).tolist())


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    """An array that `numpy.load` reads anywhere without pickle."""
    if array.dtype.kind == "O":
        return array.astype(str)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _write_npz(stream: BinaryIO, outputs: Outputs, classes: ClassNames) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for name, array in outputs.items():
        arrays[name] = _storable(array)
        if name in classes:
            arrays[f"{name}.{CLASS}"] = np.array(_likely(array, classes[name]).tolist())
            arrays[f"{name}.classes"] = np.array(classes[name])
    # Not numpy.savez, whose own arguments are names that an output may have; and so equal results are equal bytes.
    with ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
