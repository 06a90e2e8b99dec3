"""The lexer for Pygments, and the grammar that editors colour by."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Keyword, Name, Text

from nnspec.editors.pygments_lexer import CONSTANTS, DECLARATIONS, STATEMENTS, NnspecLexer
from nnspec.language import tables

ROOT = Path(__file__).parent.parent.parent
SPECS = sorted(path for folder in ("specs", "nnspec/std", "tests/acceptance") for path in (ROOT / folder).rglob("*.nn"))
EXTENSION = ROOT / "grammar" / "vscode"
WORDS = {t.pattern for t in tables.load().terminals if t.literal and t.pattern.isalpha()}


def test_the_words_are_those_of_the_grammar() -> None:
    assert {*DECLARATIONS, *STATEMENTS, *CONSTANTS, "and", "or", "not"} == WORDS


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_every_token_of_a_spec_has_a_colour(path: Path) -> None:
    text = path.read_text()
    found = list(NnspecLexer(ensurenl=False, stripnl=False).get_tokens(text))
    assert "".join(piece for _, piece in found) == text
    assert not [piece for kind, piece in found if kind in (Error, Text)]


def test_words_are_keywords_where_they_mean_something() -> None:
    found = dict(
        reversed([(piece, kind) for kind, piece in NnspecLexer().get_tokens("model m {\n  input x: float32[N]\n}\n")])
    )
    assert found["model"] is Keyword.Declaration and found["m"] is Name.Class and found["float32"] is Keyword.Type
    keys = [kind for kind, piece in NnspecLexer().get_tokens("data {\n  input = 3\n}\n") if piece == "input"]
    assert keys == [Name.Attribute]


def test_pygments_finds_it_by_its_name() -> None:
    assert isinstance(get_lexer_by_name("nnspec"), NnspecLexer)
    done = subprocess.run(
        [Path(sys.executable).parent / "pygmentize", "-l", "nnspec", "-f", "html", ROOT / "specs" / "iris.nn"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '<span class="nc">iris</span>' in done.stdout


def test_the_grammar_for_editors_knows_the_same_words() -> None:
    grammar = json.loads((EXTENSION / "syntaxes" / "nnspec.tmLanguage.json").read_text())
    patterns = [part["match"] for part in grammar["patterns"] if "match" in part]
    for pattern in patterns:
        re.compile(pattern)
    joined = " ".join(patterns)
    assert all(re.search(rf"\b{word}\b", joined) for word in WORDS)


def test_what_the_extension_names_is_there() -> None:
    package = json.loads((EXTENSION / "package.json").read_text())
    named = ["extension.js", package["contributes"]["languages"][0]["configuration"]]
    named += [grammar["path"] for grammar in package["contributes"]["grammars"]]
    assert all((EXTENSION / path).is_file() for path in named)
    json.loads((EXTENSION / "language-configuration.json").read_text())
