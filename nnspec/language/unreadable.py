"""What to say about text that is no word, number, string or sign of the language."""

from __future__ import annotations

import re

from nnspec.diagnostics.errors import Fault
from nnspec.language.tokens import FOREIGN, MALFORMED_NUMBER, STRAY, UNCLOSED_STRING, Token

REPLACEMENTS = {
    ";": "a statement ends at the line's end: delete the `;`, or begin a new line",
    "&": "write `and`",
    "|": "write `or`; layers are joined with `->`",
    "!": "write `not`",
    "?": "write `if … { … } else { … }` as a statement",
    "^": "there are no bit operators and no powers",
    "\\": "a line flows on inside brackets, and where the next one begins with `->` or an operator",
    "“": 'strings stand in straight quotes: "…"',
    "”": 'strings stand in straight quotes: "…"',
    "‘": "strings stand in straight quotes: '…'",
    "’": "strings stand in straight quotes: '…'",
    "→": "write `->`",
    "–": "write `-`",
    "—": "write `-`",
    "−": "write `-`",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
}


MENDED = {
    "&&": "and",
    "||": "or",
    "→": "->",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "*",
    "·": "*",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
}
"""What stands for one sign of the language, whatever is around it."""
KINDS = frozenset({MALFORMED_NUMBER, UNCLOSED_STRING, FOREIGN, STRAY})


def explain(token: Token) -> Fault:
    """The fault in a token of one of these KINDS."""
    text = token.text
    if token.kind == MALFORMED_NUMBER:
        return malformed_number(text)
    if token.kind == UNCLOSED_STRING:
        return Fault("E109", "this string is not closed", f"close it with {text[0]} on the same line")
    if text in MENDED:
        return Fault("E106", f"`{text[0]}` is not a sign of the language", REPLACEMENTS[text[0]], fix=MENDED[text])
    foreign = next((character for character in text if not character.isascii()), text[0])
    if foreign in REPLACEMENTS:
        return Fault("E106", f"`{foreign}` is not a sign of the language", REPLACEMENTS[foreign])
    if not foreign.isascii() and not foreign.isprintable():
        return Fault(
            "E106", f"the invisible character U+{ord(foreign):04X} stands here", "delete it, or write a plain space"
        )
    if foreign.isalnum():
        message = f"the name `{shortened(text)}` has the character `{foreign}` (U+{ord(foreign):04X})"
        return Fault("E111", message, "names are made of the letters a to z, digits and `_`")
    return Fault("E106", f"`{foreign}` is not a sign of the language")


def malformed_number(text: str) -> Fault:
    """What is wrong with a word that begins with a digit."""
    message = f"`{shortened(text)}` is not a number"
    if unit := re.fullmatch(r"([0-9.]+)([kMG]?B|[kMG])", text):
        apart = f"{unit[1]} {unit[2]}"
        return Fault("E107", message, f"a unit stands apart: `{apart}`", fix=apart if "B" in apart else None)
    if text.endswith("."):
        return Fault("E107", message, f"write `{shortened(text)}0` or `{shortened(text[:-1])}`")
    if text[:2].lower() in ("0x", "0b", "0o"):
        return Fault("E107", message, "numbers are written with the base ten")
    if re.fullmatch(r"[0-9][A-Za-z0-9_]*", text) and not re.fullmatch(r"[0-9_]+", text):
        return Fault("E107", message, "a name cannot begin with a digit; numbers look like 16, 1_000, 0.5 or 3e-4")
    return Fault("E107", message, "numbers look like 16, 1_000, 0.5 or 3e-4")


def shortened(text: str) -> str:
    """`text`, at a length that fits a message."""
    return text if len(text) <= 40 else text[:37] + "…"
