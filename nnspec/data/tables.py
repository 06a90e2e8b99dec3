"""Tables in memory: pandas, polars, Arrow and whatever speaks Arrow's C stream protocol. None of them is imported.

Columns are taken by name where the table gives them by name, since that works for every library and copies least. The
Arrow stream is for what has no other way in, such as readers of record batches. The dataframe interchange protocol
(`__dataframe__`) only tells that something is a table: pandas has deprecated it, and all that offer it have columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.assemble import assemble
from nnspec.data.cells import FILL, Place
from nnspec.data.convert import unboxed
from nnspec.data.labels import Classes, Labels, derived_classes
from nnspec.data.rows import Dataset
from nnspec.data.slots import Slot
from nnspec.data.table import Images, Table
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault
from nnspec.ir.types import FLOATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROTOCOLS = ("__dataframe__", "__arrow_c_stream__")


def is_table(data: Any) -> bool:
    """Whether `data` is a table; dictionaries and arrays are none."""
    return not isinstance(data, Mapping | np.ndarray) and any(hasattr(data, name) for name in PROTOCOLS)


def dataset_from_table(slots: Sequence[Slot], data: Any, classes: Mapping[str, Classes] | None = None) -> Dataset:
    """The rows of a table: each slot is fed by the columns that the data section names, or without a data section by
    the column of its own name. Raises a DataError as for rows of a file."""
    source = f"the {type(data).__name__}"
    columns = _columns(data, source)
    fed = [_fed(slot, columns) for slot in slots]
    table = _table(source, columns, fed)
    known = dict(classes or {})
    for slot in fed:
        if slot.label and slot.single and slot.name not in known and slot.columns[0] in table.columns:
            known[slot.name] = _classes(slot, table)
    return assemble(table, fed, known)


def _columns(data: Any, source: str) -> dict[str, Callable[[], NDArray[Any]]]:
    """How to get each column, by name."""
    if hasattr(data, "__getitem__"):
        names = getattr(data, "column_names", None)  # pyarrow, whose `columns` are the columns themselves
        names = names if names is not None else getattr(data, "columns", None)
        if names is not None:
            keys = list(names)
            repeated = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
            if repeated is not None:
                raise DataError([Fault("E604", f"{source} has two columns {str(repeated)!r}").at(None)])
            return {str(key): partial(_column, data, key) for key in keys}
    from nnspec.data.arrow import read_stream

    return read_stream(data, source)


def _column(data: Any, key: Any) -> NDArray[Any]:
    return np.asarray(data[key])


def _fed(slot: Slot, columns: Mapping[str, Any]) -> Slot:
    """The slot with the columns that feed it. Raises E602 where nothing says which."""
    if slot.columns:
        return slot
    if slot.name in columns or slot.type.rank == 1:
        return slot._replace(columns=(slot.name,), single=slot.type.rank != 2)
    fault = Fault(
        "E602",
        f"nothing says which columns feed {slot.name}, {slot.wanted}",
        help=f'{slot.name} = ["column", …] in the data section, or a dictionary: '
        f'{{"{slot.name}": table[["column", …]]}}',
    )
    raise DataError([fault.at(slot.span)])


def _table(source: str, columns: Mapping[str, Callable[[], NDArray[Any]]], slots: Sequence[Slot]) -> Table:
    """The columns that are needed and exist, read."""
    arrays: dict[str, NDArray[Any]] = {}
    findings: list[Diagnostic] = []
    for slot in slots:
        for name in slot.columns:
            if name in columns:
                try:
                    arrays[name] = _read(columns[name], slot, _place(source, name))
                except Fault as fault:
                    findings.append(fault.at(slot.span))
    if findings:
        raise DataError(findings)
    rows = len(next(iter(arrays.values()))) if arrays else 0
    if arrays and not rows:
        raise DataError([Fault("E609", f"{source} has no rows").at(None)])
    return Table(source, rows, arrays, tuple(columns), columnar=True)


def _read(column: Callable[[], NDArray[Any]], slot: Slot, place: Place) -> NDArray[Any]:
    """A column in a dtype of NumPy's. Libraries that have no missing whole numbers give floats with NaN, hence the look
    for it."""
    array = column()
    if array.dtype.kind == "O":
        return unboxed(array, place)
    if array.dtype.kind == "f" and (slot.label or slot.type.dtype not in FLOATS):
        missing = np.flatnonzero(np.isnan(array))
        if missing.size:
            raise Fault("E605", f"{place(int(missing[0]))} is missing, a value is needed", help=FILL)
    return array


def _classes(slot: Slot, table: Table) -> Classes:
    array = table.column(slot.columns[0])
    assert not isinstance(array, Images)  # a table in memory has none
    try:
        return derived_classes(Labels([array], True, _place(table.source, slot.columns[0])), slot, table.source)
    except Fault as fault:
        raise DataError([fault.at(slot.span)]) from fault


def _place(source: str, column: str) -> Place:
    return lambda row: f"{source}{'' if row is None else f', index {row}'}: column {column!r}"
