"""Elements of tensors from JSON and from bytes, and back to JSON. Nothing is coerced: what does not fit is refused."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np

from nnspec.graph.dtypes import numpy_dtype
from nnspec.ir.types import FLOATS
from nnspec.serving.datatypes import DATATYPES, texts_from_bytes
from nnspec.serving.refusal import bad

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

ELEMENTS: dict[str, tuple[type, ...]] = {"string": (str,), "bool": (bool,)} | dict.fromkeys(FLOATS, (int, float))
"""The JSON values that each dtype takes; others take whole numbers."""
WORDS = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def from_json(data: Any, dtype: str, shape: Shape, field: str) -> Array:
    """The tensor of the `data` of a request: a flat list, or lists in lists as deep as the shape says."""
    flat = _flat(data, shape, field)
    count = math.prod(shape)
    if len(flat) != count:
        raise bad(field, f"has {len(flat)} elements, and the shape {list(shape)} has {count}")
    wanted = ELEMENTS.get(dtype, (int,))
    if not set(map(type, flat)) <= set(wanted):
        place = next(i for i, item in enumerate(flat) if type(item) not in wanted)
        raise bad(f"{field}[{place}]" if flat is data else field, _not_an_element(flat[place], dtype))
    if dtype == "string":
        return _texts(flat, shape, field)
    return _numbers(flat, dtype, field).reshape(shape)


def from_binary(content: memoryview, dtype: str, shape: Shape, field: str) -> Array:
    """The tensor of a piece of the body behind the JSON."""
    count = math.prod(shape)
    if dtype == "string":
        try:
            texts = texts_from_bytes(content)
        except ValueError as error:
            raise bad(field, f"is no BYTES tensor: {error}") from error
        if len(texts) != count:
            raise bad(field, f"holds {len(texts)} elements, and the shape {list(shape)} has {count}")
        try:
            return _texts([text.decode() for text in texts], shape, field)
        except UnicodeDecodeError as error:
            raise bad(field, "holds an element that is no UTF-8, and the model takes text") from error
    stored = np.dtype(np.uint8) if dtype == "bool" else numpy_dtype(dtype)
    if len(content) != count * stored.itemsize:
        wanted = f"{list(shape)} of {DATATYPES[dtype]} are {count * stored.itemsize}"
        raise bad(field, f"is {len(content)} bytes, and {wanted}")
    array = np.frombuffer(content, stored.newbyteorder("<")).astype(stored)  # a copy: the body may lie at any address
    return (array != 0 if dtype == "bool" else array).reshape(shape)


def to_json(array: Array) -> list[Any]:
    """The elements as flat JSON values. Floats have the fewest digits that give the same float back; what is no finite
    number is null, since JSON has no word for it."""
    flat = array.ravel()
    if flat.dtype.kind in "OUS":
        return [text.decode(errors="replace") if isinstance(text, bytes) else str(text) for text in flat]
    if flat.dtype.kind in "biu":
        return list(flat.tolist())
    numbers = flat.astype(np.float32) if flat.dtype.name == "bfloat16" else flat
    values = [float(str(value)) for value in numbers] if numbers.dtype.itemsize < 8 else numbers.tolist()
    if not np.isfinite(numbers).all():
        return [value if math.isfinite(value) else None for value in values]
    return list(values)


def _flat(data: Any, shape: Shape, field: str) -> list[Any]:
    """The elements of lists in lists, which must be as long as the shape says."""
    if not isinstance(data, list):
        raise bad(field, f"must be a list, found {_word(data)}")
    if not data or not isinstance(data[0], list):
        return data
    items: list[Any] = [data]
    for depth, size in enumerate(shape):
        if any(not isinstance(item, list) or len(item) != size for item in items):
            odd = next(i for i, item in enumerate(items) if not isinstance(item, list) or len(item) != size)
            found = f"{len(items[odd])} elements" if isinstance(items[odd], list) else _word(items[odd])
            raise bad(field, f"list {odd} at depth {depth} has {found}, and the shape {list(shape)} wants {size}")
        items = list(chain.from_iterable(items))
    if any(isinstance(item, list) for item in items):
        raise bad(field, f"is nested deeper than the shape {list(shape)}")
    return items


def _numbers(flat: list[Any], dtype: str, field: str) -> Array:
    kind = numpy_dtype(dtype)
    if dtype == "bool":
        return np.array(flat, kind)
    if dtype not in FLOATS:
        low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
        if flat and not low <= min(flat) <= max(flat) <= high:
            place = next(i for i, item in enumerate(flat) if not low <= item <= high)
            raise bad(f"{field}[{place}]", f"is outside {DATATYPES[dtype]}, {low} to {high}")
        return np.array(flat, kind)
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, np.float64).astype(kind)
    except OverflowError as error:
        raise bad(field, f"holds a number beyond {DATATYPES[dtype]}") from error
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise bad(f"{field}[{place}]", f"{flat[place]} is beyond {DATATYPES[dtype]}")
    return array


def _texts(flat: list[str], shape: Shape, field: str) -> Array:
    for place, text in enumerate(flat):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise bad(f"{field}[{place}]", "is no valid Unicode text: half of a surrogate pair") from error
    array = np.empty(len(flat), object)
    array[:] = flat
    return array.reshape(shape)


def _not_an_element(item: Any, dtype: str) -> str:
    if dtype not in ELEMENTS and isinstance(item, float):
        return f"{item} is no whole number, and {DATATYPES[dtype]} takes those alone"
    wanted = {"string": "strings", "bool": "true and false"}.get(dtype, "numbers")
    return f"{_word(item)} where {DATATYPES[dtype]} takes {wanted}"


def _word(item: Any) -> str:
    return WORDS.get(type(item), "null")
