"""`nnspec fmt`."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command

UGLY = "nnspec 1\nmodel m{\n input x:float32[N,4]  # in\n dense( 3 )->relu\n}"
NEAT = "nnspec 1\n\nmodel m {\n  input x: float32[N, 4]  # in\n  dense(3) -> relu\n}\n"


@pytest.fixture
def ugly(folder: Path) -> Path:
    path = folder / "ugly.nn"
    path.write_text(UGLY)
    return path


def test_files_are_rewritten_once(nnspec: Command, ugly: Path) -> None:
    ugly.chmod(0o640)
    assert nnspec("fmt", "ugly.nn") == (0, "", "1 file changed\n")
    assert ugly.read_text() == NEAT
    assert stat.S_IMODE(ugly.stat().st_mode) == 0o640
    assert nnspec("fmt", "ugly.nn") == (0, "", "1 left as it is\n")


def test_a_link_stays_a_link(nnspec: Command, ugly: Path, folder: Path) -> None:
    (folder / "link.nn").symlink_to("ugly.nn")
    assert nnspec("fmt", "link.nn").code == 0
    assert (folder / "link.nn").is_symlink() and ugly.read_text() == NEAT


def test_check_and_diff_write_nothing(nnspec: Command, ugly: Path) -> None:
    assert nnspec("fmt", "--check", ".")[:2] == (1, "would change ugly.nn\n")
    done = nnspec("fmt", "--diff", "ugly.nn")
    assert done.code == 1 and done.out.startswith("--- ugly.nn\n+++ ugly.nn (formatted)\n")
    assert "+  dense(3) -> relu\n" in done.out and "\\ No newline at end of file" in done.out
    assert ugly.read_text() == UGLY
    assert nnspec("fmt", "--check", "specs").code == 0


def test_standard_input(nnspec: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    given(UGLY)
    assert nnspec("fmt", "-") == (0, NEAT, "")
    given("nnspec 1\nmodel m {")
    done = nnspec("fmt", "-", "--stdin-filename", "mine.nn")
    assert done[:2] == (1, "") and done.err.startswith("mine.nn:2:9: error[E102]")


def test_a_spec_with_errors_is_left_alone_and_the_others_are_not(nnspec: Command, ugly: Path, folder: Path) -> None:
    (folder / "bad.nn").write_text("nnspec 1\nmodel m {\n  dense(3\n}\n")
    done = nnspec("fmt", "bad.nn", "missing.nn", "ugly.nn")
    assert done.code == 1 and "bad.nn:3:8: error[E102]" in done.err and "there is no file missing.nn" in done.err
    assert (folder / "bad.nn").read_text().endswith("dense(3\n}\n") and ugly.read_text() == NEAT


def test_patterns_and_folders(nnspec: Command, ugly: Path, folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.nn").write_text(UGLY)
    assert nnspec("fmt", "--check", "*.nn")[:2] == (1, "would change ugly.nn\n")
    done = nnspec("fmt", "nothing/*.nn")
    assert done.code == 1 and "there is no .nn file like nothing/*.nn" in done.err
