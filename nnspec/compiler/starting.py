"""Weights to start from: the part that is asked for, under the names of the spec."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.fit import require_fit, without_counters
from nnspec.compiler.weights import Source, read_weights
from nnspec.data.wording import listed
from nnspec.diagnostics.errors import Fault
from nnspec.ir.patterns import matches
from nnspec.ir.renaming import Table
from nnspec.ir.spec import Spec
from nnspec.recipe.starts import Start

Array = np.ndarray[Any, Any]


def starting_weights(spec: Spec, source: Source, asked: Start, beside: Path) -> dict[str, Array]:
    """Arrays by path for the parameters that `asked` covers, all of them. A table of names in a file is looked for in
    the folder `beside`.

    Raises E702 where they do not fit, E707 where a file cannot be read.
    """
    arrays = _below(asked.part, read_weights(source).arrays)
    found, names = renamed(arrays, Table(_entries(asked.rename, beside)))
    below = f"{asked.into}." if asked.into else ""
    covered = {
        below + name: array
        for name, array in found.items()
        if any(matches(pattern, below + name) for pattern in asked.patterns)
    }
    taken = without_counters(spec, covered)
    before = f"{asked.part}." if asked.part else ""
    require_fit(spec, taken, only=asked.patterns, names={below + name: before + names[name] for name in found})
    return taken


def renamed(arrays: Mapping[str, Array], table: Table) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays under their new names, and the names that they had. Raises E702 where two get one name, or one cannot
    be cut into parts."""
    found: dict[str, Array] = {}
    names: dict[str, str] = {}
    for name, array in arrays.items():
        new = table(name)
        moved = np.moveaxis(array, (-1, -2), (0, 1)) if new.transpose and array.ndim > 1 else array
        parts = [moved] if len(new.names) < 2 else _cut(name, moved, len(new.names))
        for target, part in zip(new.names, parts, strict=False):
            if target in found:
                raise Fault("E702", f"the rename table makes {target} of both {names[target]} and {name}")
            found[target], names[target] = np.ascontiguousarray(part), name
    return found, names


def _cut(name: str, array: Array, parts: int) -> list[Array]:
    if not array.ndim or array.shape[0] % parts:
        raise Fault("E702", f"{name} {list(array.shape)} cannot be cut into {parts} equal parts along its first axis")
    return np.split(array, parts)


def _below(part: str, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """What is below a scope, without it."""
    if not part:
        return arrays
    found = {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
    if not found:
        scopes = dict.fromkeys(name.partition(".")[0] for name in arrays)
        raise Fault("E702", f"the file has nothing below {part}", help=f"its names begin with {listed(scopes)}")
    return found


def _entries(rename: str | tuple[Any, ...], beside: Path) -> Any:
    """The rules of a table, from a file where a path is given. Raises E707."""
    if not isinstance(rename, str):
        return rename
    path = beside / rename
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        entries = content.get("rename") if isinstance(content, dict) else content
        if not isinstance(entries, list):
            raise ValueError("it has no list `rename`")
        Table(entries)
    except (OSError, ValueError) as error:
        raise Fault("E707", f"the rename table {path} cannot be read: {error}") from error
    return entries
