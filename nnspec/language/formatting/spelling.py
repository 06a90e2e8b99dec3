"""Tokens as they are written, the blanks between them, and the lines that they become."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nnspec.language.formatting.pieces import COMMENT
from nnspec.language.tokens import NAMES, OPERAND_ENDS, Token

TIGHT_AFTER = frozenset({"LPAR", "LSQB", "DOT"})
TIGHT_BEFORE = frozenset({"RPAR", "RSQB", "COMMA", "COLON", "DOT"})


@dataclass(slots=True)
class Line:
    """One line of the result, and the comment behind it."""

    text: str
    comment: Token | None = None
    blank: bool = False
    """Whether an empty line is before it."""


def text_of(token: Token) -> str:
    """The one way to write a token: strings in double quotes where that needs no escape, `1e-5` with a small e."""
    text = token.text
    if token.kind == "STRING":
        plain = text[0] == "'" and '"' not in text and "\\" not in text
        return f'"{text[1:-1]}"' if plain else text
    if token.kind == "NUMBER":
        return text.lower()
    return re.sub(r"^(#+)(?=\w)", r"\1 ", text.rstrip()) if token.kind == COMMENT else text


def blanks(tokens: Sequence[Token]) -> list[str]:
    """For each token of a statement what stands before it on its line: a blank or nothing."""
    found = [""]
    before, sign = tokens[0], tokens[0].kind == "MINUS"
    for token in tokens[1:]:
        if token.kind == COMMENT:
            found.append("")
            continue
        indexed = token.kind in ("LPAR", "LSQB") and before.kind in NAMES
        tight = sign or indexed or before.kind in TIGHT_AFTER or token.kind in TIGHT_BEFORE
        found.append("" if tight else " ")
        sign = token.kind == "MINUS" and before.kind not in OPERAND_ENDS
        before = token
    return found
