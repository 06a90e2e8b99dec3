"""Digests of data: every change of a file is noticed, of a folder all that a moment can show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from nnspec.data import digest as module
from nnspec.data.digest import digest
from nnspec.diagnostics.errors import Fault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/1", "a/2", "b/1", "b/c/1"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f"content of {name}")
    return tmp_path / "data"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert digest(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    with pytest.raises(Fault, match="cannot be read: No such file"):
        digest(tmp_path / "y")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a/1").write_text("content of a/9"),
        lambda folder: (folder / "a/1").write_text("longer content of a/1"),
        lambda folder: (folder / "a/1").rename(folder / "a/3"),
        lambda folder: (folder / "b/c/1").unlink(),
        lambda folder: (folder / "b/new").write_text(""),
        lambda folder: (folder / "a").rename(folder / "z"),
    ],
)
def test_changes_of_a_folder(change: Callable[[Path], object], folder: Path) -> None:
    before = digest(folder)
    assert digest(folder) == before
    change(folder)
    assert digest(folder) != before


def test_it_is_the_same_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    before = digest(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    (moved / ".DS_Store").write_text("clutter")
    (moved / "a").rename(tmp_path / "a")
    (moved / "a").symlink_to(tmp_path / "a")
    (moved / "b/round").symlink_to(moved)
    assert digest(moved) == before


def test_a_large_folder_is_read_in_part(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (folder / f"{number:02}").write_text("x" * 100)
    monkeypatch.setattr(module, "READ", 1000)
    before, noticed = digest(folder), 0
    for number in range(50):
        (folder / f"{number:02}").write_text("y" * 100)
        noticed += digest(folder) != before
        (folder / f"{number:02}").write_text("x" * 100)
    assert 5 <= noticed <= 12
    (folder / "33").write_text("x" * 101)
    assert digest(folder) != before
