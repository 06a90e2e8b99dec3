"""The extension packs, with all that it needs and nothing else."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

import nnspec
from tests.vscode.node import EXTENSION, HERE

pytestmark = pytest.mark.vscode


def packed(folder: Path) -> Path:
    """The file that an editor installs."""
    path = folder / "nnspec.vsix"
    vsce = HERE / "node_modules" / ".bin" / "vsce"
    done = subprocess.run([vsce, "package", "-o", path], cwd=EXTENSION, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return path


def test_it_packs(tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(packed(tmp_path)).namelist())
    package = json.loads((EXTENSION / "package.json").read_text())
    assert package["version"] == nnspec.__version__
    wanted = [
        package["main"],
        "language-configuration.json",
        "syntaxes/nnspec.tmLanguage.json",
        "package.json",
        "readme.md",
    ]
    assert {f"extension/{name.removeprefix('./')}" for name in wanted} <= names
    assert len(names) == len(wanted) + 3  # the licence, and what vsce adds
