"""One code of the catalogue, and how it is shown."""

from __future__ import annotations

from textwrap import fill, indent
from typing import NamedTuple


class Entry(NamedTuple):
    """What a code means, with a failing and a mended example."""

    code: str
    title: str
    explanation: str
    failing: str
    mended: str
    shell: bool = False
    """True where no spec text can raise the code: the examples are lines of a shell instead of whole specs."""


def explained(entry: Entry) -> str:
    """The entry as text: title, explanation, both examples."""
    paragraphs = [fill(" ".join(part.split()), 100) for part in entry.explanation.split("\n\n")]
    return "\n\n".join(
        [
            f"{entry.code}: {entry.title}",
            *paragraphs,
            "This is warned of:" if entry.code.startswith("W") else "This fails:",
            indent(entry.failing.strip("\n"), "    "),
            "This works:",
            indent(entry.mended.strip("\n"), "    ") + "\n",
        ]
    )
