"""`nnspec check` for programs: its formats, settings of a project, mending, and what it keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from nnspec.cli import check as command
from nnspec.diagnostics.envelope import SCHEMA
from tests.cli.conftest import Command

BAD = "nnspec 1\n\nmodel bad {\n  input x: float32[N, 4]\n" + (
    "  y = linear(3)\n  z = conv2d(3, kernel = 3, padding = same)\n}\n"
)
WARNED = "nnspec 1\n\nmodel m {\n  input x: float32[N, 4]\n  dense(3) -> batch_norm\n}\n"


@pytest.fixture
def files(folder: Path) -> Path:
    (folder / "bad, file.nn").write_text(BAD)
    (folder / "warned.nn").write_text(WARNED)
    return folder


def test_json_is_a_versioned_envelope(nnspec: Command, files: Path) -> None:
    done = nnspec("check", "--format", "json", "bad, file.nn")
    document = json.loads(done.out)
    assert done.code == 1 and document["version"] == 1
    assert document["diagnostics"][0] == {
        "file": "bad, file.nn",
        "line": 5,
        "column": 7,
        "end_line": 5,
        "end_column": 13,
        "code": "E201",
        "severity": "error",
        "message": "there is no layer linear",
        "help": "did you mean dense?",
        "url": "https://nnspec.dev/errors/E201",
        "fix": [{"file": "bad, file.nn", "line": 5, "column": 7, "end_line": 5, "end_column": 13, "text": "dense"}],
        "reached_from": [],
    }


def test_json_is_as_its_schema_says(nnspec: Command, files: Path) -> None:
    for paths in (["bad, file.nn", "warned.nn"], ["missing.nn"], ["specs"]):
        jsonschema.validate(json.loads(nnspec("check", "--format", "json", *paths).out), SCHEMA)
    published = Path(__file__).parent.parent.parent / "docs" / "check.schema.json"
    assert json.loads(published.read_text()) == SCHEMA


def test_github_shows_errors_beside_their_lines(nnspec: Command, files: Path) -> None:
    done = nnspec("check", "--format", "github", "bad, file.nn", "warned.nn")
    first, *_, last = done.out.splitlines()
    assert first == (
        "::error file=bad%2C file.nn,line=5,endLine=5,col=7,endColumn=13,title=nnspec E201"
        "::there is no layer linear%0Ahelp: did you mean dense?"
    )
    assert last.startswith("::warning file=warned.nn,line=5,endLine=5,col=3,endColumn=8,title=nnspec W307::")


def test_github_shows_ten_of_a_kind_so_the_rest_is_counted(nnspec: Command, files: Path) -> None:
    lines = "".join(f"  linear{n}(3)\n" for n in range(15))
    (files / "many.nn").write_text(f"nnspec 1\nmodel m {{\n  input x: float32[N, 4]\n{lines}}}\n")
    shown = nnspec("check", "--format", "github", "many.nn").out.splitlines()
    assert len(shown) == 10 and shown[-1] == "::error title=nnspec::… and 6 more"


def test_sarif(nnspec: Command, files: Path) -> None:
    done = nnspec("check", "--format", "sarif", "bad, file.nn", "warned.nn")
    document = json.loads(done.out)
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert document["version"] == "2.1.0" and driver["name"] == "nnspec" and run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in driver["rules"]] == sorted({result["ruleId"] for result in run["results"]})
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "bad%2C%20file.nn"
    assert place["region"] == {"startLine": 5, "startColumn": 7, "endLine": 5, "endColumn": 13}
    (change,) = run["results"][0]["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": "dense"}
    assert {result["level"] for result in run["results"]} == {"error", "warning"}


def test_junit_has_a_case_per_file(nnspec: Command, files: Path) -> None:
    done = nnspec("check", "--format", "junit", "bad, file.nn", "warned.nn", "specs")
    root = ElementTree.fromstring(done.out.encode())
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases["bad, file.nn"] == ["failure"] and cases["warned.nn"] == ["system-out"]
    assert cases["specs/iris.nn"] == []
    assert root.get("failures") == "1" and root.get("tests") == str(len(cases))


def test_control_characters_do_not_break_the_formats(nnspec: Command, files: Path) -> None:
    (files / "c.nn").write_text("nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  f('\x1b[31m]]>&<')\n}\n")
    ElementTree.fromstring(nnspec("check", "--format", "junit", "c.nn").out.encode())
    json.loads(nnspec("check", "--format", "sarif", "c.nn").out)


def test_strict(nnspec: Command, files: Path) -> None:
    assert nnspec("check", "warned.nn").code == 0
    done = nnspec("check", "--strict", "warned.nn")
    assert done.code == 1 and "warning[W307]" in done.out and "warnings count as errors here" in done.err
    assert nnspec("check", "--quiet", "warned.nn") == (0, "", "")
    assert "W307" in nnspec("check", "--quiet", "--strict", "warned.nn").out


def test_safe_mending_leads_to_fewer_findings_and_a_second_time_to_none(nnspec: Command, files: Path) -> None:
    (files / "m.nn").write_text(BAD.replace("nnspec 1\n\n", "").replace("x: float32[N, 4]", "x: float32[N, 3, 8, 8]"))
    text = (files / "m.nn").read_text().replace("linear(3)", "BatchNorm2d()").replace("z =", "output z =")
    (files / "m.nn").write_text(text)
    done = nnspec("check", "--fix", "m.nn")
    assert done.err.endswith("3 findings mended\n")
    assert (files / "m.nn").read_text().startswith("nnspec 1\n\nmodel bad {")
    assert 'padding = "same"' in (files / "m.nn").read_text() and "y = batch_norm()\n" in (files / "m.nn").read_text()
    assert done.code == 0
    assert "mended" not in nnspec("check", "--fix", "m.nn").err


def settings(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.other]\nx = 1\n[tool.nnspec]\n{text}\n")


def test_settings_of_a_project(nnspec: Command, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(files, 'exclude = ["bad*", "old"]\nallow = ["W307"]\nstrict = true')
    (files / "old").mkdir()
    (files / "old" / "x.nn").write_text(BAD)
    assert nnspec("check", ".").code == 0
    assert nnspec("check", "bad, file.nn").code == 1  # named by itself
    (files / "below").mkdir()
    monkeypatch.chdir(files / "below")
    assert nnspec("check", "../warned.nn").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strct = true", "has no setting strct\n  help: did you mean strict?"),
        ('strict = "yes"', "strict in [tool.nnspec] of"),
        ('allow = ["E201"]', "E201 is no code of a warning"),
        ("allow = [", "cannot be read"),
        ('root = "nowhere"', "there is no folder"),
    ],
)
def test_wrong_settings_are_wrong_usage(nnspec: Command, files: Path, text: str, said: str) -> None:
    settings(files, text)
    done = nnspec("check", ".")
    assert done.code == 2 and said in done.err and done.out == ""


@pytest.mark.parametrize("text", ["[[tool.nnspec]]\nstrict = true", "tool.nnspec = 3"])
def test_settings_that_are_no_table(nnspec: Command, files: Path, text: str) -> None:
    (files / "pyproject.toml").write_text(text)
    done = nnspec("check", ".")
    assert done.code == 2 and "is no table\n  help: write [tool.nnspec]" in done.err


def test_used_files_lie_below_the_root_of_the_project(nnspec: Command, files: Path) -> None:
    settings(files, 'root = "."')
    (files / "a").mkdir()
    (files / "b.nn").write_text("nnspec 1\nblock b() {\n  input x\n  relu\n}\n")
    (files / "a" / "m.nn").write_text('nnspec 1\nuse "../b.nn": b\nmodel m {\n  input x: float32[N, 4]\n  b\n}\n')
    assert nnspec("check", "a/m.nn").code == 0
    assert nnspec("check", "a/m.nn", "--root", "a").code == 1


# ---- what is kept


def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are elaborated from now on."""
    seen: list[str] = []
    import nnspec.api

    inner = nnspec.api.check_project
    monkeypatch.setattr("nnspec.api.check_project", lambda p, s: (seen.append(p.main.path), inner(p, s))[1])
    return seen


