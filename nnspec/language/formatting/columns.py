"""What stands in columns: the `=` of the settings in a section, and the comments behind lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.language.formatting.pieces import Statement
from nnspec.language.formatting.spelling import Line, text_of
from nnspec.language.tokens import Token

GAP = 2
"""Blanks between a line and the comment behind it, at least."""
FAR = 80
"""A longer line has its comment right behind it: those of its neighbours do not move for it."""


def key_widths(statements: Sequence[Statement]) -> Iterator[int]:
    """For each entry of a section how wide its key is written: as wide as the widest up to the next empty line."""
    group: list[int] = []
    for statement in statements:
        if statement.blank and group:
            yield from [max(group)] * len(group)
            group = []
        group.append(_key_width(statement))
    yield from [max(group, default=0)] * len(group)


def is_setting(statement: Statement) -> bool:
    """Whether this is `key = value`."""
    second = statement.parts[1] if len(statement.parts) > 1 else None
    return isinstance(second, Token) and second.kind == "EQUAL"


def _key_width(statement: Statement) -> int:
    key = statement.parts[0]
    return len(key.text) if is_setting(statement) and isinstance(key, Token) else 0


def written(lines: Sequence[Line]) -> Iterator[str]:
    """The lines as text. Comments stand in one column from one empty line to the next: that of the leftmost, or
    further right where a line needs the room."""
    group: list[Line] = []
    for line in lines:
        if line.blank:
            yield from _aligned(group)
            yield ""
            group = []
        group.append(line)
    yield from _aligned(group)


def _aligned(group: Sequence[Line]) -> Iterator[str]:
    near = [line for line in group if line.comment and len(line.text) <= FAR]
    room = max((len(line.text) + GAP for line in near), default=0)
    column = max(room, min((line.comment.column - 1 for line in near if line.comment), default=0))
    for line in group:
        if line.comment:
            width = column if len(line.text) <= FAR else len(line.text) + GAP
            yield f"{line.text.ljust(width)}{text_of(line.comment)}"
        else:
            yield line.text
