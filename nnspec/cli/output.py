"""Findings on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.render import render_text


def print_findings(
    found: Sequence[Diagnostic], stream: TextIO, sources: dict[str, str] | None = None, *, count: bool = True
) -> None:
    """Write findings as text, and how many they are; sources that are not given are read from their files."""
    texts = dict(sources or {})
    for span in (d.span for d in found):
        if span and span.file not in texts:
            texts[span.file] = _read(span.file)
    stream.write(render_text(found, texts, color=wants_color(stream), count=count))


def wants_color(stream: TextIO) -> bool:
    """True on a terminal; FORCE_COLOR and NO_COLOR decide before that."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def warn(text: str) -> None:
    """A line for a person, beside the output."""
    print(text, file=sys.stderr)


def report_defect(error: Exception, subject: str | None = None) -> int:
    """Say that nnspec itself is wrong, in one line and where; NNSPEC_TRACEBACK=1 shows the whole. The exit code.

    `subject` is the spec that brought it about.
    """
    if os.environ.get("NNSPEC_TRACEBACK"):
        raise error
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f" ({Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno})" if place else ""
    said = " ".join(str(error).split())
    warn(f"error: {type(error).__name__}: {said}{where}")
    warn(
        f"  help: this is a defect of nnspec, please report it{f' with {subject}' if subject else ''}; "
        "NNSPEC_TRACEBACK=1 shows where it comes from"
    )
    return 1


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
