"""The blocks of the documentation that need PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "docs"))
from snippets import PAGES, Snippet, snippets

WHOLE = "weights.md"
"""test_weights_page runs all of it."""
BLOCKS = [s for page in PAGES if page.name != WHOLE for s in snippets(page, "python") if "torch" in s.words]


@pytest.mark.parity
@pytest.mark.parametrize("snippet", BLOCKS, ids=str)
def test_a_block_with_torch_runs(snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.text, str(snippet), "exec"), {"__name__": "snippet"})


@pytest.mark.parity
def test_there_are_such_blocks() -> None:
    assert BLOCKS
