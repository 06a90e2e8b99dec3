"""Tensors beside a model: once in memory, and in a file of their own, since a protobuf message ends at 2 GiB.

A model refers to them by name. It is handed on with a dictionary that holds them, `beside`, which is empty for a model
that has all of its tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.graph.dtypes import numpy_dtype
from nnspec.graph.foreign.tensors import check_external

Array = np.ndarray[Any, Any]

ABOVE = 1_500_000_000
"""Bytes of tensors from which on they are beside a model."""
SMALL, PAGE = 1024, 4096
"""Tensors below so many bytes stay in the model; the others begin at a page, so that runtimes can map them."""
EXTERNAL = 1
"""The number of `TensorProto.EXTERNAL`."""


def refer(tensor: Any, **place: Any) -> None:
    """Let a tensor without content say where that is."""
    tensor.data_location = EXTERNAL
    del tensor.external_data[:]
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))


def referring(model: Any) -> list[Any]:
    """The initializers of a model whose content is elsewhere."""
    return [tensor for tensor in model.graph.initializer if tensor.data_location == EXTERNAL]


def write(model: Any, beside: Mapping[str, Array], path: Path, name: str) -> None:
    """Write tensors to a file, and let the model look for them under `name` beside it."""
    with path.open("wb") as file:
        for tensor in referring(model):
            file.write(b"\0" * (-file.tell() % PAGE))
            content = np.ascontiguousarray(beside[tensor.name])
            refer(tensor, location=name, offset=file.tell(), length=content.nbytes)
            file.flush()
            content.tofile(file)


def read(model: Any, folder: Path) -> dict[str, Array]:
    """The tensors that a model in a folder refers to, mapped from their files. Raises E731 for files outside of the
    folder, and for those that end too early."""
    return {tensor.name: _mapped(tensor, folder) for tensor in referring(model)}


def size_of(tensor: Any) -> int:
    """The bytes of a tensor, wherever they are."""
    return int(prod(tensor.dims)) * numpy_dtype(_dtype(tensor)).itemsize


def _mapped(tensor: Any, folder: Path) -> Array:
    place = {entry.key: entry.value for entry in tensor.external_data}
    check_external(tensor, size_of(tensor), str(folder), tensor.name)
    start = int(place.get("offset", 0))
    return np.memmap(folder / place["location"], numpy_dtype(_dtype(tensor)), "r", start, tuple(tensor.dims))


def _dtype(tensor: Any) -> str:
    name = str(tensor.DataType.Name(tensor.data_type)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def as_inputs(model: Any) -> Any:
    """A copy of a model that takes these tensors as inputs, for tools that want to see all others."""
    result = type(model)()
    result.CopyFrom(model)
    known = {tensor.name: tensor for tensor in referring(result)}
    kept = [tensor for tensor in result.graph.initializer if tensor.name not in known]
    for name, tensor in known.items():
        type_of = result.graph.input.add(name=name).type.tensor_type
        type_of.elem_type = tensor.data_type
        type_of.shape.SetInParent()
        for size in tensor.dims:
            type_of.shape.dim.add(dim_value=size)
    copies = list(kept)
    del result.graph.initializer[:]
    result.graph.initializer.extend(copies)
    return result
