"""Files in and out for `nnspec run`: `--input name=FILE` to rows, results to CSV, JSON or NumPy archives."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from nnspec.data.arrays import as_array
from nnspec.data.assemble import check_ids
from nnspec.data.cells import Place, parse
from nnspec.data.convert import convert
from nnspec.data.csv_file import decode
from nnspec.data.files import opened
from nnspec.data.idx_file import fitted, parse_idx
from nnspec.data.images.formats import Fit, Resizing
from nnspec.data.images.given import given_images, is_image
from nnspec.data.json_rows import parse_json
from nnspec.data.npy import MAGIC
from nnspec.data.npz_file import parse_npy, parse_npz
from nnspec.data.outputs import write_outputs
from nnspec.data.plain_table import parse_rows
from nnspec.data.rows import Dataset, LateColumn
from nnspec.data.shapes import Bindings
from nnspec.data.slots import Slot
from nnspec.data.table import Images, Table
from nnspec.data.text_ids import encoded, is_text
from nnspec.data.wording import listed, suggestion
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault
from nnspec.ir.dims import product
from nnspec.ir.types import FLOATS, TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

STDIN = "-"
KINDS = (".csv", ".tsv", ".json", ".npy", ".npz", ".idx")
IDX = (".idx", "ubyte", ".idx.gz", "ubyte.gz")
"""How the names of MNIST's files end."""


class Text(NamedTuple):
    """Text that feeds an input."""

    parts: str
    """`characters` or `words`."""
    vocabulary: Sequence[str]


class Meaning(NamedTuple):
    """What a model file says about its inputs, each by the name of the input."""

    columns: Mapping[str, Sequence[str]] = {}
    """The columns or arrays that fed it in training."""
    ids: Mapping[str, int] = {}
    """The ids of the embedding that reads it."""
    images: Mapping[str, Resizing] = {}
    """How its images came to one size."""
    texts: Mapping[str, Text] = {}
    """How its text became numbers."""


class Given(NamedTuple):
    """The rows of all inputs."""

    rows: Dataset
    files: tuple[str, ...] | None = None
    """The file of each row, where several images are given."""


def read_inputs(
    arguments: Sequence[str],
    signature: Mapping[str, TensorType],
    meaning: Meaning | None = None,
    stdin: BinaryIO | None = None,
    fit: Fit | None = None,
) -> Given:
    """The rows of a model's inputs from `name=FILE` arguments, in the declared dtypes and shapes.

    FILE is .csv, .tsv, .json, .npy, .npz or IDX, `-` for one of the first five on standard input, told apart by its
    first bytes, an image, or a folder of images. Of a table with a header the columns count that fed the input in
    training, in that order; without a header, or where these are not known, all in their order. Images come to one size
    as in training, or by `fit` to that of the input. Raises a DataError with all findings, E601 to E612.
    """
    files, said = _paired(arguments, signature), meaning or Meaning()
    source = stdin if stdin is not None else sys.stdin.buffer
    arrays: dict[str, NDArray[Any]] = {}
    images: dict[str, tuple[LateColumn, tuple[str, ...]]] = {}
    findings: list[Diagnostic] = []
    bindings = Bindings()
    for name, path in files.items():
        try:
            if path != STDIN and is_image(path):
                images[name] = given_images(path, name, signature[name], said.images.get(name), fit)
                bindings.fit(name, signature[name], str(signature[name]), images[name][0].shape, found=path)
            else:
                columns, ids = tuple(said.columns.get(name, ())), said.ids.get(name)
                own = _Input(name, signature[name], path, columns, ids, said.texts.get(name))
                arrays[name] = own.read(source, bindings)
        except Fault as fault:
            findings.append(fault.at(None))
    lengths = {name: len(array) for name, array in arrays.items()}
    lengths |= {name: len(names) for name, (_, names) in images.items()}
    if not findings:
        findings += _length_findings(lengths, files)
    if findings:
        raise DataError(findings)
    names = next((names for _, names in images.values() if len(names) > 1), None)
    late = {name: column for name, (column, _) in images.items()}
    return Given(Dataset(arrays, next(iter(lengths.values()), 0), late=late), names)


