"""Words that the messages about data share. Import-light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LISTED = 12
"""How many names a message lists before it says how many more there are."""


def quoted(value: object, length: int = 40) -> str:
    """A cell, name or class as a message shows it: quoted if it is text, cut if it is long."""
    text = repr(value)
    return text if len(text) <= length else f"{text[: length - 4]}...{text[-1]}"


def listed(names: Iterable[object]) -> str:
    """`a, b, c and 4 more`."""
    every = [name if isinstance(name, str) else repr(name) for name in names]
    shown = ", ".join(name if len(name) <= 60 else f"{name[:57]}..." for name in every[:LISTED])
    return f"{shown} and {len(every) - LISTED} more" if len(every) > LISTED else shown


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that somebody who wrote `name` most likely meant."""
    folded = {other.strip().lower(): other for other in known}
    if name.strip().lower() in folded:
        return folded[name.strip().lower()]
    close = get_close_matches(name[:200], known[:1000], n=1, cutoff=0.6)
    return close[0] if close else None


def suggestion(name: str, known: Sequence[str], has: str) -> str:
    """Help for an unknown name: `did you mean 'a'? {has}: a, b, c`."""
    meant = nearest(name, known)
    start = f"did you mean {meant!r}? " if meant is not None else ""
    return f"{start}{has}: {listed(quoted(other) for other in known)}" if known else start.strip()


def size_text(count: int) -> str:
    """A number of bytes: `1.5 MiB`."""
    for unit, scale in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count // scale} {unit}" if count >= 10_000 * scale else f"{count / scale:.1f} {unit}"
    return f"{count} bytes"
