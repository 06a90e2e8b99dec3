"""Weights: where they come from, and whether they fit a spec."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.diagnostics.errors import Fault
from nnspec.ir.spec import Spec
from nnspec.ir.types import shape_text
from nnspec.runtime.files import read_json
from nnspec.runtime.tensor_file import read_tensors

Array = np.ndarray[Any, Any]

SHOWN = 8
"""Names listed in a message before it says how many more there are."""


class Weights(NamedTuple):
    """Arrays by the paths of the spec, and the classes of label targets where the file knows them."""

    arrays: Mapping[str, Array]
    classes: Mapping[str, tuple[Any, ...]]


def read_weights(source: str | Path | Mapping[str, Array]) -> Weights:
    """Weights from a run directory, a safetensors file or arrays by path. Raises E707 for files that cannot be read."""
    if isinstance(source, Mapping):
        return Weights(source, {})
    path = Path(source)
    if not path.is_dir():
        return Weights(read_tensors(path)[0], {})
    classes = read_json(path / "run.json").get("classes", {})
    return Weights(
        read_tensors(path / "weights.safetensors")[0], {name: tuple(found) for name, found in classes.items()}
    )


def read_settings(source: str | Path | None) -> dict[str, Any]:
    """The model's parameters that a run directory was trained with; nothing for other weights."""
    if source is None or not Path(source).is_dir():
        return {}
    return dict(read_json(Path(source) / "run.json").get("settings", {}))


def require_fit(spec: Spec, weights: Mapping[str, Any], *, strict: bool = True, part: str = "") -> None:
    """Raise E702 unless the weights have the names and shapes of the spec's parameters, or of those that begin with
    `part`.

    Not `strict`, some may be missing.
    """
    shapes = {item.path: item.shape for item in spec.parameters if item.path.startswith(part)}
    missing = [path for path in shapes if path not in weights] if strict else []
    unexpected = [path for path in weights if path not in shapes]
    wrong = [
        f"{path} {shape_text(np.shape(value))} instead of {shape_text(shapes[path])}"
        for path, value in weights.items()
        if path in shapes and np.shape(value) != shapes[path]
    ]
    said = [
        f"{what}: {_listed(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("wrong shape", wrong))
        if names
    ]
    if said:
        raise Fault("E702", f"the weights do not fit {spec.name}; {'; '.join(said)}")


def digest(weights: Mapping[str, Array]) -> str:
    """SHA-256 over names, dtypes, shapes and contents, independent of order."""
    result = hashlib.sha256()
    for path in sorted(weights):
        array = np.ascontiguousarray(weights[path])
        result.update(f"{path} {array.dtype} {array.shape}\n".encode())
        result.update(array.tobytes())
    return result.hexdigest()


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return ", ".join(known[:SHOWN]) + more
