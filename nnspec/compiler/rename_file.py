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

KEY, SETTINGS, FIXED = KEYS = ("rename", "settings", "fixed")
"""The rules; where a `config.json` has the settings of the spec; what it must say, if it says it."""
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
        return _table(content)
    except (OSError, ValueError) as error:
        raise Fault("E707", f"the rename table {path} cannot be read: {error}") from error


def _table(content: Any) -> Table:
    """Raises ValueError."""
    if isinstance(content, list):
        return Table(content)
    if not isinstance(content, dict) or not isinstance(content.get(KEY), list):
        keys = f": what it has is {', '.join(content)}" if isinstance(content, dict) and content else ""
        raise ValueError(f"it has no list `{KEY}`{keys}")
    if more := [key for key in content if key not in KEYS]:
        raise ValueError(f"it has {', '.join(more)}; what it can have is {', '.join(KEYS)}")
    settings, fixed = content.get(SETTINGS, {}), content.get(FIXED, {})
    if not isinstance(settings, dict) or not isinstance(fixed, dict):
        raise ValueError(f"`{SETTINGS}` and `{FIXED}` are tables of names and values")
    keys_of = {name: (keys,) if isinstance(keys, str) else tuple(keys) for name, keys in settings.items()}
    return Table(content[KEY], keys_of, fixed)


def _absent(path: Path) -> Fault:
    if path.is_dir():
        return Fault("E707", f"the rename table {path} cannot be read: it is a folder")
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    near = nearest(path.name, sorted(entry.name for entry in beside if entry.suffix in ENDINGS))
    help = f"did you mean {path.with_name(near)}?" if near else ""
    return Fault("E707", f"the rename table {path} cannot be read: No such file", help=help)
