"""docs/weights.md from top to bottom, with the blocks that need PyTorch and transformers, whose files `make test` makes
itself."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import transformers

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
from runner import run_block
from snippets import ROOT, snippets

pytestmark = pytest.mark.parity
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    known: dict[str, Any] = {"__name__": "snippet"}
    foreign = 0
    for snippet in snippets(ROOT / "docs" / "weights.md"):
        if "torch" in snippet.words:
            exec(compile(snippet.text, str(snippet), "exec"), known)
            foreign += 1
        else:
            run_block(snippet)
    assert foreign == 4
