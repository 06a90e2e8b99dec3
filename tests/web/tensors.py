"""Arrays in the form that `tensors.mjs` reads and writes: the numbers in one file, and what they are in another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """`path.json` says what lies where in `path.bin`; text is in the first."""
    said: dict[str, Any] = {}
    content = b""
    for name, array in arrays.items():
        text = array.dtype.kind in "OU"
        said[name] = {"dtype": "string" if text else array.dtype.name, "dims": array.shape}
        if text:
            said[name]["text"] = [str(item) for item in array.ravel()]
        else:
            said[name]["at"] = len(content), len(content) + array.nbytes
            content += array.tobytes()
    path.with_suffix(".json").write_text(json.dumps(said))
    path.with_suffix(".bin").write_bytes(content)


def read_arrays(path: Path) -> dict[str, Array]:
    content = path.with_suffix(".bin").read_bytes()
    found: dict[str, Array] = {}
    for name, said in json.loads(path.with_suffix(".json").read_text()).items():
        if "text" in said:
            found[name] = np.array(said["text"], object).reshape(said["dims"])
        else:
            start, end = said["at"]
            found[name] = np.frombuffer(content[start:end], said["dtype"]).reshape(said["dims"])
    return found
