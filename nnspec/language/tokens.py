"""What the scanner hands on, and the families of tokens that layout, recovery and messages speak of."""

from __future__ import annotations

from typing import NamedTuple

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.diagnostics.span import Span


class Token(NamedTuple):
    """One word, number, string or sign. `kind` is its terminal in the grammar, or one of the kinds below."""

    kind: str
    text: str
    line: int
    column: int
    fault: Fault | None = None
    """What is wrong, in a token of kind ERROR."""

    @property
    def end_column(self) -> int:
        """The column behind its last character."""
        return self.column + len(self.text)

    def span(self, path: str) -> Span:
        """Its place in the file at `path`."""
        return Span(path, self.line, self.column, self.line, self.end_column)


class Rejected(Exception):
    """The file cannot be read at all: no other finding about it would be of use."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


NEWLINE = "_NL"
ARROW = "_ARROW"
END = "$END"
"""The end of the file."""
ERROR = "ERROR"
"""A fault in the layout. The parser reports it, unless its statement has been reported already."""
MALFORMED_NUMBER = "MALFORMED_NUMBER"
UNCLOSED_STRING = "UNCLOSED_STRING"
FOREIGN = "FOREIGN"
STRAY = "STRAY"
BROKEN = "BROKEN"
BROKEN_HEADER = "BROKEN_HEADER"

SECTION_WORDS = frozenset({"DATA", "TRAIN", "EXPORT", "REQUIRE"})
DEFINITION_WORDS = frozenset({"MODEL", "BLOCK"})
ITEM_WORDS = SECTION_WORDS | DEFINITION_WORDS | {"USE"}
NAMES = ITEM_WORDS | {"NAME", "NNSPEC", "TARGET"}
"""Tokens that can be a name anywhere below the file level."""

HEADER_WORDS = frozenset({"IF", "ELSE", "REPEAT", "FOR"})
"""What is followed by a body in braces, within a body."""
STATEMENT_WORDS = frozenset({"INPUT", "OUTPUT", "LAYER", "LET", "IF", "REPEAT", "FOR"})
CONSTANTS = frozenset({"TRUE", "FALSE", "NONE"})
RESERVED = STATEMENT_WORDS | CONSTANTS | {"ELSE", "IN", "AS", "AND", "OR", "NOT"}

OPERATORS = frozenset({ARROW, "PLUS", "MINUS", "MULTIPLY", "COMPARE", "AND", "OR"})
OPERAND_STARTS = NAMES | CONSTANTS | {"NUMBER", "STRING"}
"""What begins an operand and can follow none."""
OPERAND_ENDS = OPERAND_STARTS | {"RPAR", "RSQB"}
BEFORE_A_DICTIONARY = frozenset({"EQUAL", "LPAR", "LSQB", "COMMA", "COLON", ARROW})
"""What a `{` can follow that was meant as a value, and not as the body of a header."""

CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
OPENERS = {closer: opener for opener, closer in CLOSERS.items()}
