"""Files of a run, whole or absent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.files import replace_file, sync


def write_bytes(path: Path, *parts: bytes | memoryview) -> None:
    """Let `path` hold `parts` one after another, or what it held before, whatever happens meanwhile.

    The folder must exist: one that vanished is not made again without what it held. Raises E707 where the system
    refuses.
    """
    try:
        replace_file(path, lambda temporary: _fill(temporary, parts))
    except OSError as error:
        raise Fault("E707", f"{path} cannot be written: {_cause(path, error)}{_room(path, parts)}") from error


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def append_bytes(path: Path, content: bytes) -> None:
    """Add to the end of a file, in one call and unsynced. Raises E707."""
    try:
        with path.open("ab") as stream:
            stream.write(content)
    except OSError as error:
        raise Fault("E707", f"{path} cannot be written: {_cause(path, error)}") from error


def read_json(path: Path) -> Any:
    """Raises E707 where the file is missing or no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Fault("E707", f"{path} cannot be read: {error}") from error


def make_folder(path: Path) -> None:
    """Raises E707 where there cannot be a folder."""
    try:
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            sync(path.parent)
    except OSError as error:
        raise Fault("E707", f"{path} cannot be a folder: {error.strerror or error}") from error


def _fill(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    with path.open("wb") as stream:
        for part in parts:
            stream.write(part)


def _cause(path: Path, error: OSError) -> str:
    return str(error.strerror or error) if path.parent.is_dir() else f"the folder {path.parent} is not there"


def _room(path: Path, parts: Sequence[bytes | memoryview]) -> str:
    """The bytes that are needed, and those that are there."""
    needed = sum(len(part) for part in parts)
    try:
        return f"; {needed} bytes are needed, the disk has {shutil.disk_usage(path.parent).free} left"
    except OSError:
        return f"; {needed} bytes are needed"
