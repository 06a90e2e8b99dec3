"""Where a run comes from: the data it reads and what it runs on, so that going on with something else is noticed."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec import __version__
from nnspec.data.digest import digest
from nnspec.diagnostics.errors import Fault, RunWarning
from nnspec.ir.spec import ComponentRef, Spec
from nnspec.runtime.session import VERSION as ONNXRUNTIME

VERSIONS = {
    "nnspec": __version__,
    "onnxruntime": ONNXRUNTIME,
    "numpy": np.__version__,
    "python": platform.python_version(),
}

MODEL, SECTIONS = ("inputs", "values", "nodes", "parameters", "outputs"), ("data", "train", "export", "requirements")
"""Fields of a spec: what makes the model, and what stands beside it."""


def data_digests(spec: Spec, folder: Path) -> dict[str, str]:
    """The SHA-256 of every data file and folder of a spec, by its path as the spec has it."""
    return {path: digest(folder / path) for path in sorted(set(_paths(spec, folder)))}


def require_unchanged(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise E716 where the data of a run is not what it was started with. What may change the last bits of the
    results is a warning."""
    old, new = before.get("data", {}), now["data"]
    changed = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    if changed and old:
        raise Fault(
            "E716",
            f"{', '.join(changed)}: not the data that the run was started with",
            help="put the old data back, or begin another run with the new; --weights or init start from old weights",
        )
    for name, then, today in _conditions(before, now):
        if then != today:
            warnings.warn(
                RunWarning(
                    f"the run was started with {name} {then} and goes on with {today}: the last bits may differ"
                ),
                stacklevel=2,
            )


def differences(before: Spec, now: Spec) -> list[str]:
    """What differs between two specs, not counting where it is written: `model`, `train.optimizer`, `data.train`."""
    old, new = (_plain(spec.model_dump(mode="json")) for spec in (before, now))
    found = ["the model"] if any(old[name] != new[name] for name in MODEL) else []
    for section in SECTIONS:
        a, b = old[section], new[section]
        if isinstance(a, dict) and isinstance(b, dict):
            found += [f"{section}.{key}" for key in a if a[key] != b[key]]
        elif a != b:
            found.append(section)
    return found


def _plain(content: Any) -> Any:
    """JSON without the places in files."""
    if isinstance(content, dict):
        return {name: _plain(value) for name, value in content.items() if name not in ("span", "origin")}
    return [_plain(item) for item in content] if isinstance(content, list) else content


def _conditions(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in ("threads", "device"):
        yield name, before.get(name), now[name]
    for name, version in now["versions"].items():
        yield name, before.get("versions", {}).get(name), version


def _paths(spec: Spec, folder: Path) -> Iterator[str]:
    """What the options of the sources name, and is there."""
    splits = (spec.data.train, spec.data.validation, spec.data.test) if spec.data else ()
    for split in splits:
        for text in _texts(split.source if split else None):
            if text and (folder / text).exists():
                yield text


def _texts(option: Any) -> Iterator[str]:
    if isinstance(option, str):
        yield option
    elif isinstance(option, ComponentRef):
        yield from _texts(tuple(option.options.values()))
    elif isinstance(option, (tuple, list)):
        for item in option:
            yield from _texts(item)
