"""What a person fills in for each input of a model: fields, a drawing, a text, or numbers as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.compiler.golden import golden_path
from nnspec.data.npz_file import read_arrays
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.ir.types import INTEGERS, TensorType
from nnspec.serving.datatypes import DATATYPES
from nnspec.serving.model import Model
from nnspec.serving.tensors import to_json
from nnspec.serving.triton import label_files

Array = np.ndarray[Any, Any]

MOST_FIELDS = 64
EXAMPLES = 8
BYTES = 256
"""Ids of an embedding that reads bytes."""


def form_of(model: Model) -> dict[str, Any]:
    """A model for the page: its inputs with what they are, its outputs with their classes, and rows to try."""
    known = label_files(model)
    examples = _examples(model)
    return {
        "name": model.name,
        "inputs": [_input(model, name, type, examples) for name, type in model.inputs.items()],
        "outputs": [
            {
                "name": name,
                "datatype": DATATYPES[type.dtype],
                "shape": _sizes(type),
                "type": str(type),
                "classes": [str(label) for label in known[name][1]] if name in known else None,
            }
            for name, type in model.outputs.items()
        ],
        "how": f"batches of up to {model.limits.max_batch}" if model.batch else "one request at a time",
        "rows": model.batch is not None,
        "examples": _plain(examples),
    }


def _input(model: Model, name: str, type: TensorType, examples: Mapping[str, Array]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "datatype": DATATYPES[type.dtype],
        "shape": _sizes(type),
        "type": str(type),
        "columns": list(model.deployed.columns.get(name, ())),
        "kind": "json",
    }
    inner = _sizes(type)[1:]
    if name in model.deployed.texts:
        text = model.deployed.texts[name]
        return found | {"kind": "text", "parts": text.parts, "vocabulary": list(map(str, text.vocabulary))}
    if type.rank == 2 and type.dtype in INTEGERS and inner == [-1]:
        is_bytes = model.deployed.ids.get(name) == BYTES
        return found | {"kind": "bytes" if is_bytes else "list"}
    layout = _image_layout(type.dtype, inner)
    if layout:
        return found | {"kind": "image", "layout": layout, "white": _white(model, name, type, examples)}
    count = int(np.prod(inner)) if -1 not in inner else 0
    if model.batch is not None and 0 < count <= MOST_FIELDS and type.rank <= 2:
        return found | {"kind": "fields"}
    return found


def _image_layout(dtype: str, inner: list[int]) -> str:
    """`chw`, `hwc` or `hw` for the axes behind the batch where they are those of an image; an empty text elsewhere."""
    if dtype not in ("uint8", "float32", "float16", "float64"):
        return ""
    if len(inner) == 3 and inner[0] in (1, 3) and all(size == -1 or size >= 4 for size in inner[1:]):
        return "chw"
    if len(inner) == 3 and inner[2] in (1, 3) and all(size == -1 or size >= 8 for size in inner[:2]):
        return "hwc"
    return "hw" if len(inner) == 2 and inner[0] == inner[1] and (inner[0] >= 8 or dtype == "uint8") else ""


def _white(model: Model, name: str, type: TensorType, examples: Mapping[str, Array]) -> float:
    """The number of a white pixel, as a first guess that a person may change: 255 where images fed the input, or what
    the spec divides by, or the largest number of the recorded rows."""
    if name in model.deployed.images or name in (model.deployed.pixels or ()):
        return 255
    divisors = re.findall(r"\brescale\(\s*1(?:\.0)?\s*/\s*(\d+)", model.deployed.metadata.get("nnspec.spec", ""))
    if len(divisors) == 1:
        return float(divisors[0])
    if name in examples:
        return float(examples[name].max())
    return 255 if type.dtype == "uint8" else 1


def _examples(model: Model) -> dict[str, Array]:
    """The rows that compile recorded beside the model file, where they are there."""
    if model.path is None or model.batch is None or not golden_path(model.path).is_file():
        return {}
    try:
        arrays = read_arrays(model.path.parent, golden_path(model.path).name)
    except (Fault, NnspecError):
        return {}
    found = {name: arrays[name][:EXAMPLES] for name in model.inputs if name in arrays}
    return found if set(found) == set(model.inputs) else {}


def _plain(examples: Mapping[str, Array]) -> list[dict[str, Any]]:
    rows = min((len(array) for array in examples.values()), default=0)
    return [
        {name: {"shape": [1, *array.shape[1:]], "data": to_json(array[row])} for name, array in examples.items()}
        for row in range(rows)
    ]


def _sizes(type: TensorType) -> list[int]:
    return [dim if isinstance(dim, int) else -1 for dim in type.shape]
