"""Tensors of a model file: what they announce, held against the bytes that are there."""

from __future__ import annotations

from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.graph.foreign.external import read_inside, require_inside

MAX_RANK, MAX_DIM = 64, 2**48
DENSE = 2**28
"""Bytes that a sparse tensor may fill."""
STRING = 8
SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2,
         17: 1, 18: 1, 19: 1, 20: 1, 24: 1}  # fmt: skip
"""Bytes of an element by TensorProto.DataType, but for text and for those that are packed."""
PACKED = {21: 2, 22: 2, 23: 2, 25: 4, 26: 4}
"""Elements in a byte, for types of less than eight bits."""
FIELDS = {1: ("float_data", 1), 14: ("float_data", 2), 6: ("int32_data", 1), 2: ("int32_data", 1), 3: ("int32_data", 1),
          4: ("int32_data", 1), 5: ("int32_data", 1), 9: ("int32_data", 1), 10: ("int32_data", 1),
          16: ("int32_data", 1), 7: ("int64_data", 1), 11: ("double_data", 1), 15: ("double_data", 2),
          12: ("uint64_data", 1), 13: ("uint64_data", 1), 8: ("string_data", 1)}  # fmt: skip
"""Where elements stand that are no raw bytes, and how many numbers one takes."""
TYPED = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
EXTERNAL = 1


def elements(dims: Any, name: str) -> int:
    """The number of elements. Raises E731 for sizes that no tensor has."""
    if len(dims) > MAX_RANK:
        raise Fault("E731", f"{name} has {len(dims)} dimensions")
    total = 1
    for dim in dims:
        if not 0 <= dim <= MAX_DIM:
            raise Fault("E731", f"{name} has a dimension of {dim}")
        total *= dim
    return total


def byte_count(data_type: int, count: int, name: str) -> int:
    """The bytes of so many elements. Raises E731 for a type that there is not."""
    if data_type in PACKED:
        return -(-count // PACKED[data_type])
    if data_type not in SIZES:
        raise Fault("E731", f"{name} has elements of the unknown type {data_type}")
    return count * SIZES[data_type]


def check_tensor(tensor: Any, folder: str, place: str) -> int:
    """The bytes of a tensor. Raises E731 where they are not as many as it announces, or lie where none may be read."""
    name = f"{place}: tensor {tensor.name!r:.60}"
    count = elements(tensor.dims, name)
    if tensor.HasField("segment"):
        raise Fault("E731", f"{name} is a part of another one, which no runtime reads")
    if tensor.data_location == EXTERNAL:
        if tensor.data_type == STRING:
            raise Fault("E731", f"{name} is text in another file")
        return check_external(tensor, byte_count(tensor.data_type, count, name), folder, name)
    if tensor.external_data:
        raise Fault("E731", f"{name} lies in the file, and names another one")
    given = [field for field in TYPED if len(getattr(tensor, field))]
    if tensor.HasField("raw_data") and len(tensor.raw_data):
        if given or tensor.data_type == STRING:
            raise Fault("E731", f"{name} has raw bytes and {given[0] if given else 'text'}")
        announced, found, what = byte_count(tensor.data_type, count, name), len(tensor.raw_data), "bytes"
    else:
        field, each = FIELDS.get(tensor.data_type, ("int32_data", 1))
        if tensor.data_type != STRING:
            byte_count(tensor.data_type, count, name)
        if any(other != field for other in given):
            raise Fault("E731", f"{name} is of type {tensor.data_type}, and has {given[0]}")
        packed = PACKED.get(tensor.data_type, 1)
        announced, found, what = -(-count * each // packed), len(getattr(tensor, field)), "elements"
    if announced != found:
        raise Fault("E731", f"{name} announces {announced} {what} by its shape {list(tensor.dims)}, and has {found}")
    return count * SIZES.get(tensor.data_type, 1)


def check_external(tensor: Any, announced: int, folder: str, name: str) -> int:
    """The bytes of a tensor in a file beside the model. Raises E731."""
    found: dict[str, str] = {}
    for entry in tensor.external_data:
        if entry.key not in ("location", "offset", "length", "checksum"):
            raise Fault("E731", f"{name}: its place says {entry.key!r:.60}, which means nothing")
        if entry.key in found:
            raise Fault("E731", f"{name}: its place says {entry.key} twice")
        found[entry.key] = entry.value
    numbers = {key: _number(found[key], key, name) for key in ("offset", "length") if key in found}
    size = require_inside(folder, found.get("location", ""), name)
    offset = numbers.get("offset", 0)
    length = numbers.get("length", announced)
    if length != announced:
        raise Fault("E731", f"{name} announces {announced} bytes by its shape, and takes {length} of another file")
    if offset + length > size:
        raise Fault("E731", f"{name} takes bytes {offset} to {offset + length} of a file of {size}")
    return announced


def size(tensor: Any) -> int:
    """The bytes of a checked tensor."""
    return byte_count(tensor.data_type, elements(tensor.dims, tensor.name), tensor.name)


def fetch(tensor: Any, folder: str) -> None:
    """Put a checked tensor of another file into the model. Raises E731 where that file has changed."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    name = f"tensor {tensor.name!r:.60}"
    tensor.raw_data = read_inside(folder, said["location"], int(said.get("offset", 0)), size(tensor), name)
    tensor.data_location = 0
    del tensor.external_data[:]


def check_sparse(sparse: Any, folder: str, place: str) -> int:
    """The bytes that a sparse tensor fills. Raises E731."""
    name = f"{place}: sparse tensor {sparse.values.name!r:.60}"
    count = elements(sparse.dims, name)
    dense = byte_count(sparse.values.data_type, count, name)
    if dense > DENSE:
        raise Fault("E731", f"{name} would fill {dense} bytes")
    check_tensor(sparse.values, folder, place)
    check_tensor(sparse.indices, folder, place)
    if sparse.indices.data_type != 7 or len(sparse.values.dims) != 1:
        raise Fault("E731", f"{name} has no list of values and places")
    wanted = ([sparse.values.dims[0]], [sparse.values.dims[0], len(sparse.dims)])
    if list(sparse.indices.dims) not in wanted:
        raise Fault(
            "E731", f"{name} has {sparse.values.dims[0]} values and places of shape {list(sparse.indices.dims)}"
        )
    return dense


def _number(text: str, key: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Fault("E731", f"{name}: its {key} is {text!r:.40}")
    return int(text)
