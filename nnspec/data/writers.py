"""Results written part by part, in each of the formats."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import IO, Any
from zipfile import ZipFile, ZipInfo

import numpy as np

from nnspec.data.forms import (
    CLASS,
    ClassNames,
    Outputs,
    as_text,
    flat_columns,
    json_rows,
    likely,
    require_same,
    storable,
)
from nnspec.data.stored import Stored
from nnspec.diagnostics.errors import Fault

CELLS = 2**20
"""Values of a Parquet file that are written at once."""


class Writer:
    """Takes results part by part, rows first, and writes them to a stream."""

    def __init__(self, stream: IO[bytes], classes: ClassNames) -> None:
        """`classes` names the classes along the last axis of an output."""
        self.stream, self.classes = stream, classes

    def add(self, outputs: Outputs) -> None:
        """The next rows."""
        raise NotImplementedError

    def end(self) -> None:
        """All rows are there."""

    def close(self) -> None:
        """Let go of what was held back, whether or not it was written."""


class CsvWriter(Writer):
    """A column per number, `probability.setosa` where classes are known, else `probability_0`, and
    `probability.class` with the most likely one."""

    _titles: list[str] | None = None

    def add(self, outputs: Outputs) -> None:
        columns = {title: values.tolist() for title, values in flat_columns(outputs, self.classes, as_text).items()}
        text = StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if self._titles is None:
            self._titles = list(columns)
            writer.writerow(columns)
        require_same(self._titles, list(columns))
        writer.writerows(zip(*columns.values(), strict=True))
        self.stream.write(text.getvalue().encode())


class JsonWriter(Writer):
    """A list of one object per row."""

    start, between, last = "[", ",\n ", "]\n"
    _begun = False

    def add(self, outputs: Outputs) -> None:
        rows = json_rows(outputs, self.classes)
        if rows:
            self.stream.write((self.between if self._begun else self.start).encode())
            self.stream.write(self.between.join(rows).encode())
            self._begun = True

    def end(self) -> None:
        self.stream.write((self.last if self._begun else self.start + self.last).encode())


class LinesWriter(JsonWriter):
    """One object per line."""

    start, between, last = "", "\n", "\n"


class NpzWriter(Writer):
    """The arrays, with `probability.class` and `probability.classes`."""

    def __init__(self, stream: IO[bytes], classes: ClassNames) -> None:
        super().__init__(stream, classes)
        self._arrays: dict[str, Stored] = {}

    def add(self, outputs: Outputs) -> None:
        for name, array in outputs.items():
            self._of(name).add(array)
            if name in self.classes:
                self._of(f"{name}.{CLASS}").add(np.array(likely(array, self.classes[name]).tolist()))

    def close(self) -> None:
        for array in self._arrays.values():
            array.close()

    def _of(self, name: str) -> Stored:
        if name not in self._arrays:
            self._arrays[name] = Stored(name)
        return self._arrays[name]

    def end(self) -> None:
        # Not numpy.savez, whose own arguments are names that an output may have; and so equal results are equal bytes.
        with ZipFile(self.stream, "w") as archive:
            for name, array in self._arrays.items():
                with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    array.write(member)
                if (of := name.removesuffix(f".{CLASS}")) != name and of in self.classes:
                    with archive.open(ZipInfo(f"{of}.classes.npy"), "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.array(self.classes[of]), allow_pickle=False)


class NpyWriter(Writer):
    """The array of a single output."""

    _array: Stored | None = None

    def add(self, outputs: Outputs) -> None:
        if len(outputs) > 1:
            found = ", ".join(outputs)
            raise Fault("E610", f"a .npy file holds one array, and there are {found}", help="write them to .npz")
        for name, array in outputs.items():
            self._array = self._array or Stored(name)
            self._array.add(array)

    def end(self) -> None:
        if self._array:
            self._array.write(self.stream)

    def close(self) -> None:
        if self._array:
            self._array.close()


class ParquetWriter(Writer):
    """The columns of CSV in the dtypes of the outputs."""

    def __init__(self, stream: IO[bytes], classes: ClassNames) -> None:
        from nnspec.data.reading.parquet import require_pyarrow

        super().__init__(stream, classes)
        self._arrow = require_pyarrow()
        self._file: Any = None
        self._parts: list[Any] = []
        self._cells = 0

    def add(self, outputs: Outputs) -> None:
        columns = flat_columns(outputs, self.classes, storable)
        table = self._arrow.table({title: self._arrow.array(list(v) if v.dtype.kind in "UO" else v)
                                   for title, v in columns.items()})  # fmt: skip
        if self._parts:
            require_same(self._parts[0].column_names, table.column_names)
        self._parts.append(table)
        self._cells += table.num_rows * max(table.num_columns, 1)
        if self._cells > CELLS:
            self._flush()

    def _flush(self) -> None:
        table = self._arrow.concat_tables(self._parts)
        if self._file is None:
            self._file = self._arrow.parquet.ParquetWriter(self.stream, table.schema)
        self._file.write_table(table)
        self._parts, self._cells = [], 0

    def end(self) -> None:
        if self._parts:
            self._flush()
        if self._file is not None:
            self._file.close()


WRITERS: Mapping[str, type[Writer]] = {
    "csv": CsvWriter, "json": JsonWriter, "jsonl": LinesWriter, "npz": NpzWriter, "npy": NpyWriter,
    "parquet": ParquetWriter,
}  # fmt: skip
