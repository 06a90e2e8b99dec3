"""Named arrays in safetensors files, written whole or not at all.

Where `path` ends with `.index.json` it is the index of a set of files, as Hugging Face cuts large models into.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.files import write_bytes
from nnspec.runtime.foreign_files import unreadable

Array = np.ndarray[Any, Any]

DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
    **{
        f"{letter}{bits}": f"{kind}{bits}" for letter, kind in (("I", "int"), ("U", "uint")) for bits in (64, 32, 16, 8)
    },
}
"""Of those that a file may have, the ones that can be read, and their names."""
NOTE = "nnspec"
"""The one key of the metadata; several would be written in any order, and the bytes would differ from run to run."""
INDEX = ".index.json"
"""How the name of an index ends."""


class Tensor(NamedTuple):
    """What the header of a file says of a tensor."""

    dtype: str
    """In lower case, `float32`, or as in the file where it cannot be read."""
    shape: tuple[int, ...]
    size: int
    """In bytes."""


def write_tensors(path: Path, tensors: Mapping[str, Array], note: str = "", *, key: str = NOTE) -> None:
    """Write arrays and a text that goes with them, as `key` of the metadata. Raises E707."""
    content = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    write_bytes(path, save(content, {key: note} if note else None))


def list_tensors(path: Path) -> dict[str, Tensor]:
    """What the tensors of a file or of an index are, by name; none is read. Raises E707."""
    found: dict[str, Tensor] = {}
    for file, names in _files(path):
        with _opened(file) as opened:
            _require_names(path, file, names, opened)
            for name in names or opened.keys():
                part = opened.get_slice(name)
                dtype, shape = part.get_dtype(), tuple(part.get_shape())
                found[name] = Tensor(DTYPES.get(dtype, dtype), shape, _bits(dtype) * int(np.prod(shape)) // 8)
    return found


def read_tensors(path: Path) -> tuple[dict[str, Array], str]:
    """The arrays, those of bfloat16 as float32, and the text. Raises E707 where a file is missing or damaged."""
    found: dict[str, Array] = {}
    note = ""
    for file, names in _files(path):
        with _opened(file) as opened:
            _require_names(path, file, names, opened)
            dtypes = {name: opened.get_slice(name).get_dtype() for name in names or opened.keys()}
            if foreign := {name: dtype for name, dtype in dtypes.items() if dtype not in DTYPES}:
                name, dtype = next(iter(foreign.items()))
                raise Fault("E707", f"{file} cannot be read: {name} is of {dtype}, which is not supported")
            wide = [name for name, dtype in dtypes.items() if dtype == "BF16"]
            found |= {name: opened.get_tensor(name) for name in dtypes if name not in wide}
            note = (opened.metadata() or {}).get(NOTE, "")
        if wide:
            found |= _bfloat16(file, wide)
    return found, note


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error


def _files(path: Path) -> list[tuple[Path, list[str]]]:
    """The files that hold the tensors, and the names that the index says are in each; none where there is no index."""
    if not path.name.endswith(INDEX):
        return [(path, [])]
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Fault("E707", f"{path} cannot be read: {error}") from error
    listed = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(listed, dict) or not listed or not all(isinstance(file, str) for file in listed.values()):
        raise Fault("E707", f"{path} is no index of safetensors files: it has no weight_map")
    names: dict[str, list[str]] = {}
    for name, file in listed.items():
        names.setdefault(file, []).append(name)
    if outside := next((file for file in names if Path(file).name != file), ""):
        raise Fault("E707", f"{path} names {outside}, which does not lie beside it")
    if absent := [file for file in names if not (path.parent / file).is_file()]:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise Fault("E707", f"{path} names {len(names)} files, of which {absent[0]}{more} is not there")
    return [(path.parent / file, own) for file, own in names.items()]


def _require_names(index: Path, file: Path, names: list[str], opened: Any) -> None:
    if lost := sorted(set(names) - set(opened.keys())):
        raise Fault("E707", f"{file} has no tensor {lost[0]}, which {index.name} says is in it")


def _bits(dtype: str) -> int:
    """Of one number; `F8_E4M3` has 8."""
    digits = dtype.partition("_")[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return int(digits) if digits.isdigit() else 8


def _bfloat16(path: Path, names: list[str]) -> dict[str, Array]:
    """Arrays of bfloat16 as float32, of which they are the upper halves; NumPy has no such type."""
    content: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    raw = {name: tensor for name, tensor in content if name in names}
    upper = {name: np.frombuffer(tensor["data"], np.uint16).astype(np.uint32) for name, tensor in raw.items()}
    return {name: (bits << 16).view(np.float32).reshape(raw[name]["shape"]) for name, bits in upper.items()}
