"""The fenced blocks of the Markdown pages, and what each must do.

A block of `nnspec` is a whole spec that checks clean. Words behind it change that: `fragment` is the body of a model,
`fails E201` has exactly that error, `file=blocks/own.nn` is a file that the other blocks of the page can use.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(path for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if path.exists())
FENCE = re.compile(r"^( *)```(\w*) ?([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def spec(self) -> str:
        """The text as a whole file."""
        return f"nnspec 1\n\nmodel fragment {{\n{self.text}}}\n" if "fragment" in self.words else self.text

    @property
    def codes(self) -> set[str]:
        """The errors that it must have."""
        return {after for word, after in zip(self.words, self.words[1:], strict=False) if word == "fails"}

    @property
    def file(self) -> str | None:
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)


def snippets(page: Path, language: str = "") -> list[Snippet]:
    """The blocks of a page, of one language or of all."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in FENCE.finditer(text):
        margin, kind, words, content = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        found.append(Snippet(page, line, kind, tuple(words.split()), _shifted(content, len(margin))))
    return [snippet for snippet in found if not language or snippet.language == language]


def _shifted(text: str, by: int) -> str:
    """The text of a block in a list, without the margin of the list."""
    return re.sub(rf"^ {{{by}}}", "", text, flags=re.MULTILINE)


class Command(NamedTuple):
    """A line of a console block that begins with `$`, and the output that is shown below it."""

    line: str
    shown: str


def commands(snippet: Snippet) -> list[Command]:
    found: list[Command] = []
    for line in snippet.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ""))
        elif found:
            found[-1] = Command(found[-1].line, found[-1].shown + line + "\n")
    return found
