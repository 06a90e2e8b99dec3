"""An inference request: JSON, with tensors in it or as bytes behind it, held against what the model takes.

https://github.com/open-inference/open-inference-protocol, with the extensions for binary tensors and classification.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nnspec.data.wording import quoted, suggestion
from nnspec.ir.types import TensorType
from nnspec.serving.datatypes import DATATYPES
from nnspec.serving.fitting import Fitting
from nnspec.serving.refusal import bad
from nnspec.serving.tensors import from_binary, from_json

Array = np.ndarray[Any, Any]

LONGEST_ID = 1024
CACHES = ("past/", "past_key_values")
"""How inputs for keys and values of attention begin, here and at Hugging Face: at first they hold no steps."""


class Wanted(NamedTuple):
    """One output of the answer."""

    name: str
    binary: bool = False
    classes: int = 0
    """How many of the largest values are asked for, instead of all; 0 for the tensor itself."""


class Inference(NamedTuple):
    """What a request asks for."""

    id: str | None
    inputs: dict[str, Array]
    outputs: tuple[Wanted, ...]


class Signature(NamedTuple):
    """What requests are held against."""

    inputs: Mapping[str, TensorType]
    outputs: tuple[str, ...]


def read_request(body: bytes, header: str | None, signature: Signature) -> Inference:
    """The request in a body; `header` is its Inference-Header-Content-Length. Raises a Refusal that names the field."""
    length = _header_length(header, len(body))
    asked = parse_json(body[:length] if length < len(body) else body)
    id = asked.get("id")
    if id is not None and (not isinstance(id, str) or len(id) > LONGEST_ID):
        raise bad("id", f"must be a string of at most {LONGEST_ID} characters")
    inputs, behind = _inputs(asked, signature, memoryview(body)[length:])
    if len(behind):
        raise bad("inputs", f"{len(behind)} bytes behind the JSON belong to no input with a binary_data_size")
    return Inference(id, inputs, _outputs(asked, signature))


def parse_json(content: bytes) -> dict[str, Any]:
    """A JSON object. NaN and Infinity are no JSON."""
    try:
        found = DECODER.decode(content.decode())
    except UnicodeDecodeError as error:
        raise bad("", f"the request is no UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise bad("", "the request is nested too deep") from error
    except ValueError as error:  # also for whole numbers of more than 4300 digits
        raise bad("", f"the request is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise bad("", "the request must be a JSON object")
    return found


def _no_json(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON; send such tensors as binary data")


DECODER = json.JSONDecoder(parse_constant=_no_json)


def _header_length(header: str | None, size: int) -> int:
    """How many bytes of the body are JSON."""
    if header is None:
        return size
    if not (header.isascii() and header.isdigit() and len(header) < 16 and int(header) <= size):
        raise bad("Inference-Header-Content-Length", f"must be a number of at most the {size} bytes of the body")
    return int(header)


def _inputs(asked: Mapping[str, Any], signature: Signature, behind: memoryview) -> tuple[dict[str, Array], memoryview]:
    """The inputs by name, and what is left of the bytes behind the JSON."""
    given = asked.get("inputs")
    if not isinstance(given, list) or not given:
        near = "; did you mean inputs?" if "input" in asked else ""
        raise bad("inputs", f"must be a list of tensors{near}")
    fitting, found = Fitting(), dict[str, Array]()
    for index, item in enumerate(given):
        field = f"inputs[{index}]"
        name = _name(item, field, tuple(signature.inputs), "inputs")
        if name in found:
            raise bad(f"{field}.name", f"{quoted(name)} is given twice")
        type = signature.inputs[name]
        datatype = item.get("datatype")
        if datatype != DATATYPES[type.dtype]:
            raise bad(f"{field}.datatype", f"{name} takes {DATATYPES[type.dtype]}, found {quoted(datatype)}")
        shape = _shape(item.get("shape"), f"{field}.shape", may_be_empty=name.startswith(CACHES))
        fitting.fit(name, type, shape, f"{field}.shape")
        size = _binary_size(item, field)
        if size is None:
            found[name] = from_json(item.get("data"), type.dtype, shape, f"{field}.data")
        elif size > len(behind):
            raise bad(
                f"{field}.parameters.binary_data_size", f"is {size}, and {len(behind)} bytes are left of the body"
            )
        else:
            found[name] = from_binary(behind[:size], type.dtype, shape, field)
            behind = behind[size:]
    missing = [name for name in signature.inputs if name not in found]
    if missing:
        raise bad("inputs", f"{', '.join(missing)} is missing")
    return found, behind


def _outputs(asked: Mapping[str, Any], signature: Signature) -> tuple[Wanted, ...]:
    """The outputs that are asked for; all of them where the request says nothing."""
    binary = _flag(_parameters(asked, ""), "binary_data_output", "parameters")
    given = asked.get("outputs")
    if given is None or given == []:
        return tuple(Wanted(name, binary) for name in signature.outputs)
    if not isinstance(given, list):
        raise bad("outputs", "must be a list")
    found: dict[str, Wanted] = {}
    for index, item in enumerate(given):
        field = f"outputs[{index}]"
        name = _name(item, field, signature.outputs, "outputs")
        if name in found:
            raise bad(f"{field}.name", f"{quoted(name)} is asked for twice")
        parameters = _parameters(item, field)
        _no_shared_memory(parameters, field)
        classes = parameters.get("classification", 0)
        if type(classes) is not int or classes < 0:
            raise bad(f"{field}.parameters.classification", "must be a number of classes")
        found[name] = Wanted(name, _flag(parameters, "binary_data", f"{field}.parameters", binary), classes)
    return tuple(found.values())


def _name(item: Any, field: str, known: tuple[str, ...], what: str) -> str:
    if not isinstance(item, dict):
        raise bad(field, "must be an object")
    name = item.get("name")
    if not isinstance(name, str):
        raise bad(f"{field}.name", "must be a string")
    if name not in known:
        help = suggestion(name, known, f"the model's {what}")
        raise bad(f"{field}.name", f"the model has no such {what[:-1]} {quoted(name)}; {help}")
    return name


def _shape(given: Any, field: str, *, may_be_empty: bool) -> tuple[int, ...]:
    """Sizes above 0; of a cache, also 0 behind the axis of rows."""
    if not isinstance(given, list):
        raise bad(field, "must be a list of sizes")
    for axis, size in enumerate(given):
        least = 0 if may_be_empty and axis else 1
        if type(size) is not int or not least <= size < 2**63:
            raise bad(f"{field}[{axis}]", f"{quoted(size)} is no size")
    return tuple(given)


def _binary_size(item: Mapping[str, Any], field: str) -> int | None:
    """How many bytes behind the JSON an input takes; None where its data is in the JSON."""
    parameters = _parameters(item, field)
    _no_shared_memory(parameters, field)
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in item:
            raise bad(f"{field}.data", "is missing, and so is parameters.binary_data_size")
        return None
    if type(size) is not int or size < 0:
        raise bad(f"{field}.parameters.binary_data_size", "must be a number of bytes")
    if "data" in item:
        raise bad(f"{field}.data", "is given, and binary_data_size too")
    return size


def _parameters(item: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = item.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise bad(f"{field}.parameters".lstrip("."), "must be an object")
    return found


def _no_shared_memory(parameters: Mapping[str, Any], field: str) -> None:
    if "shared_memory_region" in parameters:
        raise bad(f"{field}.parameters.shared_memory_region", "this server takes and gives tensors in the body alone")


def _flag(parameters: Mapping[str, Any], key: str, field: str, otherwise: bool = False) -> bool:
    found = parameters.get(key, otherwise)
    if not isinstance(found, bool):
        raise bad(f"{field}.{key}", "must be true or false")
    return found
