"""Phrases that many messages share."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

CANDIDATES = 1_000
"""Names that are looked through for the nearest one; a spec with more was not typed by hand."""
LONGEST = 100
"""Characters of a name that is looked for at all; comparing takes their square."""
SHOWN = 12


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that `name` most likely stands for, or an empty text."""
    if len(name) > LONGEST:
        return ""
    close = get_close_matches(name, list(islice(known, CANDIDATES)), n=1, cutoff=cutoff)
    return close[0] if close else ""


def suggestion(name: str, known: Iterable[str], otherwise: str) -> str:
    """A help that offers the nearest known name; without one, `otherwise` and all of them."""
    names = list(known)
    close = nearest(name, names)
    return f"did you mean {close}?" if close else f"{otherwise} {listed(names)}"


def listed(names: Iterable[str]) -> str:
    """`a, b, c`, cut where it grows too long to be read; `none` for no names."""
    found = list(islice(names, SHOWN + 1))
    return ", ".join([*found[:SHOWN], *(["…"] if len(found) > SHOWN else [])]) or "none"


def counted(number: int, noun: str) -> str:
    """`1 value`, `3 values`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
