"""Every spec in the documentation does what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from runner import RUNNERS
from snippets import PAGES, ROOT, Snippet, snippets

import nnspec
from nnspec.cli.main import _parser
from nnspec.docs.reference import anchor

ALL = [snippet for page in PAGES for snippet in snippets(page, "nnspec")]
SPECS = [snippet for snippet in ALL if "settings" not in snippet.words]
SETTINGS = [snippet for snippet in ALL if "settings" in snippet.words]
TRAINED = """nnspec 1

model trained {{
  input x: float32[N, 4]
  backbone = dense(4) -> dense(4)
  encoder = dense(4) -> dense(4)
  target = dense(3)
}}

train {{
  target y: label[N]
  loss      = cross_entropy(target, y)
  optimizer = adam
  epochs    = 1
  {}
}}
"""


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


RUN_ELSEWHERE = {
    ("training-anywhere.md", "py"): "tests/training/test_training_export.py",
    ("training-anywhere.md", "js"): "tests/web/test_loop.py",
    ("layers.md", "text"): "tests/docs/test_made_pages.py",  # signatures
    ("training.md", "text"): "tests/docs/test_made_pages.py",  # the same, and lines checked when the page is made
}
"""What neither this file nor runner.py runs, and the test that does."""


def test_every_block_is_run_by_something() -> None:
    """A block that nothing runs is a promise that nobody keeps: give it a language that runs, or a runner."""
    assert not [str(snippet) for page in PAGES for snippet in snippets(page) if not _is_run(snippet)]
    assert all((ROOT / test).exists() for test in RUN_ELSEWHERE.values())


def _is_run(snippet: Snippet) -> bool:
    into = any(word.startswith("into=") for word in snippet.words)
    match snippet.language:
        case "nnspec":
            return True
        case "python":
            return into or "fragment" not in snippet.words
        case "diff":
            return into or bool(snippet.words)
        case "text":
            return "diagram" in snippet.words or snippet.page.name == "errors.md" or _elsewhere(snippet)
        case language:
            return language in RUNNERS or _elsewhere(snippet)


def _elsewhere(snippet: Snippet) -> bool:
    return (snippet.page.name, snippet.language) in RUN_ELSEWHERE


COMMANDS_OF_ERRORS = [
    line.strip().partition(" #")[0].removeprefix("$ ")
    for snippet in snippets(ROOT / "docs" / "errors.md", "text")
    for line in snippet.text.splitlines()
    if line.strip().startswith("$ nnspec")
]


@pytest.mark.parametrize("line", COMMANDS_OF_ERRORS)
def test_commands_of_the_page_of_errors_are_those_of_the_tool(line: str) -> None:
    """They are about files that are not there; what they raise is tested where it is raised."""
    words = shlex.split(line.partition(" > ")[0].partition(" | ")[0].partition(" && ")[0])[1:]
    assert _parser(words).parse_args(words).run


@pytest.mark.parametrize("snippet", SETTINGS, ids=str)
def test_settings_check(snippet: Snippet, tmp_path: Path) -> None:
    """Each setting of a block, alone in a train section."""
    for text in snippet.settings:
        path = tmp_path / "snippet.nn"
        path.write_text(TRAINED.format(text), encoding="utf-8")
        assert not nnspec.check(path), text


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
