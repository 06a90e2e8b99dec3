"""The tables of names of other frameworks are complete."""

from __future__ import annotations

import pytest
from snippets import ROOT

from nnspec.docs.frameworks import FRAMEWORKS, NAMES, UNKNOWN_TO, equivalents
from nnspec.library import registries

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", FRAMEWORKS)
def test_the_tables_are_complete(page: str) -> None:
    """Every component is in a table of the page: by a name that is answered, or by what stands for it there."""
    framework, text = FRAMEWORKS[page], (DOCS / page).read_text(encoding="utf-8")
    kinds = {*NAMES[framework], *UNKNOWN_TO[framework]}
    assert kinds >= {"layer", "loss", "metric", "optimizer", "schedule", "initializer", "source", "augmentation"}
    for kind in kinds:
        named = {own for own, _ in equivalents(framework, kind)} if kind in NAMES[framework] else set()
        unknown = set(UNKNOWN_TO[framework].get(kind, "").split())
        assert named | unknown == set(registries()[kind]), kind
        assert not named & unknown, kind
        assert all(f"`{name}`" in text for name in named | unknown), kind
