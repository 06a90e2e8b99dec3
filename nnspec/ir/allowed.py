"""Warnings that a comment allows: `# nnspec: allow W301` behind the line, above it, or above the whole file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nnspec.diagnostics.errors import Diagnostic

ALLOW = re.compile(r"#\s*nnspec:\s*allow\s+([A-Z]\d{3}(?:[\s,]+[A-Z]\d{3})*)")


def allowed(found: Diagnostic, files: Mapping[str, str]) -> bool:
    """Whether a comment allows this warning where it is found, or in the whole file. Errors are never allowed."""
    if found.severity != "warning" or found.span is None:
        return False
    text = files.get(found.span.file, "")
    if "nnspec:" not in text:
        return False
    lines = text.split("\n")
    above = found.span.line - 2
    while above >= 0 and lines[above].lstrip().startswith("#"):
        above -= 1
    near = lines[above + 1 : found.span.line]
    head = []
    for line in lines:
        if line.strip() and not line.lstrip("\ufeff \t").startswith("#"):
            break
        head.append(line)
    return any(found.code in codes[1] for line in (*near, *head) if (codes := ALLOW.search(line)))
