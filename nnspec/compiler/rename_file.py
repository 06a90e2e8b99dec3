"""Rename tables in files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnspec.data.wording import nearest
from nnspec.diagnostics.errors import Fault
from nnspec.ir.renaming import Table

KEY = "rename"
ENDINGS = (".toml", ".json")

Rename = str | Path | Sequence[Any]
"""The path of a file with a table, or its rules."""


def rename_table(rename: Rename, beside: Path | None = None) -> Table:
    """The table that is given; a path starts in the folder `beside`, if there is one. Raises E707."""
    if not isinstance(rename, str | Path):
        try:
            return Table(rename)
        except ValueError as error:
            raise Fault("E707", str(error)) from error
    path = Path(beside or ".", rename)
    if not path.is_file():
        raise _absent(path)
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return Table(_entries(content))
    except (OSError, ValueError) as error:
        raise Fault("E707", f"the rename table {path} cannot be read: {error}") from error


def _entries(content: Any) -> list[Any]:
    """Raises ValueError."""
    if isinstance(content, dict):
        if KEY not in content:
            keys = f": what it has is {', '.join(content)}" if content else ""
            raise ValueError(f"it has no list `{KEY}`{keys}")
        if more := [key for key in content if key != KEY]:
            raise ValueError(f"it has {', '.join(more)} beside the list `{KEY}`")
        content = content[KEY]
    if not isinstance(content, list):
        raise ValueError(f"it has no list `{KEY}`")
    return content


def _absent(path: Path) -> Fault:
    if path.is_dir():
        return Fault("E707", f"the rename table {path} cannot be read: it is a folder")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    near = nearest(path.name, sorted(entry.name for entry in beside if entry.suffix in ENDINGS))
    help = f"did you mean {path.with_name(near)}?" if near else ""
    return Fault("E707", f"the rename table {path} cannot be read: No such file", help=help)
