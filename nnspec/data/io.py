"""Files in for `nnspec run`: `--input name=FILE` to rows, all at once or a batch at a time."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np

from nnspec.data.files import find, unreadable
from nnspec.data.idx_file import GZIP
from nnspec.data.images.formats import Fit, Resizing
from nnspec.data.images.given import given_images, is_image
from nnspec.data.npy import CHUNK, MAGIC
from nnspec.data.outputs import write_outputs
from nnspec.data.reading.arrays import idx_rows, npy_rows, npz_rows
from nnspec.data.reading.base import InMemory, Reader, Target, Text
from nnspec.data.reading.given import ImageRows
from nnspec.data.reading.objects import json_rows, jsonl_rows
from nnspec.data.reading.parquet import ParquetRows
from nnspec.data.reading.sequence import Inputs
from nnspec.data.reading.series import table_rows
from nnspec.data.rows import Dataset
from nnspec.data.shapes import Bindings
from nnspec.data.wording import listed, suggestion
from nnspec.diagnostics.errors import DataError, Diagnostic, Fault
from nnspec.ir.types import FLOATS, TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

STDIN = "-"
KINDS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".npy", ".npz", ".parquet", ".idx")
IDX = (".idx", "ubyte", ".idx.gz", "ubyte.gz")
"""How the names of MNIST's files end."""
PART = re.compile(r"(.+\.(?:npz|json|jsonl|ndjson|csv|tsv|parquet)):([^/\\]+)", re.IGNORECASE)
"""`x.npz:image`: a file, and what of it feeds the input."""
SPOOLED = (".npz", ".parquet", ".idx")
"""Kinds that are read from their ends, so that standard input goes to a temporary file first."""


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
    pixels: Sequence[str] | None = None
    """The inputs that numbers from 0 to 255 fed in training; None where nothing is known."""


class Given(NamedTuple):
    """The rows of all inputs."""

    rows: Dataset
    files: tuple[str, ...] | None = None
    """The file of each row, where several images are given."""


class Wishes(NamedTuple):
    """How the caller wants images read."""

    fit: Fit | None = None
    """How they come to the size of the input, instead of as in training."""
    white: float | None = None
    """What white is in floats, 1 or 255, instead of what is known from training."""
    lenient: bool = False
    """Whether files that are no images may be among them; they are found when they are read."""


def read_inputs(
    arguments: Sequence[str],
    signature: Mapping[str, TensorType],
    meaning: Meaning | None = None,
    stdin: BinaryIO | None = None,
    fit: Fit | None = None,
) -> Given:
    """The rows of a model's inputs, those of images not yet decoded; see `open_inputs`."""
    readers, _ = _opened(arguments, signature, meaning or Meaning(), stdin, Wishes(fit, 255.0))
    late = {name: reader.column for name, reader in readers.items() if isinstance(reader, ImageRows)}
    with Inputs(readers, _paired(arguments, signature)) as inputs:
        arrays = {name: _all(reader) for name, reader in readers.items() if name not in late}
        inputs.require_equal({name: len(a) for name, a in arrays.items()} | {n: c.shape[0] for n, c in late.items()})
    rows = next((len(a) for a in arrays.values()), next((c.shape[0] for c in late.values()), 0))
    return Given(Dataset(arrays, rows, late=late), inputs.files)


def open_inputs(
    arguments: Sequence[str],
    signature: Mapping[str, TensorType],
    meaning: Meaning | None = None,
    stdin: BinaryIO | None = None,
    wishes: Wishes | None = None,
) -> Inputs:
    """The rows of a model's inputs from `name=FILE` arguments, in the declared dtypes and shapes, read when they are
    asked for.

    FILE is .csv, .tsv, .json, .jsonl, .npy, .npz, .parquet or IDX, `-` for one of these on standard input, told apart
    by its first bytes, an image, a folder of images or a pattern. Of a table with a header the columns count that fed
    the input in training, in that order; without a header, or where these are not known, all in their order.
    `FILE:part` names the array of an archive, the columns of a table or the entry of JSON instead. Images come to one
    size as in training, or as `wishes` say. Raises a DataError with all findings, E601 to E613.
    """
    readers, files = _opened(arguments, signature, meaning or Meaning(), stdin, wishes or Wishes())
    return Inputs(readers, files)


