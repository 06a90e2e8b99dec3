"""The pages that are made from the code are up to date, whole, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from snippets import ROOT

from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.docs.frameworks import FRAMEWORKS, NAMES, equivalents
from nnspec.docs.pages import pages
from nnspec.docs.reference import options_table
from nnspec.ir.components import Component
from nnspec.ir.schema import json_schema
from nnspec.library import registries

DOCS = ROOT / "docs"
NAMES_OF_PAGES = ("layers.md", "training.md", "errors.md", "check.schema.json", "spec.schema.json", *FRAMEWORKS)


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    """Not made while tests are collected: where a page cannot be made, another test says better why."""
    return pages(DOCS)


def test_these_are_the_pages(made: dict[Path, str]) -> None:
    assert {path.name for path in made} == set(NAMES_OF_PAGES)


@pytest.mark.parametrize("name", NAMES_OF_PAGES)
def test_the_page_is_up_to_date(made: dict[Path, str], name: str) -> None:
    path = DOCS / name
    assert path.exists() and path.read_text(encoding="utf-8") == made[path], f"{name} is stale: run `make docs`"


def test_pages_are_the_same_each_time(made: dict[Path, str]) -> None:
    assert pages(DOCS) == made


def test_an_option_without_words_is_named() -> None:
    class Silent(Component):
        kind = "layer"
        name = "silent"
        units: int

    with pytest.raises(ValueError, match=r"write a string below the option units in .*\.Silent: what it does"):
        list(options_table(Silent))


def test_every_component_and_option_is_on_a_page(made: dict[Path, str]) -> None:
    layers, training = made[DOCS / "layers.md"], made[DOCS / "training.md"]
    for kind, registry in registries().items():
        if kind == "operator":
            continue
        for name in registry:
            page = layers if kind == "layer" else training
            assert f"\n### {name}\n" in page, f"{kind} {name}"
            assert all(f"| `{option}` |" in page for option in registry[name].option_names)


def test_every_code_is_on_the_page(made: dict[Path, str]) -> None:
    assert all(f"\n## {code}\n" in made[DOCS / "errors.md"] for code in CATALOGUE)


def test_the_schema_describes_every_component_and_the_spec() -> None:
    schema = json.loads((ROOT / "docs/spec.schema.json").read_text(encoding="utf-8"))
    assert {"name", "inputs", "nodes", "parameters", "train"} <= set(schema["properties"])
    assert json_schema(registries()["layer"]["dense"])["properties"].keys() == {"units", "bias", "init"}


@pytest.mark.parametrize("framework", FRAMEWORKS.values())
def test_equivalents_are_answered_by_the_tool_too(framework: str) -> None:
    for kind in NAMES[framework]:
        for own, theirs in equivalents(framework, kind):
            assert {registries()[kind].nearest(name) for name in theirs} == {own}
