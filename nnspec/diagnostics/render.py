"""Findings as text for people and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from nnspec.diagnostics.errors import Diagnostic, Edit
from nnspec.diagnostics.span import Span

URL = "https://nnspec.dev/errors/"
"""Where the page of a code is found; the code follows."""
TAB = 4
WIDTH = 120
"""Source lines are shown up to this many columns; of a longer one, the part around the fault."""
COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "caret": "\x1b[1;31m", "place": "\x1b[1m", "help": "\x1b[36m"}
RESET = "\x1b[0m"
Paint = Callable[[str, str], str]
"""From a style and a text to the text as a terminal shows it."""


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file and place, each finding once; those without a place come first."""
    unique = dict.fromkeys(diagnostics)
    return sorted(unique, key=lambda found: (found.span is not None, found.span or (), found.code, found.message))


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """The machine format, version 1; a version only ever gains fields."""
    return json.dumps(
        {"version": 1, "diagnostics": [_record(found) for found in ordered(diagnostics)]}, indent=2, ensure_ascii=False
    )


def _record(found: Diagnostic) -> dict[str, Any]:
    span = found.span
    return {
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "help": found.help,
        "url": URL + found.code,
        "fix": [_edit(edit) for edit in found.edits] or None,
        "reached_from": [_place(span) for span in found.reached],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {**_place(edit.span), "text": edit.text}


def _place(span: Span) -> dict[str, Any]:
    file, line, column, end_line, end_column = span
    return {"file": file, "line": line, "column": column, "end_line": end_line, "end_column": end_column}


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, color: bool = False, count: bool = True
) -> str:
    """Each error with its source line, each warning on one line, and how many there are. `sources` leads from paths to
    texts."""
    found = ordered(diagnostics)
    if not found:
        return ""
    paint = _painted if color else _plain
    lines = {path: text.removeprefix("\ufeff").split("\n") for path, text in sources.items()}
    entries = [_entry(one, lines, paint) for one in found]
    return "\n".join([*entries, *([_count(found)] if count else []), ""])


def _entry(found: Diagnostic, lines: Mapping[str, Sequence[str]], paint: Paint) -> str:
    place = paint("place", f"{found.span}: ") if found.span else ""
    parts = [f"{place}{paint(found.severity, f'{found.severity}[{found.code}]')}: {_shown(found.message)}"]
    if found.severity == "warning":
        return f"{parts[0]}; {_shown(found.help)}" if found.help else parts[0]
    if found.span and found.span.line <= len(lines.get(found.span.file, ())):
        parts += _excerpt(found.span, found.label, lines[found.span.file][found.span.line - 1].rstrip("\r"), paint)
    elif found.label:
        parts.append(f"  note: {_shown(found.label)}")
    if found.help:
        parts.append(f"  {paint('help', 'help:')} {_shown(found.help)}")
    return "\n".join(parts)


def _excerpt(span: Span, label: str, line: str, paint: Paint) -> list[str]:
    """The source line, and the carets below it. A span of several lines is marked to the end of its first."""
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    before, marked, after = _window(_columns(line[:start]), line[start:end], line[end:])
    gutter = " " * len(str(span.line))
    carets = paint("caret", "^" * max(1, _width(marked)))
    source = f"  {span.line} | {before}{marked}{after}".rstrip()
    return [source, f"  {gutter} | {' ' * _width(before)}{carets} {_shown(label)}".rstrip()]


def _window(before: str, marked: str, after: str) -> tuple[str, str, str]:
    """The three parts of a line, printable, and cut so that they fit the width; what was cut away becomes `…`."""
    if len(before) + len(marked) + len(after) > WIDTH:
        if len(before) > WIDTH // 2:
            before = "…" + before[-(WIDTH // 2) :]
        room = WIDTH - len(before)
        if len(marked) + len(after) > room:
            marked, after = marked[:room], after[: max(room - len(marked), 0)] + "…"
    return before, _shown(marked), _shown(after)


def _columns(text: str) -> str:
    """`text` with its tabs drawn out to the next multiple of TAB, and nothing that moves the cursor."""
    return _shown(text.expandtabs(TAB))


def _shown(text: str) -> str:
    """`text` with every character that cannot be seen as its code, so that a file cannot write to the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return " " * TAB
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def _width(text: str) -> int:
    """Columns of a terminal: East Asian wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def _count(found: Sequence[Diagnostic]) -> str:
    counts = Counter(one.severity for one in found)
    return f"Found {' and '.join(_plural(number, severity) for severity, number in sorted(counts.items()))}."


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _plain(style: str, text: str) -> str:
    return text


def _painted(style: str, text: str) -> str:
    return f"{COLORS.get(style, '')}{text}{RESET}"
