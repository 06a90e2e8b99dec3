"""The place where the parser stopped, as messages speak of it."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.language.tokens import CLOSERS, END, NEWLINE, OPENERS, Token
from nnspec.language.unreadable import shortened


@dataclass(slots=True)
class Situation:
    """The tokens around the one that cannot stand where it does."""

    tokens: list[Token]
    first: int
    """The index of the first token of the statement."""
    index: int
    place: str
    """What is being read: an `item`, a `statement`, a `setting`, a `training_entry` or a `requirement`."""
    wanted: set[str]
    """The kinds of tokens that could have come."""

    blamed: Token | None = None
    """Set by a message that speaks of another token than the one where the parser stopped."""

    @property
    def found(self) -> Token:
        return self.tokens[self.index]

    @property
    def before(self) -> Token:
        return self.tokens[self.index - 1]

    @property
    def after(self) -> Token:
        return self.tokens[min(self.index + 1, len(self.tokens) - 1)]

    @property
    def start(self) -> Token:
        return self.tokens[self.first]

    @property
    def at_start(self) -> bool:
        """Whether the statement has not even begun."""
        return self.index == self.first

    def adjacent(self) -> bool:
        """Whether no blank stands between the token and the one before."""
        return (self.before.line, self.before.end_column) == (self.found.line, self.found.column)

    def shown(self) -> str:
        """How the token is called in a message."""
        if self.found.kind == NEWLINE:
            return "the end of the line"
        if self.found.kind == END:
            return "the end of the file"
        return f"`{shortened(self.found.text)}`"

    def before_bracket(self) -> Token | None:
        """The token in front of the innermost bracket of this statement that is still open."""
        depth = 0
        for position in range(self.index - 1, self.first - 1, -1):
            kind = self.tokens[position].kind
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth < 0:
                return self.tokens[max(position - 1, self.first)]
        return None
