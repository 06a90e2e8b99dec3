"""Edits that an editor offers and `check --fix` does not make: what was probably meant, which a person decides."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nnspec.diagnostics.errors import Diagnostic, Edit
from nnspec.diagnostics.span import Span

MEANT = re.compile(r'did you mean ([A-Za-z_][\w.]*|"[^"]*")\?')
NAMED = re.compile(r"[A-Za-z_]\w*(?=\s*=)")
"""The name of an argument or a setting, of which the whole is marked."""


def guesses(found: Diagnostic, lines: Sequence[str]) -> list[Edit]:
    """The edits of a finding, or the one that its help asks about, where what is marked is the name that is wrong."""
    said, span = MEANT.match(found.help), found.span
    if found.edits or not said or not span or span.line != span.end_line or span.line > len(lines):
        return list(found.edits)
    marked = lines[span.line - 1][span.column - 1 : span.end_column - 1]
    if marked.isidentifier() or marked[:1] in "\"'":
        return [Edit(span, said[1])]
    name = NAMED.match(marked)
    if not name:
        return []
    return [Edit(Span(span.file, span.line, span.column, span.line, span.column + len(name[0])), said[1])]
