"""Every code is explained, and every example does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nnspec
from nnspec.diagnostics.catalogue import CATALOGUE, FAMILIES, explain
from nnspec.diagnostics.errors import Fault
from nnspec.language.parser import parse

SYNTAX = [entry for entry in CATALOGUE.values() if entry.code.startswith("E1") and not entry.shell]
PACKAGE = Path(nnspec.__file__).parent


@pytest.mark.parametrize("entry", SYNTAX, ids=lambda entry: entry.code)
def test_the_failing_example_has_this_error_alone(entry) -> None:
    assert [found.code for found in parse(entry.failing, "f")[1]] == [entry.code]


@pytest.mark.parametrize("entry", SYNTAX, ids=lambda entry: entry.code)
def test_the_mended_example_has_none(entry) -> None:
    assert parse(entry.mended, "f")[1] == []


def test_every_code_of_the_language_is_in_the_catalogue() -> None:
    used = {
        code
        for path in (PACKAGE / "language").glob("*.py")
        for code in re.findall(r'"(E\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert used == {code for code in CATALOGUE if code.startswith("E1")}


def test_codes_are_unique() -> None:
    assert sum(len(family) for family in FAMILIES) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_explanations_are_complete(code: str) -> None:
    text = explain(code.lower())
    assert text.startswith(f"{code}: ")
    first = "This fails:" if code.startswith("E") else "This is warned of:"
    assert text.index(first) < text.index("This works:")
    assert not CATALOGUE[code].title.endswith(".")


def test_an_unknown_code_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Fault, match="there is no code `E999`") as caught:
        explain("E999")
    assert "E101" in caught.value.help
