"""Every bad spec is answered at its place, in these words, and by nothing else; every fix that is offered mends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nnspec.api import check_project
from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.diagnostics.envelope import SCHEMA
from nnspec.diagnostics.mending import mended
from nnspec.ir.project import read
from tests.bad.cases import (
    FOLDER,
    Answer,
    Case,
    answer,
    golden_json,
    golden_text,
    themes,
    unpack,
    working_in,
)
from tests.bad.standards import check_junit, check_sarif, written

AT_RUN_TIME = ("E6", "E7")
"""Codes that may take Python, two processes, a missing package or a defect of nnspec: then another test raises them."""
LARGE = ("E123", "E125", "E732")
"""Codes of files that cannot be kept here: tests/language/test_limits.py makes large ones, tests/compiler/
hostile_models.py models that crash a runtime."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[Case, Answer]]]:
    """What nnspec says of every case, by theme and name."""
    found: dict[str, dict[str, tuple[Case, Answer]]] = {}
    for theme in themes():
        found[theme] = {}
        for case in unpack(theme, tmp_path_factory.mktemp(theme)):
            folder = tmp_path_factory.mktemp(case.name[:30])
            unpack(theme, folder)
            found[theme][case.name] = (case, answer(case, folder))
    return found


def each(answers: dict[str, dict[str, tuple[Case, Answer]]]) -> Iterator[tuple[str, Case, Answer]]:
    for theme, cases in answers.items():
        for name, (case, one) in cases.items():
            yield f"{theme}/{name}", case, one


@pytest.mark.parametrize("theme", themes())
def test_every_finding_stands_where_the_writer_of_the_case_says(theme: str, answers) -> None:
    wrong = {
        name: (sorted(case.wanted), sorted(one.places))
        for name, (case, one) in answers[theme].items()
        if sorted(one.places) != sorted(case.wanted)
    }
    assert not wrong
    assert all(case.wanted for case, _ in answers[theme].values())


@pytest.mark.parametrize("theme", themes())
def test_the_words_are_those_that_were_approved(theme: str, answers) -> None:
    """`python -m tests.bad.update` writes them anew; then read what changed."""
    own = {name: one for name, (_, one) in answers[theme].items()}
    assert golden_text(own) == (FOLDER / theme / "golden.txt").read_text(encoding="utf-8")
    if any(one.found for one in own.values()):
        assert golden_json(own) == (FOLDER / theme / "golden.json").read_text(encoding="utf-8")


def test_there_are_three_hundred_and_hardly_any_says_more_than_one_thing(answers) -> None:
    checked = [(name, one) for name, case, one in each(answers) if case.checked and case.theme != "five"]
    assert len(checked) >= 300
    single = [name for name, one in checked if len(one.found) == 1]
    assert len(single) >= 0.95 * len(checked), sorted({name for name, _ in checked} - set(single))


def test_five_mistakes_are_five_findings(answers) -> None:
    for case, one in answers["five"].values():
        assert len(case.wanted) == len(one.found) == 5


def test_every_code_is_raised(answers) -> None:
    raised = {place.code for _, _, one in each(answers) for place in one.places}
    missing = set(CATALOGUE) - raised - set(LARGE)
    assert not [code for code in missing if not code.startswith(AT_RUN_TIME)]
    tests = "".join(path.read_text(encoding="utf-8") for path in FOLDER.parent.rglob("*.py"))
    assert not [code for code in missing if code not in tests]


def test_findings_are_as_the_published_schema_says(answers) -> None:
    for _, _, one in each(answers):
        jsonschema.validate({"version": 1, "diagnostics": one.found}, SCHEMA)


def test_a_message_ends_with_no_full_stop_and_a_help_is_said_for_most(answers) -> None:
    found = [finding for _, _, one in each(answers) for finding in one.found]
    assert not [one["message"] for one in found if one["message"].endswith(".")]
    helped = sum(bool(one["help"]) for one in found if one["code"] != "E101")
    assert helped >= 0.75 * sum(one["code"] != "E101" for one in found)


def test_every_fix_that_is_offered_mends(answers, tmp_path: Path) -> None:
    """All edits of a case are made until there are none: their findings are gone, and no others came."""
    offered = Counter[str]()
    for name, case, one in each(answers):
        if not any(finding["fix"] for finding in one.found):
            continue
        folder = tmp_path / name
        unpack(case.theme, folder)
        left = Counter(finding["code"] for finding in one.found if not finding["fix"])
        with working_in(folder):
            path = f"{case.name}.nn"
            for _ in range(5):
                found = check_project(read(path))
                text, count = mended(Path(path).read_bytes().decode(), found, path)
                if not count:
                    break
                Path(path).write_bytes(text.encode())
            # What an error hid may be said now, but for the warnings of a model that was wrong before.
            after = Counter(finding.code for finding in check_project(read(path)) if finding.severity == "error")
        assert not after - left, (name, after)
        offered[case.theme] += 1
    assert offered.total() >= 40


def test_formats_for_programs_are_as_their_standards_say_and_hold_every_finding(tmp_path: Path) -> None:
    texts = written(tmp_path)
    found, sarif = json.loads(texts["json"]), json.loads(texts["sarif"])
    jsonschema.validate(found, SCHEMA)
    check_sarif(sarif)
    check_junit(texts["junit"])
    results = sarif["runs"][0]["results"]
    assert len(results) == len(found["diagnostics"]) >= 300
    assert all(one["message"] in result["message"]["text"] for one, result in _pairs(found["diagnostics"], results))
    assert any(one["reached_from"] for one in found["diagnostics"])


def _pairs(found: list[Any], results: list[Any]) -> Iterator[tuple[Any, Any]]:
    for one, result in zip(found, results, strict=True):
        assert (result["ruleId"], result["level"]) == (one["code"], one["severity"])
        assert len(result.get("relatedLocations", [])) == len(one["reached_from"])
        yield one, result