class _Input:
    """One `name=FILE` that is no image."""

    def __init__(
        self, name: str, type: TensorType, path: str, columns: tuple[str, ...], ids: int | None, text: Text | None
    ) -> None:
        self.name = name
        self.text = text
        self.type = type
        self.path = path
        self.columns = columns
        self.ids = ids
        self.source = "standard input" if path == STDIN else path

    def read(self, stdin: BinaryIO, bindings: Bindings) -> NDArray[Any]:
        """The array, of the type's dtype and shape."""
        array, place = self._values(stdin)
        if self.text and is_text(array):
            slot = Slot(self.name, self.type, text=self.text.parts)
            array = encoded([str(value) for value in array], slot, tuple(self.text.vocabulary), place)
        bindings.fit(self.name, self.type, str(self.type), array.shape, found=self.source)
        if 0 in array.shape:
            raise Fault("E609", f"{self.source} is empty: {self.name} would be {list(array.shape)}")
        converted = convert(array, self.type.dtype, place)
        check_ids(converted, self.ids, place)
        return converted

    def _values(self, stdin: BinaryIO) -> tuple[NDArray[Any], Place]:
        """The values before they have the dtype, and how messages name a row."""
        suffix = ".idx" if self.path.lower().endswith(IDX) else Path(self.path).suffix.lower()
        if self.path != STDIN and suffix not in KINDS:
            raise Fault(
                "E610",
                f"{self.path}: files of kind {suffix or 'no ending'!r} cannot be an input",
                help="csv, tsv, json, npy, npz, IDX and images can, a folder of images, and - for standard input",
            )
        if self.path == STDIN:
            data = stdin.read()
            return self._parsed(_kind(data), BytesIO(data), len(data))
        with opened(Path(), self.path, relative="") as (stream, size):
            return self._parsed(suffix, stream, size)

    def _parsed(self, kind: str, stream: BinaryIO, size: int) -> tuple[NDArray[Any], Place]:
        match kind:
            case ".npy":
                return parse_npy(stream, size, self.source), self._index
            case ".npz":
                return self._member(stream, size), self._index
            case ".idx":
                return fitted(parse_idx(stream, size, self.source), self.type), self._index
            case ".json":
                return self._json(stream.read()), self._index
            case _:
                return self._table(stream.read(), "\t" if kind == ".tsv" else ",")

    def _index(self, row: int | None) -> str:
        return f"{self.source}: {self.name}" if row is None else f"{self.source}, index {row}: {self.name}"

    def _member(self, stream: BinaryIO, size: int) -> NDArray[Any]:
        names = (self.name, *self.columns)
        table = parse_npz(stream, size, self.source, names)
        for name in names:
            if name in table.columns:
                return np.asarray(table.columns[name])
        raise Fault(
            "E602",
            f"{self.source} has no array {self.name!r}",
            help=suggestion(self.name, table.names, "its arrays are"),
        )

    def _json(self, data: bytes) -> NDArray[Any]:
        value = parse_json(decode(data, self.source), self.source, self.name, self.columns)
        array = as_array(f"{self.source}: {self.name}", value)
        if array.dtype.kind in "iu" and self.type.dtype in FLOATS:
            array = array.astype(np.float64)  # JSON has one kind of number: 3 is 3.0
        return self._reshaped(array) if array.ndim == 2 else array

    def _table(self, data: bytes, delimiter: str) -> tuple[NDArray[Any], Place]:
        content = decode(data, self.source)
        numbers = all(cell.strip().isdigit() for cell in content.partition("\n")[0].split(delimiter))
        dtype = "string" if self.text and len(self.columns) == 1 and not numbers else self.type.dtype
        table = parse_rows(content, self.source, delimiter, self.columns, dtype)

        def place(row: int | None) -> str:
            return f"{self.source}: {self.name}" if row is None else f"{table.where(row)}: {self.name}"

        if dtype == "string" and self.type.dtype != "string" and len(table.columns) == 1:
            return np.array([*table.column(next(iter(table.columns)))], object), place  # type: ignore[misc]
        parsed = [self._column(table, name) for name in table.columns]
        if self.type.rank == 1 and len(parsed) == 1:
            return parsed[0], place
        return self._reshaped(np.stack(parsed, axis=1)), place

    def _column(self, table: Table, name: str) -> NDArray[Any]:
        cells = table.column(name)
        if isinstance(cells, np.ndarray):
            return cells
        assert not isinstance(cells, Images)  # text has none
        return parse(cells, self.type.dtype, lambda row: f"{table.where(row or 0)}: column {name!r}")

    def _reshaped(self, flat: NDArray[Any]) -> NDArray[Any]:
        """A table's row as the elements of a tensor of more dimensions, row-major, where their number fits."""
        inner = self.type.shape[1:]
        sizes = [dim for dim in inner if isinstance(dim, int)]
        if len(inner) < 2 or len(sizes) != len(inner) or product(inner) != flat.shape[1]:
            return flat
        return flat.reshape(len(flat), *sizes)


def _kind(data: bytes) -> str:
    """What standard input holds, by its first bytes."""
    if data.startswith(MAGIC):
        return ".npy"
    if data.startswith(b"PK"):
        return ".npz"
    return ".json" if data.lstrip()[:1] in (b"[", b"{") else ".csv"


def _paired(arguments: Sequence[str], signature: Mapping[str, TensorType]) -> dict[str, str]:
    """Input name to file. Raises a DataError E610 for all that is wrong with the arguments."""
    files: dict[str, str] = {}
    findings: list[Diagnostic] = []
    example = f"--input {next(iter(signature), 'name')}=FILE"
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not path:
            findings.append(
                Diagnostic("E610", f"--input {argument}: a name and a file are needed", None, f"write {example}")
            )
        elif name not in signature:
            findings.append(
                Diagnostic(
                    "E610",
                    f"the model has no input {name!r}",
                    None,
                    suggestion(name, tuple(signature), "its inputs are"),
                )
            )
        elif name in files:
            findings.append(Diagnostic("E610", f"two files are given for the input {name!r}", None))
        else:
            files[name] = path
    missing = [name for name in signature if name not in files]
    if missing and not findings:
        findings.append(
            Diagnostic("E610", f"no file is given for {listed(missing)}", None, f"write --input {missing[0]}=FILE")
        )
    if list(files.values()).count(STDIN) > 1:
        findings.append(Diagnostic("E610", "standard input can feed one input only", None))
    if findings:
        raise DataError(findings)
    return files


def _length_findings(lengths: Mapping[str, int], files: Mapping[str, str]) -> list[Diagnostic]:
    if len(set(lengths.values())) < 2:
        return []
    said = ", ".join(f"{files[name]} has {length} for {name}" for name, length in lengths.items())
    return [Diagnostic("E607", f"the inputs differ in their numbers of rows: {said}", None)]


__all__ = ["Given", "Meaning", "read_inputs", "write_outputs"]
