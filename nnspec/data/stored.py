"""Arrays that grow by rows until they can be written in NumPy's format."""

from __future__ import annotations

import math
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nnspec.data.forms import storable, unlike
from nnspec.data.npy import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_MEMORY = 2**24
"""Bytes of an array from which it waits in a temporary file until all of it is there."""


class Stored:
    """An array that grows by rows, in a temporary file once it is large."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - its writer closes it
        self._parts: list[tuple[np.dtype[Any], tuple[int, ...]]] = []

    def add(self, array: NDArray[Any]) -> None:
        kept = np.ascontiguousarray(storable(array)).reshape(array.shape)
        if self._parts and (kept.ndim == 0 or kept.shape[1:] != self._parts[0][1][1:]):
            raise unlike(self._name, self._parts[0][1], kept.shape)
        self._parts.append((kept.dtype, kept.shape))
        self._file.write(kept.tobytes())

    def write(self, stream: IO[bytes]) -> None:
        """All of it in NumPy's format; text is as wide as its longest."""
        dtype = np.result_type(*(found for found, _ in self._parts))
        first = self._parts[0][1]
        shape = (sum(shape[0] for _, shape in self._parts), *first[1:]) if first else ()
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        self._file.seek(0)
        for found, size in self._parts:
            left = math.prod(size) * found.itemsize
            step = max(CHUNK // max(found.itemsize, 1), 1) * max(found.itemsize, 1)
            while left:
                data = self._file.read(min(step, left))
                left -= len(data)
                stream.write(data if found == dtype else np.frombuffer(data, found).astype(dtype).tobytes())

    def close(self) -> None:
        self._file.close()
