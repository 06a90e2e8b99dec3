"""Rows given by Python code: checked against the model exactly as those from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.assemble import check_class_numbers, check_ids
from nnspec.data.cells import FILL, Place
from nnspec.data.convert import convert, row_of, unboxed
from nnspec.data.labels import Classes, Labels, derived_classes
from nnspec.data.rows import Dataset
from nnspec.data.shapes import Bindings
from nnspec.data.slots import Slot, slots_of
from nnspec.data.tables import dataset_from_table, is_table
from nnspec.data.text_ids import encoded, is_text, vocabulary
from nnspec.data.wording import listed, nearest, quoted
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault
from nnspec.ir.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray


Batch = Any
"""Arrays by the names of inputs and targets, rows first; or a table, see `nnspec.data.tables`."""


def dataset_from_arrays(
    spec: Spec, arrays: Batch, classes: Mapping[str, Classes] | None = None, targets: bool = True
) -> Dataset:
    """A dataset of arrays, nested lists or anything with `__array__`; or of a table, such as a pandas DataFrame, whose
    columns are those that the data section names.

    The names are those of the inputs and, with `targets`, of the targets. Label targets hold class values. Where
    `classes` does not say what these are, they are the values that occur, in sorted order; whole numbers below the
    count that the loss expects are class numbers then, so that a single batch need not hold every class. Raises a
    DataError with all findings: E602 for names, E603, E604 (ragged lists), E605, E606, E607, E609.
    """
    return ArrayReader(spec, targets).read(arrays, classes)


class ArrayReader:
    """What `dataset_from_arrays` does, prepared once for many batches."""

    def __init__(self, spec: Spec, targets: bool = True) -> None:
        self._learns = targets
        self.slots = [slot for slot in slots_of(spec) if targets or not slot.target]

    def read(self, arrays: Batch, classes: Mapping[str, Classes] | None = None) -> Dataset:
        """See `dataset_from_arrays`."""
        if is_table(arrays):
            return dataset_from_table(self.slots, arrays, classes)
        findings = _name_findings(arrays, [slot.name for slot in self.slots])
        found: dict[str, NDArray[Any]] = {}
        known = dict(classes or {})
        bindings = Bindings()
        for slot in self.slots if not findings else ():
            try:
                if slot.text and not self._learns and slot.name not in known:
                    _require_numbers(slot, arrays[slot.name])
                found[slot.name] = _array(slot, arrays[slot.name], bindings, known)
            except Fault as fault:
                findings.append(fault.at(None))
        lengths = {name: len(array) for name, array in found.items()}
        if not findings and len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            findings.append(Diagnostic("E607", f"the arrays differ in their numbers of rows: {said}", None))
        if findings:
            raise DataError(findings)
        return Dataset(found, next(iter(lengths.values()), 0), known)


def _array(slot: Slot, value: Any, bindings: Bindings, known: dict[str, Classes]) -> NDArray[Any]:
    array = as_array(slot.name, value)
    place = _place(slot.name)
    if slot.text and is_text(array):
        values = [str(text) for text in array]
        if slot.name not in known:
            known[slot.name] = vocabulary(values, slot, place)
        array = encoded(values, slot, known[slot.name], place)
    bindings.fit(slot.name, slot.type, slot.wanted, array.shape, found="the array", help=_batch_help(slot, array))
    if 0 in array.shape:
        raise Fault("E609", f"{slot.name} is empty: its shape is {list(array.shape)}")
    if slot.label:
        labels = Labels([array], True, place)
        if slot.name not in known:
            known[slot.name] = derived_classes(labels, slot, "the array")
        return labels.encoded(known[slot.name])
    converted = convert(array, slot.type.dtype, place)
    check_ids(converted, slot.ids, place)
    check_class_numbers(converted, slot, place)
    return converted


def _require_numbers(slot: Slot, value: Any) -> None:
    """Raise E603 for text while no vocabulary says which numbers it stands for."""
    if is_text(as_array(slot.name, value)):
        raise Fault(
            "E603",
            f"{slot.name} is text, and the model has no vocabulary yet",
            help="give the weights of a run, which holds one, or the numbers themselves",
        )


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Any array-like value as an array of numbers, booleans or text. Raises E603 and E604."""
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":
            array = unboxed(array, lambda row: name if row is None else f"{name}, index {row}")
        if array.dtype.kind == "U":
            _require_text(name, value)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        code, problem = (
            ("E604", "its parts differ in length") if "inhomogeneous" in str(error) else ("E603", str(error))
        )
        raise Fault(code, f"{name} cannot be read as an array: {problem}") from error
    if array.dtype.kind not in "fiubUT" and array.dtype.name != "bfloat16":
        raise Fault("E603", f"{name} holds {array.dtype}, and numbers, booleans or text are needed")
    return array


def _require_text(name: str, value: Any) -> None:
    """Raise E603 for numbers or missing values among text, which NumPy turns into text: NaN into 'nan'."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "U":
        return
    flat = np.asarray(value, dtype=object)
    odd = next((i for i, item in enumerate(flat.ravel().tolist()) if not isinstance(item, str)), None)
    if odd is not None:
        place = f"{name}, index {row_of(odd, flat.shape)}"
        raise Fault("E603", f"{place} is {quoted(flat.ravel()[odd])} among text", help=FILL)


def _name_findings(arrays: Mapping[str, Any], wanted: Collection[str]) -> list[Diagnostic]:
    if not isinstance(arrays, Mapping):
        return [
            Diagnostic(
                "E602",
                f"a batch is a dictionary of arrays by name or a table, got {type(arrays).__name__}",
                None,
                f"its names are {listed(wanted)}",
            )
        ]
    findings = []
    for name in arrays:
        if name not in wanted:
            meant = nearest(str(name), [other for other in wanted if other not in arrays])
            help = f"did you mean {meant!r}?" if meant is not None else f"the names are {listed(wanted)}"
            findings.append(Diagnostic("E602", f"the model takes no array {quoted(name)} here", None, help))
    missing = [name for name in wanted if name not in arrays]
    if missing:
        findings.append(
            Diagnostic(
                "E602",
                f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing from the batch",
                None,
                f"the names are {listed(wanted)}",
            )
        )
    return findings


def _batch_help(slot: Slot, array: NDArray[Any]) -> str:
    if array.ndim == slot.type.rank - 1:
        return "the first dimension counts the rows; for a single row give array[None]"
    return ""


def _place(name: str) -> Place:
    return lambda row: name if row is None else f"{name}, index {row}"
