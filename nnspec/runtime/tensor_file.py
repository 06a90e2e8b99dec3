"""Named arrays in safetensors files, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.files import write_bytes

Array = np.ndarray[Any, Any]

NOTE = "nnspec"
"""The one key of the metadata; several would be written in any order, and the bytes would differ from run to run."""


def write_tensors(path: Path, tensors: Mapping[str, Array], note: str = "") -> None:
    """Write arrays and a text that goes with them. Raises E707."""
    content = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    write_bytes(path, save(content, {NOTE: note} if note else None))


def read_tensors(path: Path) -> tuple[dict[str, Array], str]:
    """The arrays and the text. Raises E707 where the file is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, (file.metadata() or {}).get(NOTE, "")
    except (OSError, SafetensorError) as error:
        raise Fault("E707", f"{path} cannot be read as safetensors: {error}") from error
