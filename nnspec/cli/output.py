"""Findings on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.render import render_text


def print_findings(found: Sequence[Diagnostic], stream: TextIO, sources: dict[str, str] | None = None) -> None:
    """Write findings as text; sources that are not given are read from their files."""
    texts = dict(sources or {})
    for span in (d.span for d in found):
        if span and span.file not in texts:
            texts[span.file] = _read(span.file)
    stream.write(render_text(found, texts, color=wants_color(stream)))


def wants_color(stream: TextIO) -> bool:
    """True on a terminal; FORCE_COLOR and NO_COLOR decide before that."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def warn(text: str) -> None:
    """A line for a person, beside the output."""
    print(text, file=sys.stderr)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
