"""Named arrays and a note in one safetensors file that carries the SHA-256 of its own content.

The digest is part of the header. It is that of the file with zeros in the place of the digest, so it covers every byte,
header included, and one file is all there is to replace.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.files import write_bytes

Array = np.ndarray[Any, Any]

DTYPES = {"float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8", "bool": "BOOL"}
"""NumPy's names and those of the format."""
BLANK = b"0" * 64
"""What the digest is taken over in its own place."""
MARK = b'{"__metadata__":{"sha256":"'
"""How every header begins; the digest follows."""
START = 8 + len(MARK)


class Damaged(Exception):
    """A sealed file that is not what was written."""


def write_sealed(path: Path, tensors: Mapping[str, Array], note: Mapping[str, Any]) -> None:
    """Write arrays and a note of JSON values. Nothing is copied. Raises E707."""
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    header = _header({name: tensors[name].shape for name in arrays}, arrays, json.dumps(note))
    data = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    digest = sha256(header)
    for part in data:
        digest.update(part)
    sealed = header[:START] + digest.hexdigest().encode() + header[START + len(BLANK) :]
    write_bytes(path, sealed, *data)


def read_sealed(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the note. Raises Damaged for a file that cannot be read or that any byte of has changed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from error
    if content[8:START] != MARK:
        raise Damaged("it does not begin as a checkpoint does" if content else "it is empty")
    digest = sha256(content[:START] + BLANK)
    digest.update(memoryview(content)[START + len(BLANK) :])
    if digest.hexdigest().encode() != content[START : START + len(BLANK)]:
        raise Damaged("its content does not match its SHA-256")
    try:
        note = json.loads(_metadata(content)["note"])
        return dict(load(content)), note
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise Damaged(str(error)) from error


def _header(shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Array], note: str) -> bytes:
    """Length and header, with a blank digest; padded, so that the data begins aligned."""
    entries = dict(_entries(shapes, arrays))
    fields = {"__metadata__": {"sha256": BLANK.decode(), "note": note}, **entries}
    text = json.dumps(fields, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _entries(shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, Array]) -> Iterator[tuple[str, Any]]:
    offset = 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise Fault("E707", f"{name} is {array.dtype}, which a checkpoint does not hold")
        end = offset + array.nbytes
        yield name, {"dtype": DTYPES[array.dtype.name], "shape": list(shapes[name]), "data_offsets": [offset, end]}
        offset = end


def _metadata(content: bytes) -> dict[str, str]:
    size = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + size])["__metadata__"]
    return found
