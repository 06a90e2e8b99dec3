"""From the columns of a table to the arrays of the model's slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.cells import Place, parse
from nnspec.data.convert import convert, numpy_dtype, row_of
from nnspec.data.labels import Classes, Labels, check_count
from nnspec.data.rows import Dataset, LateColumn
from nnspec.data.shapes import Bindings
from nnspec.data.slots import Slot
from nnspec.data.table import Cells, Images, Table
from nnspec.data.text_ids import encoded, is_text, vocabulary
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault
from nnspec.ir.types import INTEGERS, shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]


def assemble(table: Table, slots: Sequence[Slot], known: Mapping[str, Classes]) -> Dataset:
    """The rows for the slots. The classes of a label target are those in `known`, else those that occur.

    Raises a DataError with one finding per slot that cannot be fed (E602, E603, E605, E606, E607).
    """
    arrays: Arrays = {}
    late: dict[str, LateColumn] = {}
    classes = dict(known)
    bindings = Bindings()
    findings: list[Diagnostic] = []
    for slot in slots:
        try:
            if slot.label:
                arrays[slot.name], classes[slot.name] = _labels(table, slot, bindings, known.get(slot.name))
            elif slot.text and slot.single and is_text(cells := table.column(slot.columns[0])):
                arrays[slot.name] = _text(cells, slot, bindings, classes, _place(table, slot.columns[0]))
            elif isinstance(found := _tensor(table, slot, bindings), np.ndarray):
                arrays[slot.name] = found
                if slot.text and slot.columns[0] in table.classes:
                    classes[slot.name] = table.classes[slot.columns[0]]
            else:
                late[slot.name] = found
        except Fault as fault:
            findings.append(fault.at(slot.span))
    if findings:
        raise DataError(findings)
    return Dataset(arrays, table.rows, classes, table.where, late)


def _labels(table: Table, slot: Slot, bindings: Bindings, known: Classes | None) -> tuple[NDArray[Any], Classes]:
    found = _parts(table, slot, bindings)
    parts = [_in_memory(part, table, name) for part, name in zip(found, slot.columns, strict=True)]
    labels = Labels(parts, slot.single, _place(table, slot.columns[0]))
    classes = known if known is not None else table.classes.get(slot.columns[0]) or labels.classes()
    check_count(slot.name, classes, slot.classes, table.source)
    return labels.encoded(classes), classes


def _text(cells: Any, slot: Slot, bindings: Bindings, known: dict[str, Classes], place: Place) -> NDArray[Any]:
    """The numbers of text. The vocabulary is the known one, else that of these rows."""
    values = [str(value) for value in cells]
    if slot.name not in known:
        known[slot.name] = vocabulary(values, slot, place)
    array = encoded(values, slot, known[slot.name], place)
    bindings.fit(slot.name, slot.type, slot.wanted, array.shape, found=place(None))
    return array


def _tensor(table: Table, slot: Slot, bindings: Bindings) -> NDArray[Any] | LateColumn:
    found = _parts(table, slot, bindings)
    if slot.single and isinstance(found[0], LateColumn):
        return found[0]
    parts = [_in_memory(part, table, name) for part, name in zip(found, slot.columns, strict=True)]
    converted = [_converted(part, slot, _place(table, name)) for part, name in zip(parts, slot.columns, strict=True)]
    for column, name in zip(converted, slot.columns, strict=True):
        check_ids(column, slot.ids, _place(table, name))
    if slot.single:
        array = converted[0]
    else:
        array = np.empty((table.rows, len(converted)), numpy_dtype(slot.type.dtype))
        for number, column in enumerate(converted):
            array[:, number] = column
    check_class_numbers(array, slot, _place(table, slot.columns[0]))
    return array


def _parts(table: Table, slot: Slot, bindings: Bindings) -> list[Cells | NDArray[Any] | LateColumn]:
    """The columns of a slot, whose shapes fit its type."""
    parts = [part.fitted(slot) if isinstance(part := table.column(name), Images) else part for name in slot.columns]
    shapes = [part.shape if isinstance(part, np.ndarray | LateColumn) else (table.rows,) for part in parts]
    if slot.single:
        help, origin = _single_help(slot, shapes[0]), table.origin(slot.columns[0])
        if isinstance(table.column(slot.columns[0]), Images):
            help = _size_help(slot, shapes[0])
        bindings.fit(slot.name, slot.type, slot.wanted, shapes[0], found=origin, help=help)
        return parts
    for name, shape in zip(slot.columns, shapes, strict=True):
        if len(shape) != 1:
            raise Fault(
                "E607",
                f"{slot.name} puts columns side by side, but {name!r} of {table.source} is {list(shape)}",
                help=f'feed the array as it is: {slot.name} = "{name}"',
            )
    bindings.fit(slot.name, slot.type, slot.wanted, (table.rows, len(parts)), found=table.source, help=_list_help(slot))
    return parts


def _converted(part: Cells | NDArray[Any], slot: Slot, place: Place) -> NDArray[Any]:
    values = part if isinstance(part, np.ndarray) else parse(part, slot.type.dtype, place)
    return convert(values, slot.type.dtype, place)


def check_ids(array: NDArray[Any], ids: int | None, place: Place) -> None:
    """Raise E611 for a number that is no id of an embedding of `ids` vectors."""
    if ids is None or array.dtype.kind not in "iu" or not array.size:
        return
    if array.min() < 0 or array.max() >= ids:
        flat = int(np.flatnonzero((array < 0) | (array >= ids))[0])
        row, *rest = (int(i) for i in np.unravel_index(flat, array.shape))
        where = f" at {rest}" if rest else ""
        raise Fault(
            "E611",
            f"{place(row)} holds {array.ravel()[flat]}{where}, and the embedding has the ids 0 to {ids - 1}",
            help="count is one more than the largest id",
        )


def check_class_numbers(array: NDArray[Any], slot: Slot, place: Place) -> None:
    """Raise E606 for a number in an integer target that is none of the classes the loss expects."""
    if slot.classes is None or slot.type.dtype not in INTEGERS:
        return
    bad = (array < 0) | (array >= slot.classes)
    if bad.any():
        bad &= ~np.isin(array, slot.ignored)
    if bad.any():
        flat = int(np.flatnonzero(bad)[0])
        number = array.ravel()[flat]
        renumber = f"declare {slot.name} as label{shape_text(slot.type.shape)} to number the values that occur"
        raise Fault(
            "E606",
            f"{place(row_of(flat, array.shape))} holds {number}, and the loss expects classes 0 to {slot.classes - 1}",
            help=f"ignore = {number} in the loss leaves such elements out; {renumber}",
        )


def _single_help(slot: Slot, shape: tuple[int, ...]) -> str:
    column = slot.columns[0]
    if len(shape) == 1 and slot.type.shape[1:] == (1,):
        return f'{slot.name} = ["{column}"] makes it [N, 1]'
    return ""


def _size_help(slot: Slot, shape: tuple[int, ...]) -> str:
    """For images that the option size of their source brings to another size than their input has."""
    wanted = slot.type.shape[-2:]
    if slot.type.rank < 3 or len(shape) != slot.type.rank or not all(isinstance(size, int) for size in wanted):
        return ""
    return f"size = {list(wanted)} brings them there; or declare {list(shape[-2:])}, and resize in the model"


def _list_help(slot: Slot) -> str:
    if slot.type.rank == 1 and len(slot.columns) == 1:
        return f'{slot.name} = "{slot.columns[0]}" makes it [N]'
    return ""


def _place(table: Table, column: str) -> Place:
    def place(row: int | None) -> str:
        return f"{table.origin(column) if row is None else table.where(row)}: {table.noun} {column!r}"

    return place


def _in_memory(part: Cells | NDArray[Any] | LateColumn, table: Table, column: str) -> Cells | NDArray[Any]:
    """Raise E603 for images where a label, or a column beside others, is needed."""
    if isinstance(part, LateColumn):
        raise Fault("E603", f"{_place(table, column)(None)} holds images")
    return part
