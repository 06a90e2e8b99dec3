"""Texts after their findings were mended."""

from __future__ import annotations

from collections.abc import Iterable

from nnspec.diagnostics.errors import Diagnostic, Edit


def mended(text: str, diagnostics: Iterable[Diagnostic], file: str) -> tuple[str, int]:
    """The text of `file` with every edit of its findings made, and how many findings that were.

    A finding whose edits would touch what another one changes waits for the next time.
    """
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    mark = text.startswith("\ufeff")
    made: list[tuple[int, int, str]] = []
    count = 0
    for found in diagnostics:
        own = [_place(edit, starts, mark) for edit in found.edits if edit.span.file == file]
        if not own or len(own) < len(found.edits) or any(_touch(one, other) for one in own for other in made):
            continue
        made += own
        count += 1
    for start, end, new in sorted(made, reverse=True):
        text = text[:start] + new + text[end:]
    return text, count


def _place(edit: Edit, starts: list[int], mark: bool) -> tuple[int, int, str]:
    span = edit.span
    return (
        starts[span.line - 1] + span.column - 1 + (mark and span.line == 1),
        starts[span.end_line - 1] + span.end_column - 1 + (mark and span.end_line == 1),
        edit.text,
    )


def _touch(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