def test_unchanged_files_are_answered_from_the_cache(
    nnspec: Command, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "b.nn").write_text("nnspec 1\nblock b() {\n  input x\n  relu\n}\n")
    (files / "m.nn").write_text(
        'nnspec 1\nuse "b.nn": b\nmodel m(k = 1) {\n  input x: float32[N, 4]\n  b -> dense(3) -> batch_norm\n}\n'
    )
    seen = looks(monkeypatch)
    first = nnspec("check", "m.nn", "specs/iris.nn")
    assert seen == ["m.nn", "specs/iris.nn"]
    seen.clear()
    assert nnspec("check", "m.nn", "specs/iris.nn") == first and seen == []
    assert "W307" in first.out and "W304" in first.out
    assert nnspec("check", "--no-cache", "m.nn").out and seen == ["m.nn"]
    seen.clear()
    nnspec("check", "m.nn", "--set", "k=2")
    assert seen == ["m.nn"]
    seen.clear()
    (files / "b.nn").write_text("nnspec 1\nblock b() {\n  input x\n  rellu\n}\n")
    assert nnspec("check", "m.nn").code == 1 and seen == ["m.nn"]


def test_a_damaged_or_forbidden_cache_is_none(
    nnspec: Command, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("NNSPEC_CACHE_DIR", str(cache))
    first = nnspec("check", "warned.nn")
    (entry,) = cache.iterdir()
    for damage in ("", "[]", '{"files": {"warned.nn": [1, 2]}, "found": []}', '{"files": {}}'):
        entry.write_text(damage)
        assert nnspec("check", "warned.nn") == first
    monkeypatch.setenv("NNSPEC_CACHE_DIR", "/dev/null/no")
    assert nnspec("check", "warned.nn") == first


def test_an_unchanged_file_needs_none_of_the_layers(files: Path) -> None:
    modules = "nnspec.library", "nnspec.diagnostics.errors"
    code = (
        "import sys, nnspec.cli.main as m; m.main(['check', 'specs/iris.nn']);"
        f"print([n for n in {modules} if n in sys.modules])"
    )
    done = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=files, env=os.environ
        )
        for _ in range(2)
    ]
    assert [one.stdout.splitlines()[-1] for one in done] == [str([*modules]), "[]"]
    assert done[0].stdout.splitlines()[:-1] == done[1].stdout.splitlines()[:-1]


def test_every_format_is_tried_here() -> None:
    assert command.FORMATS == ("text", "json", "github", "sarif", "junit")
