"""Every spec in the documentation does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from snippets import PAGES, ROOT, Snippet, snippets

import nnspec
from nnspec.docs.reference import anchor

SPECS = [snippet for page in PAGES for snippet in snippets(page, "nnspec")]
LANGUAGES = {"nnspec", "console", "python", "text", "json", "makefile", "yaml", "toml", "lua"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the pages stand: `file=` blocks, a folder for each page."""
    base = tmp_path_factory.mktemp("pages")
    for snippet in SPECS:
        if snippet.file:
            path = base / snippet.page.stem / snippet.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(snippet.spec, encoding="utf-8")
    return base


@pytest.mark.parametrize("snippet", SPECS, ids=str)
def test_specs_check_as_the_page_says(snippet: Snippet, folder: Path) -> None:
    path = folder / snippet.page.stem / (snippet.file or "snippet.nn")
    path.parent.mkdir(exist_ok=True)
    path.write_text(snippet.spec, encoding="utf-8")
    found = nnspec.check(path, warnings=True)
    assert {finding.code for finding in found} == snippet.codes, [str(finding) for finding in found]


def test_parameters_have_the_paths_that_the_page_says() -> None:
    snippet = next(snippet for snippet in SPECS if "model names {" in snippet.text)
    comments = [line.partition("#")[2] for line in snippet.text.splitlines()]
    said = {word for comment in comments for word in re.findall(r"[\w.]+\.weight", comment)}
    assert said == {p.path for p in nnspec.loads(snippet.spec).parameters if p.path.endswith(".weight")}


RUN_ELSEWHERE = {"training-anywhere.md": {"py", "js"}}
"""Loops without nnspec: training/test_training_export and web/test_loop run them."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_are_of_a_language_that_is_tested(page: Path) -> None:
    assert {snippet.language for snippet in snippets(page)} <= LANGUAGES | RUN_ELSEWHERE.get(page.name, set())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, part = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if part:
            headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in {anchor(heading.replace("`", "")) for heading in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`((?:nnspec|tests|docs|specs)/[\w./-]*)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name
