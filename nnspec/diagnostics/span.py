"""A place in a spec file."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range of characters in one file; lines and columns count code points from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The range from the start of this one to the end of `other`."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
