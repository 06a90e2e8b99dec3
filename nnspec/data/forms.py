"""Outputs of a model as columns, texts and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.table import Label
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

Outputs = Mapping[str, "NDArray[Any]"]
ClassNames = Mapping[str, Sequence[Label]]
CLASS = "class"


def flat_columns(
    outputs: Outputs, classes: ClassNames, form: Callable[[NDArray[Any]], NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """A column for each number of a row, in the form that `form` gives an output."""
    columns: dict[str, NDArray[Any]] = {}
    for name, array in outputs.items():
        flat = form(array).reshape(len(array), -1)
        columns |= dict(zip(_titles(name, array, classes.get(name)), flat.T, strict=True))
        if name in classes and array.ndim == 2:
            title = free_title(f"{name}.{CLASS}", columns)  # a class may be called "class"
            columns[title] = np.array([str(label) for label in likely(array, classes[name])], object)
    return columns


def require_same(known: list[str], found: list[str]) -> None:
    """Raise E610 for rows with other columns than those before."""
    if known != found:
        raise Fault(
            "E610",
            f"the results have {len(known)} columns, and from some row on {len(found)}",
            help="write them to .jsonl, whose rows may differ in length",
        )


def unlike(name: str, known: Sequence[int], found: Sequence[int]) -> Fault:
    """E610 for rows of another shape than those before."""
    said = f"{name} has rows of {list(known[1:])}, and later of {list(found[1:])}"
    return Fault("E610", said, help="write them to .jsonl, whose rows may differ in length")


def free_title(title: str, taken: Collection[str]) -> str:
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


def as_text(array: NDArray[Any]) -> NDArray[Any]:
    """The elements as text that reads back as the same number."""
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind == "b":
        return np.where(array, "true", "false").astype(object)
    texts = np.empty(array.size, object)
    texts[:] = [str(value) for value in array.ravel()]
    return texts.reshape(array.shape)


def likely(array: NDArray[Any], classes: Sequence[Label]) -> NDArray[Any]:
    """The class with the greatest value along the last axis."""
    names = np.empty(len(classes), object)
    names[:] = list(classes)
    return np.asarray(names[array.argmax(axis=-1)])


def json_rows(outputs: Outputs, classes: ClassNames) -> list[str]:
    """A JSON object for each row."""
    columns: dict[str, list[Any]] = {}
    for name, array in outputs.items():
        columns[name] = _plain(array)
        if name in classes:
            columns[f"{name}.{CLASS}"] = likely(array, classes[name]).tolist()
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]


def _plain(array: NDArray[Any]) -> list[Any]:
    """Nested lists of JSON values.

    A float32 becomes the shortest decimal that reads back as the same float32, nan and inf null.
    """
    if array.dtype.kind not in "fV":
        return list(array.tolist())
    numbers = np.empty(array.size, object)
    numbers[:] = [float(text) if math.isfinite(float(text)) else None for text in as_text(array).ravel()]
    return list(numbers.reshape(array.shape).tolist())


def storable(array: NDArray[Any]) -> NDArray[Any]:
    """An array that `numpy.load` reads anywhere without pickle."""
    if array.dtype.kind == "O":
        return array.astype(str)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
