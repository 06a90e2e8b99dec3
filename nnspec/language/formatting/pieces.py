"""Statements as the formatter sees them: tokens and comments in their order, with the bodies in braces nested."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnspec.language.tokens import END, NEWLINE, Token

COMMENT = "COMMENT"


@dataclass(slots=True)
class Body:
    """`{ … }`, with what stands in it."""

    opening: Token
    statements: list[Statement] = field(default_factory=list)
    closing: Token | None = None
    head: Token | None = None
    """The comment behind the `{`."""


@dataclass(slots=True)
class Statement:
    """What stands between two ends of lines: tokens, comments, and bodies; or one comment on lines of its own."""

    parts: list[Token | Body]
    blank: bool = False
    """Whether an empty line is before it."""

    @property
    def comment(self) -> bool:
        """Whether this is a comment alone."""
        first = self.parts[0]
        return isinstance(first, Token) and first.kind == COMMENT


def statements(tokens: list[Token], comments: list[Token]) -> list[Statement]:
    """The statements of a file that has no errors; `tokens` come from the layout pass."""
    return _Reader(tokens, comments).body()


class _Reader:
    def __init__(self, tokens: list[Token], comments: list[Token]) -> None:
        self.tokens = sorted([*tokens, *comments], key=lambda token: (token.line, token.column))
        self.index = 0
        self.occupied = {token.line for token in self.tokens if token.kind not in (NEWLINE, END)}
        self.following: list[Token] = [token for token in self.tokens if token.kind == END] * len(self.tokens)
        """For each index the next token from there on that is no comment."""
        for index in range(len(self.tokens) - 1, -1, -1):
            token = self.tokens[index]
            self.following[index] = self.following[index + 1] if token.kind == COMMENT else token

    def body(self) -> list[Statement]:
        """The statements up to the brace that closes them, or the end."""
        found: list[Statement] = []
        while self.tokens[self.index].kind not in ("RBRACE", END):
            token = self.tokens[self.index]
            if token.kind == NEWLINE:
                self.index += 1
                continue
            blank = bool(found) and token.line - 1 not in self.occupied
            if token.kind == COMMENT:
                self.index += 1
                found.append(Statement([token], blank))
            else:
                found.append(Statement(self._parts(), blank))
        return found

    def _parts(self) -> list[Token | Body]:
        parts: list[Token | Body] = []
        line = self.tokens[self.index].line
        while True:
            token = self.tokens[self.index]
            if token.kind in (NEWLINE, "RBRACE", END):
                return parts
            if token.kind == COMMENT and token.line > line and not self._goes_on():
                return parts
            self.index += 1
            if token.kind == "LBRACE":
                parts.append(self._nested(token))
                line = self.tokens[self.index - 1].line
            else:
                parts.append(token)
                line = token.line

    def _goes_on(self) -> bool:
        """Whether the statement goes on below the comments that come now."""
        return self.following[self.index].kind not in (NEWLINE, "RBRACE", END)

    def _nested(self, opening: Token) -> Body:
        body = Body(opening)
        if self.tokens[self.index].kind == COMMENT and self.tokens[self.index].line == opening.line:
            body.head = self.tokens[self.index]
            self.index += 1
        body.statements = self.body()
        body.closing = self.tokens[self.index]
        self.index += 1
        return body
