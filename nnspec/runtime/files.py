"""Files of a run, whole or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.files import replace_file


def write_bytes(path: Path, content: bytes) -> None:
    """Let `path` hold `content`, or what it held before, whatever happens meanwhile. Raises E707 where the system
    refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise Fault("E707", f"{path} cannot be written ({len(content)} bytes): {error.strerror or error}") from error


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises E707 where the file is missing or no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Fault("E707", f"{path} cannot be read: {error}") from error
