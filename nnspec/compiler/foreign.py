"""The one door for model files: whatever takes one, `run`, `verify`, `show` or `serve`, gets it from here.

A file is held against what a model can be (`nnspec.graph.foreign`), then tried in a process of its own
(`nnspec.compiler.trial`), and only then does this process load it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nnspec import __version__
from nnspec.compiler.trial import Trial, require_sound
from nnspec.diagnostics.errors import Fault
from nnspec.graph import external_data, onnx_file
from nnspec.graph.errors import GraphError
from nnspec.graph.foreign.external import NOT_WAITING
from nnspec.graph.foreign.structure import TENSORS, check_model
from nnspec.graph.foreign.tensors import fetch, size
from nnspec.graph.foreign.wire import MAX_BYTES, scan
from nnspec.ir.dims import Dim, substitute, symbols
from nnspec.ir.types import TensorType
from nnspec.runtime.session import VERSION

Array = np.ndarray[Any, Any]

ROWS, SIZE = 1, 16
"""What symbols stand for when a model is tried: the first of each input, and the others."""


def read_model(path: str | Path, beside: dict[str, Array] | None = None, *, trial: bool = True) -> Any:
    """The ModelProto in a file. Tensors that it has in another become part of it or, where that is given, of `beside`,
    which maps them.

    Without a `trial` it must not be given to ONNX Runtime. Raises E707 where there is no such file, E731 for a hostile
    or damaged one, E732 for one that crashes ONNX Runtime or takes more than it may, E705 for what ONNX Runtime does
    not run.
    """
    source = str(path)
    data, folder = _content(path)
    scan(data, source)
    try:
        model = onnx_file.from_bytes(data, source)
    except GraphError as error:
        raise Fault("E731", str(error)) from error
    checked = check_model(model, folder, source)
    kept = [] if beside is None else [tensor for tensor in checked.weights if tensor.data_type in TENSORS]
    elsewhere = [*checked.constants, *(tensor for tensor in checked.weights if tensor not in kept)]
    if sum(size(tensor) for tensor in elsewhere) + len(data) > MAX_BYTES:
        raise Fault("E705", f"{source} has too many constants in other files, and protobuf ends at 2 GiB")
    for tensor in elsewhere:
        fetch(tensor, folder)
    if beside is not None:
        beside.update(external_data.read(model, Path(folder)))
    if trial:
        _try(model, onnx_file.to_bytes(model) if elsewhere else data, folder, checked.bytes, source)
    return model


def _content(path: str | Path) -> tuple[bytes, str]:
    """The bytes of a plain file, and the folder that it lies in once links to the file itself are followed."""
    try:
        real = Path(path).resolve(strict=True)
        handle = os.open(real, os.O_RDONLY | NOT_WAITING | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise Fault("E707", f"{path} is no plain file")
            if found.st_size > MAX_BYTES:
                raise Fault("E731", f"{path} has more than 2 GiB, where protobuf ends")
            return file.read(), str(real.parent)
    except FileNotFoundError as error:
        raise Fault("E707", f"there is no file {path}") from error
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise Fault("E707", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _try(model: Any, data: bytes, folder: str, weights: int, source: str) -> None:
    """Try a model, unless one of the same content passed before; of other files, size and time stand for it."""
    names = {
        entry.value for t in external_data.referring(model) for entry in t.external_data if entry.key == "location"
    }
    states = [(name, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for name in sorted(names)
              if (s := Path(folder, name).stat())]  # fmt: skip
    mark = _folder() / "models" / sha256(f"{__version__} {VERSION} {states} ".encode() + data).hexdigest()
    with suppress(OSError):
        if mark.exists():
            return
    require_sound(Trial(data, _one_row(model), weights, folder if names else ""), source)
    with suppress(OSError):  # where nothing can be kept, it is tried again
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark.touch()


def _one_row(model: Any) -> dict[str, tuple[str, list[int]]]:
    return {name: (type.dtype, _sizes(type)) for name, type in onnx_file.signature(model).items()}


def _sizes(type: TensorType) -> list[int]:
    first = symbols(type.shape[0]) if type.shape else set()
    return [_number(dim, first) for dim in type.shape]


def _number(dim: Dim, first: set[str]) -> int:
    found = substitute(dim, {name: ROWS if name in first else SIZE for name in symbols(dim)})
    return max(found, 1) if isinstance(found, int) else 1


def _folder() -> Path:
    """Where what is known is kept, as the cache of `check` is."""
    named = os.environ.get("NNSPEC_CACHE_DIR")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnspec"
