"""What to say about a token that cannot stand where it does: what the writer may have meant, else what was expected."""

from __future__ import annotations

from nnspec.diagnostics.errors import Fault
from nnspec.language import unreadable
from nnspec.language.hints import HINTS
from nnspec.language.situation import Situation
from nnspec.language.tokens import ARROW, END, ERROR, NEWLINE

PHRASES = {
    "EQUAL": "`=`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "IN": "`in`",
    "_NL": "the end of the line",
}
"""How the signs are called, in the order in which they are offered."""
LINES = {
    "item": "use, block, model or a section",
    "statement": "a statement",
    "setting": "a setting, `key = value`",
    "training_entry": "a setting, `key = value`, or `target name: type`",
    "requirement": "a comparison, `params <= 1_000`, or a signature, `output name: float32[N, 3]`",
}


def explain(situation: Situation) -> Fault:
    """The fault at the token where the parser stopped."""
    found = situation.found
    if found.kind == ERROR and found.fault:
        return found.fault
    if found.kind in unreadable.KINDS:
        strange = unreadable.explain(found)
        if found.text == ";" and situation.after.kind in (NEWLINE, END):
            strange.fix = ""
        return strange
    for hint in HINTS:
        if fault := hint(situation):
            return fault
    wanted = expected(situation)
    help = "the right side of `->` is one layer, such as `dense(64)`" if wanted == "a layer" else ""
    return Fault("E101", f"expected {wanted}, found {situation.shown()}", help)


def expected(situation: Situation) -> str:
    """The words for what could have come next."""
    wanted = situation.wanted
    if situation.at_start:
        return LINES[situation.place]
    if "NUMBER" in wanted:
        return "a value"
    phrases = [phrase for kind, phrase in PHRASES.items() if kind in wanted]
    if "NAME" in wanted and "COMMA" not in wanted and not phrases:
        layer = situation.before.kind == ARROW or situation.start.kind == "LAYER"
        return "a layer" if layer and situation.before.kind != "LAYER" else "a name"
    return " or ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)
