"""The examples of the catalogue, through the whole check; and every code of the elaborator is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nnspec.ir
from nnspec.diagnostics.catalogue import CATALOGUE

from .shorthand import findings

ENTRIES = [entry for entry in CATALOGUE.values() if not entry.shell]
WHOLE = [entry for entry in ENTRIES if re.search(r"^(model|block) ", entry.mended, re.MULTILINE)]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.code)
def test_the_failing_example_has_this_error_alone(entry) -> None:
    assert [one.code for one in findings(entry.failing)] == [entry.code]


@pytest.mark.parametrize("entry", WHOLE, ids=lambda entry: entry.code)
def test_the_mended_example_is_clean(entry) -> None:
    assert findings(entry.mended) == []


def test_every_mended_example_is_whole() -> None:
    assert [entry.code for entry in ENTRIES if entry not in WHOLE] == []


def test_every_code_of_the_elaborator_is_in_the_catalogue() -> None:
    folder = Path(nnspec.ir.__file__).parent
    used = {
        code for path in folder.glob("*.py") for code in re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert used <= set(CATALOGUE)
    assert {code for code in CATALOGUE if "E200" < code < "E600"} - used <= {"E203", "E207", "E208", "E214"}
