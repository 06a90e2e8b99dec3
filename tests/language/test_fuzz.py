"""Random damage to good specs: the parser never raises, and every finding lies inside the file."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from nnspec.diagnostics.render import render_json, render_text
from nnspec.language import tables
from nnspec.language.lexer import Lexer
from nnspec.language.parser import parse
from tests.soak import FACTOR

from .shorthand import ACCEPTANCE

EXAMPLES = 150 * FACTOR

CORPUS = [path.read_text(encoding="utf-8") for path in ACCEPTANCE]
LEXER = Lexer(tables.load().terminals)
WORDS = [[token.text for token in LEXER.scan(text, "f").tokens] for text in CORPUS]
STRANGE = ["elif", "`", ";", "\u200b", "é", "def", "**", "nnspec", "else", "{", "}", "(", ")", "[", "]", "=", "\n", "'"]


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """A spec with some bytes changed."""
    text = bytearray(draw(st.sampled_from(CORPUS)).encode())
    for _ in range(draw(st.integers(1, 8))):
        text[draw(st.integers(0, len(text) - 1))] = draw(st.integers(0, 255))
    return bytes(text)


@st.composite
def damaged_words(draw: st.DrawFn) -> str:
    """A spec with some tokens deleted, doubled, swapped or replaced."""
    words = list(draw(st.sampled_from(WORDS)))
    for _ in range(draw(st.integers(1, 8))):
        one, other = draw(st.integers(0, len(words) - 1)), draw(st.integers(0, len(words) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                words[one] = ""
            case 1:
                words.insert(one, words[other])
            case 2:
                words[one], words[other] = words[other], words[one]
            case _:
                words[one] = draw(st.sampled_from(STRANGE))
    return draw(st.sampled_from(["", " "])).join(words)


@st.composite
def spliced(draw: st.DrawFn) -> str:
    """The beginning of one spec and the end of another."""
    one, other = draw(st.sampled_from(CORPUS)), draw(st.sampled_from(CORPUS))
    return one[: draw(st.integers(0, len(one)))] + other[draw(st.integers(0, len(other))) :]


def check(text: str | bytes) -> None:
    """Parses and renders `text`; the findings must have places in it."""
    started = time.process_time()
    found = parse(text, "f")[1]
    assert time.process_time() - started < 2
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    lines = shown.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for one in found:
        span = one.span
        assert span is not None
        assert 1 <= span.line <= span.end_line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert span.end_column <= len(lines[span.end_line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
    assert render_text(found, {"f": shown}).isprintable() is not bool(found)
    assert render_json(found)


@settings(max_examples=EXAMPLES, deadline=None)
@given(damaged_bytes())
def test_changed_bytes(text: bytes) -> None:
    check(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(damaged_words())
def test_changed_tokens(text: str) -> None:
    check(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(spliced())
def test_splices(text: str) -> None:
    check(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check(text)
    check("nnspec 1\nmodel m {\n" + text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    check(text)
