"""The text of a spec with light colours."""

from __future__ import annotations

import re

from nnspec.report.markup import Html, escape, join, tag

WORDS = (
    "nnspec|use|block|model|data|train|export|require|input|output|target|layer|let|if|else|repeat|for|in|as|and|or|not"
)
PATTERN = re.compile(
    rf"""(?P<comment>\#[^\n]*)
    |(?P<text>"[^"\n]*"?|'[^'\n]*'?)
    |(?P<number>(?<![\w.])\d[\w.]*(?:(?<=[eE])-\d+)?)
    |(?P<constant>\b(?:true|false|none)\b)
    |(?P<word>(?:^|(?<=[{{\s]))(?:{WORDS})\b(?!\s*[=(]))
    |(?P<key>^\s*[a-z_]\w*(?=\s*=[^=]))
    |(?P<call>[A-Za-z_]\w*(?=\()|(?<=->)\s*[A-Za-z_]\w*)
    |(?P<arrow>->)""",
    re.VERBOSE | re.MULTILINE,
)


def highlighted(text: str) -> Html:
    """The same text, character by character, with a span around what has a colour."""
    parts: list[str] = []
    end = 0
    for match in PATTERN.finditer(text):
        parts += [escape(text[end : match.start()]), tag("span", match[0], class_=match.lastgroup)]
        end = match.end()
    return join(*parts, text[end:])