def _opened(
    arguments: Sequence[str],
    signature: Mapping[str, TensorType],
    said: Meaning,
    stdin: BinaryIO | None,
    wishes: Wishes,
) -> tuple[dict[str, Reader], dict[str, str]]:
    files = _paired(arguments, signature)
    source = stdin if stdin is not None else sys.stdin.buffer
    readers: dict[str, Reader] = {}
    findings: list[Diagnostic] = []
    bindings = Bindings()
    for name, path in files.items():
        columns, ids = tuple(said.columns.get(name, ())), said.ids.get(name)
        target = Target(name, signature[name], bindings, columns, ids, said.texts.get(name))
        try:
            if path != STDIN and is_image(path):
                readers[name] = _images(path, target, said, wishes)
            else:
                readers[name] = _reader(path, target, source)
        except Fault as fault:
            findings.append(fault.at(None))
        except OSError as error:
            findings.append(unreadable(path, error).at(None))
    if findings:
        for reader in readers.values():
            reader.close()
        raise DataError(findings)
    return readers, files


def _images(path: str, target: Target, said: Meaning, wishes: Wishes) -> Reader:
    name, type = target.name, target.type
    column, files = given_images(path, name, type, said.images.get(name), wishes.fit, lenient=wishes.lenient)
    white = wishes.white
    known = (said.pixels is not None and name in said.pixels) or name in said.images
    if type.dtype in FLOATS and white is None and not known:
        why = "arrays fed it in training" if said.pixels is not None else "the model does not say what fed it"
        raise Fault(
            "E613",
            f"{name} is {type}, {why}, and the pixels of {path} are numbers from 0 to 255",
            help="--white 1 gives them as 0 to 1, --white 255 as they are; or declare uint8, and rescale(1 / 255) in "
            "the model",
        )
    target.bindings.fit(name, type, str(type), column.shape, found=path)
    return ImageRows(column, files, white if type.dtype in FLOATS and white != 255 else None)


def _reader(path: str, target: Target, stdin: BinaryIO) -> Reader:
    """The rows in a file that is no image."""
    path, part = _parted(path)
    if part:
        target = target._replace(columns=tuple(part.split(",")), trained=len(target.columns))
    source = "standard input" if path == STDIN else path
    if path == STDIN:
        stream = stdin if hasattr(stdin, "peek") else BufferedReader(cast(Any, stdin))
        kind, size = _kind(cast(BufferedReader, stream).peek(4096)), -1
        if kind in SPOOLED:
            stream, size = _spooled(stream)
    else:
        kind = ".idx" if path.lower().endswith(IDX) else Path(path).suffix.lower()
        if kind not in KINDS:
            raise Fault(
                "E610",
                f"{path}: files of kind {kind or 'no ending'!r} cannot be an input",
                help="csv, tsv, json, jsonl, npy, npz, parquet, IDX and images can, a folder of images, and - for "
                "standard input",
            )
        file = find(Path(), path, relative="")
        try:
            stream, size = cast(BinaryIO, file.open("rb")), file.stat().st_size
        except OSError as error:
            raise unreadable(path, error) from error
    try:
        found = _of_kind(kind, stream, size, source, target, part)
    except BaseException:
        if path != STDIN or kind in SPOOLED:
            stream.close()
        raise
    found.stream = stream if path != STDIN or kind in SPOOLED else None
    free = target.text is not None and target.type.rank == 2 and not isinstance(target.type.shape[1], int)
    return InMemory(found) if free else found


def _of_kind(kind: str, stream: Any, size: int, source: str, target: Target, part: str) -> Reader:
    match kind:
        case ".npy":
            return npy_rows(stream, size, source, target)
        case ".npz":
            return npz_rows(stream, size, source, target, part)
        case ".idx":
            return idx_rows(stream, size, source, target)
        case ".json":
            return json_rows(stream, source, target)
        case ".jsonl" | ".ndjson":
            return jsonl_rows(stream, source, target)
        case ".parquet":
            return ParquetRows(stream, size, source, target)
        case _:
            return table_rows(stream, source, "\t" if kind == ".tsv" else ",", target)


def _parted(path: str) -> tuple[str, str]:
    """A file, and what of it is asked for."""
    found = PART.fullmatch(path)
    return (found[1], found[2]) if found and not Path(path).exists() else (path, "")


def _spooled(stream: Any) -> tuple[BinaryIO, int]:
    """A stream in a temporary file, from its beginning, and its size."""
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - its reader closes it
    try:
        shutil.copyfileobj(stream, file, CHUNK)
    except OSError as error:
        raise unreadable("standard input", error) from error
    size = file.tell()
    file.seek(0)
    return file, size


def _all(reader: Reader) -> NDArray[Any]:
    """Every row."""
    pieces = []
    try:
        while len(piece := reader.take(4096)):
            pieces.append(piece.array())
    except Fault as fault:
        raise DataError([fault.at(None)]) from fault
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _kind(data: bytes) -> str:
    """What standard input holds, by its first bytes."""
    if data.startswith(b"PAR1"):
        return ".parquet"
    if data.startswith((GZIP, b"\0\0")):
        return ".idx"
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


__all__ = ["Given", "Inputs", "Meaning", "Text", "Wishes", "open_inputs", "read_inputs", "write_outputs"]
