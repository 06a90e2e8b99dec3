"""The datatypes of the Open Inference Protocol, and their bytes: little-endian, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnspec.graph.dtypes import numpy_dtype

Array = np.ndarray[Any, Any]

DATATYPES = {
    "float32": "FP32",
    "float64": "FP64",
    "float16": "FP16",
    "bfloat16": "BF16",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "bool": "BOOL",
    "string": "BYTES",
}
"""The name in the protocol of each dtype."""
LENGTH = np.dtype("<u4")
"""In front of each element of BYTES."""


def itemsize(dtype: str) -> int:
    """Bytes of an element; of a string as much as it needs at least."""
    return 4 if dtype == "string" else numpy_dtype(dtype).itemsize


def to_bytes(array: Array) -> bytes:
    """The elements of an array as the binary extension has them."""
    if array.dtype.kind in "OUS":
        encoded = [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel()]
        return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def texts_from_bytes(content: memoryview) -> list[bytes]:
    """The elements of a BYTES tensor. Raises ValueError where a length leads behind the end."""
    found: list[bytes] = []
    place = 0
    while place < len(content):
        start = place + LENGTH.itemsize
        end = start + int.from_bytes(content[place:start], "little")
        if start > len(content) or end > len(content):
            raise ValueError(f"element {len(found)} ends behind the tensor")
        found.append(bytes(content[start:end]))
        place = end
    return found
