"""Colours in the text of a spec."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from nnspec.report.highlight import highlighted
from nnspec.report.markup import CONTROL


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_character_stays(text: str) -> None:
    assert plain(highlighted(text)) == CONTROL.sub("\ufffd", text)


def test_colours() -> None:
    text = highlighted('model m(size = 1) {  # a "comment"\n  input x: float32[N, 4]\n  x -> dense(size) -> relu\n}')
    for kind, words in [
        ("word", "model"), ("word", "input"), ("number", "1"), ("comment", "# a &quot;comment&quot;"),
        ("call", " dense"), ("arrow", "-&gt;"), ("call", " relu"),
    ]:  # fmt: skip
        assert f'<span class="{kind}">{words}</span>' in text
