"""What `check` found in files that have not changed since: kept by content, settings and version of nnspec.

An entry is one JSON file in the user's own cache folder. It holds for the same text in the same place, together with
every file that it uses, the same settings, and the same nnspec. What could not be read in whole is not kept.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nnspec import __version__

if TYPE_CHECKING:
    from nnspec.diagnostics.errors import Diagnostic
    from nnspec.ir.project import Project

PACKAGE = Path(__file__).resolve().parent.parent
LIBRARY = "std."
KEPT = 30 * 86_400
"""Seconds after which an entry that nobody asked for is removed."""
MAX_BYTES = 16_000_000


class Known(NamedTuple):
    """What an unchanged file was found to have, and the texts for messages."""

    found: list[Diagnostic]
    files: dict[str, str]


class Cache:
    """The entries for one set of settings."""

    def __init__(self, settings: Mapping[str, Any], root: str | None) -> None:
        self.folder = _folder()
        self.common = json.dumps([__version__, _state(), sorted(map(repr, settings.items())), root, str(Path.cwd())])

    def known(self, path: str) -> Known | None:
        """What is known of a file and of those that it uses; None where anything is new."""
        try:
            entry = json.loads(self._place(path).read_bytes())
            files: dict[str, str] = {}
            for shown, (real, digest) in entry["files"].items():
                content = _read(real)
                if sha256(content).hexdigest() != digest or os.path.realpath(shown) != real:
                    return None
                files[shown] = content.decode("utf-8", "replace")
            return Known([_diagnostic(*one) for one in entry["found"]], files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, path: str, project: Project, found: list[Diagnostic]) -> None:
        """Note what was found; where that is not possible, nothing happens."""
        if project.broken or any(one.span is None for one in found):
            return
        files = {}
        for shown, text in project.files.items():
            if not shown.startswith(LIBRARY):
                files[shown] = (os.path.realpath(shown), sha256(text.encode()).hexdigest())
        entry = json.dumps({"files": files, "found": [_record(one) for one in found]})
        place = self._place(path)
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
            temporary.write_text(entry)
            temporary.replace(place)
            if place.name.startswith("00"):  # one in 256
                self._sweep()

    def _place(self, path: str) -> Path:
        return self.folder / f"{sha256(f'{self.common}{path}'.encode()).hexdigest()[:40]}.json"

    def _sweep(self) -> None:
        old = time.time() - KEPT
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < old:
                    path.unlink()


def _folder() -> Path:
    named = os.environ.get("NNSPEC_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nnspec"


def _state() -> str:
    """What tells one state of nnspec from another of the same version: when it was installed; in a checkout, where a
    developer works on it, the size and time of each of its files."""
    if not (PACKAGE.parent / "pyproject.toml").exists():
        return str((PACKAGE / "__init__.py").stat().st_mtime_ns)
    seen = sha256()
    waiting = [str(PACKAGE), str(PACKAGE.parent / "grammar")]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in ("__pycache__", "vscode"):
                            waiting.append(entry.path)
                    else:
                        status = entry.stat()
                        seen.update(f"{entry.path} {status.st_size} {status.st_mtime_ns}\n".encode())
        except OSError:
            continue
    return seen.hexdigest()


def _read(path: str) -> bytes:
    status = os.stat(path)  # noqa: PTH116  a spec may stand in a pipe, which must not be opened
    if not 0o100000 <= status.st_mode < 0o120000 or status.st_size > MAX_BYTES:
        raise ValueError(path)
    return Path(path).read_bytes()


def _record(found: Diagnostic) -> list[Any]:
    return [found.code, found.message, found.span, found.help, found.label, found.severity, found.edits, found.reached]


def _diagnostic(
    code: str,
    message: str,
    span: list[Any],
    help: str,
    label: str,
    severity: str,
    edits: list[Any],
    reached: list[Any],
) -> Diagnostic:
    from nnspec.diagnostics.errors import Diagnostic, Edit
    from nnspec.diagnostics.span import Span

    made = tuple(Edit(Span(*place), text) for place, text in edits)
    calls = tuple(Span(*place) for place in reached)
    return Diagnostic(code, message, Span(*span), help, label, severity, made, calls)
