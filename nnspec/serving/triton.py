"""The layout of Triton Inference Server: NAME/config.pbtxt, label files, NAME/1/model.onnx.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_repository.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.files import replace_file
from nnspec.ir.types import TensorType
from nnspec.serving.datatypes import DATATYPES
from nnspec.serving.model import VERSION, Model

MODEL = "model.onnx"
DELAY = 100
"""Microseconds that Triton waits for a batch to fill: its documentation's example, well below what a model takes."""


class Word(str):
    """A value of an enumeration, which stands without quotes."""


def config_of(model: Model) -> dict[str, Any]:
    """The configuration of a model as Triton has it, for JSON or `text`."""
    batched = model.batch is not None
    labels = label_files(model)
    found: dict[str, Any] = {
        "name": model.name,
        "backend": "onnxruntime",
        "platform": "onnxruntime_onnx",
        "max_batch_size": model.limits.max_batch if batched else 0,
        "input": [_tensor(name, type, batched) for name, type in model.inputs.items()],
        "output": [
            _tensor(name, type, batched) | ({"label_filename": labels[name][0]} if name in labels else {})
            for name, type in model.outputs.items()
        ],
    }
    if batched:
        delay = round(model.limits.max_delay * 1e6) or DELAY
        found["dynamic_batching"] = {"max_queue_delay_microseconds": delay}
    return found


def label_files(model: Model) -> dict[str, tuple[str, Sequence[Any]]]:
    """The file of the class names of each output that has some, and the names."""
    found: dict[str, tuple[str, Sequence[Any]]] = {}
    for name, type in model.outputs.items():
        fitting = [
            (target, classes)
            for target, classes in model.deployed.classes.items()
            if target not in model.inputs and type.rank > 1 and type.shape[-1] == len(classes)
        ]
        if len(fitting) == 1:
            found[name] = (f"{fitting[0][0]}.txt", fitting[0][1])
    return found


def text(config: Mapping[str, Any], indent: str = "") -> str:
    """A configuration in the text format of protocol buffers."""
    lines: list[str] = []
    for key, value in config.items():
        for item in value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]:
            if isinstance(item, dict):
                lines += [f"{indent}{key} {{", text(item, indent + "  ").rstrip("\n"), f"{indent}}}"]
            else:
                lines.append(f"{indent}{key}: {_value(item)}")
    return "".join(f"{line}\n" for line in lines if line)


def place_in(repository: Path, name: str) -> Path:
    """Where the file of a model lies below a repository; its folder is made. Raises E706 where that cannot be, E707
    where the system refuses."""
    if repository.suffix.lower() == ".onnx" or repository.is_file():
        help = f"name the repository: {repository.parent / 'models'}"
        raise Fault("E706", f"{repository} is no folder, and a model repository is one", help=help)
    folder = repository / name / VERSION
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault("E707", f"{folder} cannot be made: {error.strerror or error}") from error
    return folder / MODEL


def write_layout(model: Model, repository: Path) -> list[Path]:
    """Write what stands beside the file of a model; what was written."""
    folder = repository / model.name
    written: list[Path] = []
    for name, classes in dict(label_files(model).values()).items():
        written.append(folder / name)
        _write(written[-1], "".join(" ".join(str(label).split()) + "\n" for label in classes))
    written.append(folder / "config.pbtxt")
    _write(written[-1], text(config_of(model)))
    return written


def _write(path: Path, content: str) -> None:
    try:
        replace_file(path, lambda file: file.write_text(content, encoding="utf-8"))
    except OSError as error:
        raise Fault("E707", f"{path} cannot be written: {error.strerror or error}") from error


def _tensor(name: str, type: TensorType, batched: bool) -> dict[str, Any]:
    """Name, type and sizes; the first axis goes without saying where there are batches. No tensor may be without axes,
    so that a number per row is one of size 1 outside."""
    kind = DATATYPES[type.dtype]
    found: dict[str, Any] = {"name": name, "data_type": Word("TYPE_STRING" if kind == "BYTES" else f"TYPE_{kind}")}
    dims = [dim if isinstance(dim, int) else -1 for dim in type.shape[1 if batched else 0 :]]
    return found | ({"dims": dims} if dims else {"dims": [1], "reshape": {"shape": []}})


def _value(item: Any) -> str:
    if isinstance(item, Word):
        return str(item)
    if isinstance(item, list):
        return f"[ {', '.join(map(str, item))} ]"
    return json.dumps(item)
