"""`nnspec diff`: what changed for those who deploy a model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command

OLD = """nnspec 1

model m(hidden = 8) {
  input x: float32[N, 4]

  dense(hidden) -> relu
  output y = dense(3)
}
"""


def changes(nnspec: Command, folder: Path, old: str, new: str) -> list[tuple[str, ...]]:
    (folder / "old.nn").write_text(old)
    (folder / "new.nn").write_text(new)
    done = nnspec("diff", "old.nn", "new.nn", "--format", "json")
    document = json.loads(done.out)
    assert document["version"] == 1 and done.code == 0
    found = [tuple(change.values()) for change in document["changes"] if change["what"] != "cost"]
    assert document["breaking"] == any(change[-1] for change in found)
    assert nnspec("diff", "old.nn", "new.nn", "--breaking").code == int(document["breaking"])
    return found


CASES = {
    "nothing": (("N, 4", "rows, 4"), []),
    "an input is added": (
        ("input x: float32[N, 4]\n", "input x: float32[N, 4]\n  input z: float32[N, 4]\n  x + z\n"),
        [("input", "z", "added", "", "float32[N, 4]", "clients"), ("layer", "add_1", "added", "", "add", "")],
    ),
    "an input takes more": (
        ("input x: float32[N, 4]\n\n", "input x: float32[N, T, 4]\n\n  mean(axis = 1)\n"),
        [
            ("input", "x", "changed", "float32[N, 4]", "float32[N, T, 4]", "clients"),
            ("layer", "mean_1", "added", "", "mean(axis = 1, keepdims = false, lengths = none)", ""),
        ],
    ),
    "an output is added": (
        ("output y = dense(3)\n", "output y = dense(3)\n  output p = softmax\n"),
        [
            ("output", "p", "added", "", "float32[N, 3]", ""),
            ("layer", "softmax_1", "added", "", "softmax(axis = -1)", ""),
        ],
    ),
    "an output is called otherwise": (
        ("output y = dense(3)", "y = dense(3)\n  output z = y"),
        [("output", "y", "removed", "float32[N, 3]", "", "clients"), ("output", "z", "added", "", "float32[N, 3]", "")],
    ),
    "a parameter has another shape": (
        ("hidden = 8", "hidden = 9"),
        [
            ("parameter", "dense_1.weight", "changed", "float32[8, 4]", "float32[9, 4]", "weights"),
            ("parameter", "dense_1.bias", "changed", "float32[8]", "float32[9]", "weights"),
            ("parameter", "y.weight", "changed", "float32[3, 8]", "float32[3, 9]", "weights"),
            ("layer", "dense_1", "changed", "dense(units = 8, bias = true)", "dense(units = 9, bias = true)", ""),
        ],
    ),
    "a layer is named": (
        ("  dense(hidden)", "  h = dense(hidden)"),
        [
            ("parameter", "dense_1.weight", "renamed", "dense_1.weight", "h.weight", "weights"),
            ("parameter", "dense_1.bias", "renamed", "dense_1.bias", "h.bias", "weights"),
        ],
    ),
    "the same weights compute something else": (
        ("relu", "leaky_relu(0.1)"),
        [
            ("layer", "relu_1", "removed", "relu", "", ""),
            ("layer", "leaky_relu_1", "added", "", "leaky_relu(slope = 0.1)", ""),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_changes(nnspec: Command, folder: Path, name: str) -> None:
    (before, after), wanted = CASES[name]
    assert changes(nnspec, folder, OLD, OLD.replace(before, after)) == wanted


def test_an_input_that_takes_more_breaks_nobody(nnspec: Command, folder: Path) -> None:
    spec = "nnspec 1\nmodel m {\n  input x: float32[N, 5, 4]\n  output y = mean(axis = 1)\n}\n"
    free = spec.replace("5", "T")
    assert changes(nnspec, folder, spec, free) == [
        ("input", "x", "changed", "float32[N, 5, 4]", "float32[N, T, 4]", "")
    ]
    assert changes(nnspec, folder, free, spec)[0][-1] == "clients"


def test_text(nnspec: Command, folder: Path) -> None:
    changes(nnspec, folder, OLD, OLD.replace("hidden = 8", "hidden = 9"))
    done = nnspec("diff", "old.nn", "new.nn")
    assert done.code == 0
    assert "  ~ y.weight: float32[3, 8] is float32[3, 9] now   (breaks saved weights)\n" in done.out
    assert "costs\n  ~ params: 67 is 75 now\n  ~ size: 268 bytes is 300 bytes now\n  ~ macs: 56 is 63 now\n" in done.out
    assert done.err == "3 changes that break saved weights\n"
    assert nnspec("diff", "old.nn", "old.nn", "--breaking")[:2] == (0, "nothing changed for those who deploy it\n")


@pytest.fixture
def repository(folder: Path) -> Path:
    """A git repository in which specs/m.nn was committed, with a block of its own, and then changed."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, cwd=folder)

    (folder / "specs" / "b.nn").write_text("nnspec 1\nblock b() {\n  input x\n  dense(5)\n}\n")
    uses = OLD.replace("nnspec 1\n", 'nnspec 1\nuse "b.nn": b\n').replace("dense(hidden)", "b")
    (folder / "specs" / "m.nn").write_text(uses.replace("(hidden = 8)", ""))
    git("init", "-q")
    git("add", "specs")
    git("commit", "-qm", "one")
    (folder / "specs" / "b.nn").write_text("nnspec 1\nblock b() {\n  input x\n  dense(6)\n}\n")
    return folder


@pytest.mark.parametrize("old", ["HEAD:specs/m.nn", "HEAD"])
def test_git_revisions(nnspec: Command, repository: Path, old: str) -> None:
    done = nnspec("diff", old, "specs/m.nn", "--breaking")
    assert done.code == 1
    assert "b_1.dense_1.weight: float32[5, 4] is float32[6, 4] now   (breaks saved weights)" in done.out
    assert nnspec("diff", "HEAD:specs/m.nn", "HEAD:specs/m.nn", "--breaking").code == 0


@pytest.mark.parametrize("old", ["nowhere:specs/m.nn", "HEAD:specs/none.nn", "--output=x:specs/m.nn", "HEAD~7"])
def test_what_git_does_not_know(nnspec: Command, repository: Path, old: str) -> None:
    done = nnspec("diff", "--", old, "specs/m.nn")
    assert done.code == 1 and "error[E301]" in done.err and done.out == ""
    assert not (repository / "x").exists()
