"""Columns from an Arrow C stream (`__arrow_c_stream__`), in NumPy and ctypes alone.

https://arrow.apache.org/docs/format/CStreamInterface.html: a stream gives a schema and then one array after another,
whose children are the columns. Buffers are copied before their owner is told to release them.
"""

from __future__ import annotations

import ctypes as c
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.diagnostics.errors import DataError, Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = dict(zip("cCsSiIlLefg", ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"), strict=True))
TEXT = {"u": np.int32, "U": np.int64}
"""Formats of text, and the dtypes of their offsets."""


class Schema(c.Structure):
    """ArrowSchema: the format and name of a column."""


Schema._fields_ = [
    ("format", c.c_char_p), ("name", c.c_char_p), ("metadata", c.c_void_p), ("flags", c.c_int64),
    ("n_children", c.c_int64), ("children", c.POINTER(c.POINTER(Schema))), ("dictionary", c.POINTER(Schema)),
    ("release", c.CFUNCTYPE(None, c.POINTER(Schema))), ("private_data", c.c_void_p),
]  # fmt: skip


class Array(c.Structure):
    """ArrowArray: the buffers of a column."""


Array._fields_ = [
    ("length", c.c_int64), ("null_count", c.c_int64), ("offset", c.c_int64), ("n_buffers", c.c_int64),
    ("n_children", c.c_int64), ("buffers", c.POINTER(c.c_void_p)), ("children", c.POINTER(c.POINTER(Array))),
    ("dictionary", c.POINTER(Array)), ("release", c.CFUNCTYPE(None, c.POINTER(Array))), ("private_data", c.c_void_p),
]  # fmt: skip


class Stream(c.Structure):
    """ArrowArrayStream."""


Stream._fields_ = [
    ("get_schema", c.CFUNCTYPE(c.c_int, c.POINTER(Stream), c.POINTER(Schema))),
    ("get_next", c.CFUNCTYPE(c.c_int, c.POINTER(Stream), c.POINTER(Array))),
    ("get_last_error", c.CFUNCTYPE(c.c_char_p, c.POINTER(Stream))),
    ("release", c.CFUNCTYPE(None, c.POINTER(Stream))), ("private_data", c.c_void_p),
]  # fmt: skip


def read_stream(data: Any, source: str) -> dict[str, Callable[[], NDArray[Any]]]:
    """The columns of a stream by name; one of a type that is none of NumPy's raises E603 when it is asked for.

    Raises E601 where the stream fails, E604 where it is no table.
    """
    capsule = data.__arrow_c_stream__()
    pointer = c.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
    stream = Stream.from_address(pointer(capsule, b"arrow_array_stream"))
    schema = Schema()
    try:
        _require(stream.get_schema(stream, schema), stream, source)
        if (schema.format or b"") != b"+s":
            raise Fault("E604", f"{source} has no columns")
        return _columns(schema, list(_chunks(stream, schema, source)), source)
    except Fault as fault:
        raise DataError([fault.at(None)]) from fault
    finally:
        if schema.release:
            schema.release(schema)


def _chunks(stream: Stream, schema: Schema, source: str) -> Iterator[list[NDArray[Any] | None]]:
    """The columns of each array of the stream; None for one that cannot be read."""
    while True:
        array = Array()
        _require(stream.get_next(stream, array), stream, source)
        if not array.release:
            return
        try:
            yield [
                _column(schema.children[i].contents, array.children[i].contents, array.offset, array.length)
                for i in range(schema.n_children)
            ]
        finally:
            array.release(array)


def _columns(
    schema: Schema, chunks: list[list[NDArray[Any] | None]], source: str
) -> dict[str, Callable[[], NDArray[Any]]]:
    fields = [schema.children[number].contents for number in range(schema.n_children)]
    named = [(field.name.decode(), field.format.decode()) for field in fields]
    return {
        name: partial(_joined, [chunk[number] for chunk in chunks], f"{source}: column {name!r}", format)
        for number, (name, format) in enumerate(named)
    }


def _joined(parts: list[NDArray[Any] | None], place: str, format: str) -> NDArray[Any]:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        raise Fault("E603", f"{place} has the Arrow format {format!r}, and numbers, booleans or text are needed")
    return np.concatenate(known) if known else np.empty(0)


def _require(status: int, stream: Stream, source: str) -> None:
    if status:
        said = stream.get_last_error(stream)
        raise Fault("E601", f"{source} cannot be read: {said.decode() if said else f'error {status}'}")


def _column(schema: Schema, array: Array, start: int, length: int) -> NDArray[Any] | None:
    """`length` values from `start` on, in memory of their own; objects, with None, where some are missing."""
    values = _plain(schema.format.decode(), array, start, length)
    missing = _missing(array, array.offset + start, length)
    if schema.dictionary and values is not None:
        words = _column(schema.dictionary.contents, array.dictionary.contents, 0, array.dictionary.contents.length)
        values[missing] = 0
        values = None if words is None else words[values] if len(words) else np.empty(length, object)
    if values is not None and missing.any():
        values = values.astype(object)
        values[missing] = None
    return values


def _missing(array: Array, first: int, length: int) -> NDArray[np.bool_]:
    if array.null_count == 0 or not array.n_buffers or not array.buffers[0]:
        return np.zeros(length, np.bool_)
    return ~_bits(array.buffers[0], first, length)


def _plain(format: str, array: Array, start: int, length: int) -> NDArray[Any] | None:
    """Values without regard to which are missing."""
    first = array.offset + start
    if format in NUMBERS:
        return _memory(array.buffers[1], NUMBERS[format], first, length).copy()
    if format == "b":
        return _bits(array.buffers[1], first, length)
    if format in TEXT:
        ends = _memory(array.buffers[1], TEXT[format], first, length + 1)
        content = _memory(array.buffers[2], "u1", 0, int(ends[-1]) if length else 0).tobytes()
        texts = np.empty(length, object)
        texts[:] = [content[a:b].decode() for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        return texts
    return None


def _bits(address: int, first: int, length: int) -> NDArray[np.bool_]:
    packed = _memory(address, "u1", 0, -(-(first + length) // 8))
    return np.unpackbits(packed, bitorder="little")[first : first + length].astype(np.bool_)


def _memory(address: int | None, dtype: Any, first: int, length: int) -> NDArray[Any]:
    """A view of foreign memory."""
    kind = np.dtype(dtype)
    if not length or not address:
        return np.empty(0, kind)
    view = (c.c_char * (length * kind.itemsize)).from_address(address + first * kind.itemsize)
    return np.frombuffer(view, kind)
