"""Named arrays in safetensors files, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.files import write_bytes

Array = np.ndarray[Any, Any]

DTYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}
"""Of those that a file may have, the ones that can be read."""
NOTE = "nnspec"
"""The one key of the metadata; several would be written in any order, and the bytes would differ from run to run."""


def write_tensors(path: Path, tensors: Mapping[str, Array], note: str = "") -> None:
    """Write arrays and a text that goes with them. Raises E707."""
    content = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    write_bytes(path, save(content, {NOTE: note} if note else None))


def read_tensors(path: Path) -> tuple[dict[str, Array], str]:
    """The arrays, those of bfloat16 as float32, and the text. Raises E707 where the file is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            dtypes = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118  (it is no dict)
            if foreign := {name: dtype for name, dtype in dtypes.items() if dtype not in DTYPES}:
                name, dtype = next(iter(foreign.items()))
                raise Fault("E707", f"{path} cannot be read: {name} is of {dtype}, which is not supported")
            wide = [name for name, dtype in dtypes.items() if dtype == "BF16"]
            found = {name: file.get_tensor(name) for name in dtypes if name not in wide}
            note = (file.metadata() or {}).get(NOTE, "")
        return (found | _bfloat16(path, wide) if wide else found), note
    except (OSError, SafetensorError) as error:
        raise Fault("E707", f"{path} cannot be read as safetensors: {error}") from error


def _bfloat16(path: Path, names: list[str]) -> dict[str, Array]:
    """Arrays of bfloat16 as float32, of which they are the upper halves; NumPy has no such type."""
    content: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    raw = {name: tensor for name, tensor in content if name in names}
    upper = {name: np.frombuffer(tensor["data"], np.uint16).astype(np.uint32) for name, tensor in raw.items()}
    return {name: (bits << 16).view(np.float32).reshape(raw[name]["shape"]) for name, bits in upper.items()}
