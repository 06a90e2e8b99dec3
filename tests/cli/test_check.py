"""`nnspec check`, `show` and `explain`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.ir.spec import Spec
from tests.cli.conftest import Command

BROKEN = """nnspec 1

model broken {
  input x: float32[N, 4]
  y = densse(3)
}
"""


def test_clean_specs(nnspec: Command) -> None:
    count = len(list(Path("specs").glob("*.nn")))
    assert count >= 7 and nnspec("check", "specs") == (0, f"{count} files checked, no errors\n", "")
    assert nnspec("check", "specs/iris.nn", "--quiet") == (0, "", "")


def test_findings_are_text_with_the_place(nnspec: Command, folder: Path) -> None:
    (folder / "broken.nn").write_text(BROKEN)
    done = nnspec("check", "broken.nn", "specs/iris.nn")
    assert done.code == 1
    assert done.out == (
        "broken.nn:5:7: error[E201]: there is no layer densse\n"
        "  5 |   y = densse(3)\n"
        "    |       ^^^^^^\n"
        "  help: did you mean dense?\n"
        "Found 1 error.\n"
    )


def test_findings_as_json(nnspec: Command, folder: Path) -> None:
    (folder / "broken.nn").write_text(BROKEN)
    done = nnspec("check", "broken.nn", "--format", "json")
    found = json.loads(done.out)
    assert done.code == 1
    assert found["version"] == 1
    (item,) = found["diagnostics"]
    place = {key: item[key] for key in ("file", "line", "column", "end_line", "end_column", "code", "severity")}
    assert place == {
        "file": "broken.nn", "line": 5, "column": 7, "end_line": 5, "end_column": 13, "code": "E201", "severity":
        "error",
    }  # fmt: skip
    assert json.loads(nnspec("check", "specs", "--format", "json").out) == {"version": 1, "diagnostics": []}


def test_a_warning_is_one_line_and_changes_no_exit_code(nnspec: Command, folder: Path) -> None:
    text = (folder / "specs/iris.nn").read_text().replace("weight_decay = 1e-4", "weight_decay = 0.1")
    (folder / "specs/decayed.nn").write_text(text)
    said = 'warning[W301]: weight decay shrinks 3 biases too, such as dense_1.bias; decay_on = "*.weight" spares them\n'
    done = nnspec("check", "specs/decayed.nn")
    assert (done.code, done.out) == (0, f"specs/decayed.nn:23:33: {said}Found 1 warning.\n")
    assert nnspec("check", "specs/decayed.nn", "--quiet") == (0, "", "")
    (item,) = json.loads(nnspec("check", "specs/decayed.nn", "--format", "json").out)["diagnostics"]
    assert (item["code"], item["severity"], item["line"]) == ("W301", "warning", 23)
    (folder / "broken.nn").write_text(BROKEN)
    both = nnspec("check", "broken.nn", "specs/decayed.nn")
    assert both.code == 1 and both.out.endswith(f"{said}Found 1 error and 1 warning.\n")
    trained = nnspec("train", "specs/decayed.nn", "--out", "run", "--epochs", "1")
    assert trained.code == 0 and trained.err == f"specs/decayed.nn:23:33: {said}"
    assert nnspec("train", "specs/decayed.nn", "--out", "again", "--epochs", "1", "--quiet") == (0, "", "")
    assert nnspec("explain", "W301").out.startswith("W301: weight decay meets biases and scales\n")


def test_standard_input(nnspec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BROKEN.encode())))
    done = nnspec("check", "-", "--stdin-filename", "draft.nn")
    assert done.code == 1
    assert done.out.startswith("draft.nn:5:7: error[E201]")


def test_settings(nnspec: Command) -> None:
    assert nnspec("check", "specs/iris.nn", "--set", "hidden=8").code == 0
    assert "error[E307]: model iris has no parameter hiden" in nnspec("check", "specs/iris.nn", "--set", "hiden=8").out
    assert "error[E501]: params is 17_539" in nnspec("check", "specs/iris.nn", "--set", "hidden=128").out


@pytest.mark.parametrize(
    "arguments", [["chek"], ["fmt"], ["check", "x.nn", "--format", "xml"], ["check", "x.nn", "--set", "a"], []]
)
def test_wrong_usage_is_2(nnspec: Command, arguments: list[str]) -> None:
    assert nnspec(*arguments).code == 2


def test_the_nearest_command_is_offered(nnspec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["nnspec", "trian"])
    assert "did you mean train?" in nnspec("trian").err


def test_a_missing_file_is_a_finding(nnspec: Command) -> None:
    done = nnspec("check", "specs/irs.nn")
    assert (done.code, done.out) == (
        1, "error[E301]: there is no file specs/irs.nn\n  help: did you mean iris.nn?\nFound 1 error.\n",
    )  # fmt: skip


def test_show_is_a_table(nnspec: Command) -> None:
    lines = nnspec("show", "specs/iris.nn").out.splitlines()
    assert lines[0] == "iris(hidden = 16)   specs/iris.nn"
    assert "dense_2        dense        float32[N, 16]     272  256*N" in lines
    totals = [line.split("  ")[0] for line in lines[-3:]]
    assert totals == ["parameters", "MACs", "output"]
    assert lines[-3].endswith("403 and 8 statistics, 1,644 bytes")
    assert lines[-2].endswith("368 for one row")


def test_show_as_json_loads_back(nnspec: Command) -> None:
    text = nnspec("show", "specs/diabetes.nn", "--format", "json").out
    assert Spec.model_validate_json(text).model_dump_json(indent=2) + "\n" == text
    assert json.loads(nnspec("show", "specs/iris.nn", "--format", "schema").out)["title"] == "Spec"
    assert nnspec("show", "specs/iris.nn", "--format", "mermaid").out.startswith("flowchart TD")


def test_explain(nnspec: Command) -> None:
    for code in CATALOGUE:
        done = nnspec("explain", code)
        assert done.code == 0
        assert done.out.startswith(f"{code}: ")
    assert nnspec("explain", "e203").out.startswith("E203")
    assert nnspec("explain", "E999").code == 2
    assert set(CATALOGUE) <= {line.split()[0] for line in nnspec("explain").out.splitlines()}


def test_copies_in_runs_and_environments_are_left_out(nnspec: Command, folder: Path) -> None:
    """So that `nnspec check` in a project neither checks nor, as `fmt`, changes what a run was started with."""
    for place, mark in (("mine/runs/a", "run.json"), ("mine/env", "pyvenv.cfg")):
        (folder / place / "blocks").mkdir(parents=True)
        (folder / place / mark).write_text("{}")
        for copy in (folder / place / "spec.nn", folder / place / "blocks" / "own.nn"):
            copy.write_text("no spec")
    (folder / "mine" / "one.nn").write_text((folder / "specs" / "iris.nn").read_text())
    assert nnspec("check", "mine").out == "1 file checked, no errors\n"
    assert nnspec("check", "mine/runs/a/spec.nn").code == 1  # one that is named is read
