"""The fenced blocks of the Markdown pages, and what each must do.

A block of `nnspec` is a whole spec that checks clean. Words behind it change that: `fragment` is the body of a model,
`fails E201` has exactly that error, `file=blocks/own.nn` is a file that the other blocks of the page can use, and
`settings` are lines of a train section, each on its own. What the others must do is in runner.py, and in test_walks.py.
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
    def settings(self) -> list[str]:
        """The settings of a block of them, with the lines that belong to each."""
        return re.findall(r"^\w+ *=.*\n(?:[ \])}].*\n)*", self.text, re.MULTILINE)

    @property
    def codes(self) -> set[str]:
        """The errors that it must have."""
        return {after for word, after in zip(self.words, self.words[1:], strict=False) if word == "fails"}

    def after(self, word: str) -> str | None:
        """The word behind another one."""
        pairs = zip(self.words, self.words[1:], strict=False)
        return next((second for first, second in pairs if first == word), None)

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
