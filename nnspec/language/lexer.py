"""Text to tokens, in one pass of one regular expression that is put together from the terminals of the grammar."""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.language import limits
from nnspec.language.tables import Terminal
from nnspec.language.tokens import (
    ARROW,
    END,
    FOREIGN,
    MALFORMED_NUMBER,
    NEWLINE,
    STRAY,
    UNCLOSED_STRING,
    Rejected,
    Token,
)

COMMENT = "COMMENT"
UNREADABLE = {
    MALFORMED_NUMBER: r"[0-9][A-Za-z0-9_.]*",
    UNCLOSED_STRING: r"[\"'][^\n]*",
    FOREIGN: r"[^\x00-\x7f][^\x00-\x2f:-@\[-^`{-\x7f]*",
    STRAY: r"[!$&;?\\^`|~]+|.",
}
"""What no terminal matches, tried behind all of them. FOREIGN is a word from its first character outside ASCII on."""


class Scanned(NamedTuple):
    """The tokens of a file, every newline and the end among them; the comments stand apart, for the formatter."""

    tokens: list[Token]
    comments: list[Token]


class Lexer:
    """A scanner for the terminals of a grammar."""

    def __init__(self, terminals: tuple[Terminal, ...]) -> None:
        words = {
            terminal.pattern: terminal.kind for terminal in terminals if terminal.literal and terminal.pattern.isalpha()
        }
        signs = {terminal.kind: re.escape(terminal.pattern) for terminal in terminals if terminal.literal}
        signs = {kind: sign for kind, sign in signs.items() if kind not in words.values()}
        rest = {terminal.kind: terminal.pattern for terminal in terminals if not terminal.literal}
        blanks = rest.pop("BLANKS")
        patterns = {ARROW: signs.pop(ARROW)} | rest | signs | UNREADABLE
        groups = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in patterns.items())
        self._words = words
        self._scanner = re.compile(rf"(?:{blanks})?(?:{groups}|\Z)")

    def scan(self, text: str, path: str) -> Scanned:
        """The tokens and comments of `text`; what cannot be read becomes a token too."""
        self._refuse_too_many(text, path)
        tokens: list[Token] = []
        comments: list[Token] = []
        append, words = tokens.append, self._words
        line, line_start = 1, -1
        for match in self._scanner.finditer(text):
            kind = match.lastgroup
            if kind is None:
                break
            word = match[kind]
            column = match.start(kind) - line_start
            if kind == "NAME":
                append(Token(words.get(word, kind), word, line, column))
            elif kind == NEWLINE:
                append(Token(kind, word, line, column))
                line, line_start = line + 1, match.start(kind)
            elif kind == COMMENT:
                comments.append(Token(kind, word, line, column))
            elif kind == FOREIGN:
                append(_whole_word(Token(kind, word, line, column), tokens))
            else:
                append(Token(kind, word, line, column))
        append(Token(END, "", line, len(text) - line_start))
        return Scanned(tokens, comments)

    def _refuse_too_many(self, text: str, path: str) -> None:
        if len(text) <= limits.TOKENS:
            return
        first_too_many = next(islice(self._scanner.finditer(text), limits.TOKENS, None), None)
        if first_too_many is not None:
            line = text.count("\n", 0, first_too_many.start()) + 1
            fault = Fault("E123", f"this file has more than {limits.TOKENS:,} words and signs".replace(",", "_"))
            raise Rejected(fault.at(Span(path, line, 1, line, 1)))


def _whole_word(end: Token, tokens: list[Token]) -> Token:
    """A word that ends in foreign letters, together with its ASCII beginning, which was taken for a name."""
    if end.text[0].isalnum() and tokens and (tokens[-1].line, tokens[-1].end_column) == (end.line, end.column):
        beginning = tokens[-1]
        if beginning.text[-1].isalnum() or beginning.text[-1] == "_":
            tokens.pop()
            return Token(end.kind, beginning.text + end.text, end.line, beginning.column)
    return end
