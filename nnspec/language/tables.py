"""The parse tables: what the grammar says, in the form that the scanner and the parser run on.

Lark computes them in 30 ms and takes as long to import. So they are kept beside this file, together with the text of
the grammar that they were computed from: a grammar that was edited since is computed anew, and no run of an installed
nnspec imports Lark. `python -m nnspec.language.generate` renews the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent.parent
TABLES = PACKAGE / "language" / "tables.json"


class Terminal(NamedTuple):
    """One kind of token."""

    kind: str
    pattern: str
    literal: bool
    """True where `pattern` is the text itself, False where it is a regular expression."""
    ignored: bool


class Rule(NamedTuple):
    """One line of the grammar, as the parser needs it when the whole right side has been read."""

    origin: str
    action: str
    """The name behind `->` in the grammar, or the rule's own; empty for a rule whose only child takes its place."""
    size: int
    kept: tuple[int, ...]
    """The parts of the right side that reach the action; `~i` says that part `i` is a list to be spliced."""


class Tables(NamedTuple):
    """The whole grammar."""

    terminals: tuple[Terminal, ...]
    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]
    """Per state, symbol -> next state, or `~rule` where the rule is complete. State 0 begins a file."""
    final: int
    """The state in which the end of the file completes it."""


def grammar_path() -> Path:
    """The grammar file: inside the package when installed, beside it in a checkout."""
    installed = PACKAGE / "grammar" / "nnspec.lark"
    return installed if installed.exists() else PACKAGE.parent / "grammar" / "nnspec.lark"


def load() -> Tables:
    """The tables of the grammar as it stands."""
    grammar = grammar_path().read_text(encoding="utf-8")
    return _stored(grammar) or _computed(grammar)


def _stored(grammar: str) -> Tables | None:
    try:
        stored = json.loads(TABLES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if stored["grammar"] != grammar:
        return None
    return Tables(
        tuple(Terminal(*row) for row in stored["terminals"]),
        tuple(Rule(origin, action, size, tuple(kept)) for origin, action, size, kept in stored["rules"]),
        tuple(stored["states"]),
        stored["final"],
    )


def _computed(grammar: str) -> Tables:
    from nnspec.language.generate import compute

    return compute(grammar)
