"""HTML and SVG elements. What is not `Html` already is escaped: text from specs and data cannot become markup."""

from __future__ import annotations

import html
import re

VOID = frozenset({"meta", "br", "img"})
"""HTML elements without an end tag."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters that no HTML file may hold."""


class Html(str):
    """Text that is markup."""

    __slots__ = ()


def escape(text: str) -> Html:
    """Text as markup that shows it; what cannot be written in UTF-8 or HTML becomes a replacement character."""
    if isinstance(text, Html):
        return text
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return Html(html.escape(CONTROL.sub("\ufffd", plain)))


def join(*children: str | None, by: str = "") -> Html:
    """Children one after another; None is left out."""
    return Html(by.join(escape(child) for child in children if child is not None))


def tag(name: str, /, *children: str | None, **attributes: object) -> Html:
    """An element. In the names of attributes `_` stands for `-` and a last `_` for nothing; None leaves one out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>" if name in VOID else f"<{name}{said}>{join(*children)}</{name}>")


def _text(value: object) -> str:
    """An attribute; coordinates have two digits, which is finer than a screen."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
