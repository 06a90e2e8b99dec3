"""The pages that are made from the code are up to date, whole, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from snippets import ROOT

from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.docs.frameworks import FRAMEWORKS, NAMES, equivalents
from nnspec.docs.pages import pages
from nnspec.ir.schema import json_schema
from nnspec.library import registries

MADE = pages(ROOT / "docs")


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_the_page_is_up_to_date(path: Path) -> None:
    assert path.exists() and path.read_text(encoding="utf-8") == MADE[path], f"{path.name} is stale: run `make docs`"


def test_pages_are_the_same_each_time() -> None:
    assert pages(ROOT / "docs") == MADE


def test_every_component_and_option_is_on_a_page() -> None:
    layers, training = MADE[ROOT / "docs/layers.md"], MADE[ROOT / "docs/training.md"]
    for kind, registry in registries().items():
        if kind == "operator":
            continue
        for name in registry:
            page = layers if kind == "layer" else training
            assert f"\n### {name}\n" in page, f"{kind} {name}"
            assert all(f"| `{option}` |" in page for option in registry[name].option_names)


def test_every_code_is_on_the_page() -> None:
    assert all(f"\n## {code}\n" in MADE[ROOT / "docs/errors.md"] for code in CATALOGUE)


def test_the_schema_describes_every_component_and_the_spec() -> None:
    schema = json.loads((ROOT / "docs/spec.schema.json").read_text(encoding="utf-8"))
    assert {"name", "inputs", "nodes", "parameters", "train"} <= set(schema["properties"])
    assert json_schema(registries()["layer"]["dense"])["properties"].keys() == {"units", "bias", "init"}


@pytest.mark.parametrize("framework", FRAMEWORKS.values())
def test_equivalents_are_answered_by_the_tool_too(framework: str) -> None:
    for kind in NAMES[framework]:
        for own, theirs in equivalents(framework, kind):
            assert {registries()[kind].nearest(name) for name in theirs} == {own}
