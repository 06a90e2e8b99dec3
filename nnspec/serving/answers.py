"""The answer to an inference request: JSON, with the tensors in it or as bytes behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.serving.datatypes import DATATYPES, to_bytes
from nnspec.serving.model import VERSION, Model
from nnspec.serving.refusal import bad
from nnspec.serving.request import Inference, Wanted
from nnspec.serving.tensors import to_json

Array = np.ndarray[Any, Any]


class Answer(NamedTuple):
    """A body, and how much of it is JSON where bytes follow."""

    body: bytes
    json_length: int | None = None


def answered(model: Model, asked: Inference, outputs: Mapping[str, Array]) -> Answer:
    """The answer to a request from the outputs of its rows. Raises a Refusal for a classification of no numbers."""
    described: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for wanted in asked.outputs:
        array, datatype = outputs[wanted.name], DATATYPES[model.outputs[wanted.name].dtype]
        if wanted.classes:
            array, datatype = _likeliest(model, wanted, array), "BYTES"
        item: dict[str, Any] = {"name": wanted.name, "datatype": datatype, "shape": list(array.shape)}
        if wanted.binary:
            behind.append(to_bytes(array))
            item["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            item["data"] = to_json(array)
        described.append(item)
    said: dict[str, Any] = {"model_name": model.name, "model_version": VERSION}
    if asked.id is not None:
        said["id"] = asked.id
    head = json.dumps({**said, "outputs": described}, separators=(",", ":"), allow_nan=False).encode()
    return Answer(b"".join([head, *behind]), len(head)) if behind else Answer(head)


def _likeliest(model: Model, wanted: Wanted, array: Array) -> Array:
    """The largest values along the last axis as `value:index:class`, the largest first."""
    if array.ndim == 0 or array.dtype.kind not in "fiuV":
        raise bad("outputs", f"{wanted.name} has no classes: it is {model.outputs[wanted.name]}")
    names = model.classes(wanted.name, array)
    numbers = array.astype(np.float64) if array.dtype.kind == "V" else array
    order = np.argsort(-numbers.astype(np.float64), axis=-1, kind="stable")[..., : wanted.classes]
    texts = np.empty(order.shape, object)
    for place in np.ndindex(*order.shape):
        index = int(order[place])
        label = f":{names[index]}" if names else ""
        texts[place] = f"{numbers[(*place[:-1], index)]!s}:{index}{label}"
    return texts
