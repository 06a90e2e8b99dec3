"""The commands and Python of the documentation run, in a temporary folder, and print what is shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner import ELSEWHERE, RUNNERS, matches, run_page
from snippets import PAGES, ROOT, snippets
from stand_ins import write_stand_ins

WITH_CODE = [page for page in PAGES if {snippet.language for snippet in snippets(page)} & set(RUNNERS)]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the specs of the repository, and what a page has of other frameworks, in which the commands of a
    page run one after another."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    spec = (ROOT / "specs" / "iris.nn").read_text(encoding="utf-8")
    (tmp_path / "mistake.nn").write_text(spec.replace("dense(", "densse(", 1), encoding="utf-8")
    stand_in = tmp_path / "node_modules" / "onnxruntime-web"  # for what npm would install
    (stand_in / "dist").mkdir(parents=True)
    (stand_in / "package.json").write_text('{"version": "1.30.0"}')
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (stand_in / "dist" / name).touch()
    write_stand_ins(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    yield tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_page_runs(page: Path, workplace: Path) -> None:
    run_page(page)


def test_commands_that_are_left_out_run_somewhere() -> None:
    assert all((ROOT / test).exists() for test in ELSEWHERE.values())


def test_numbers_are_compared_and_dots_stand_for_anything() -> None:
    assert matches("loss 0.51\n…\nbest 3", "loss 0.49\nmore\nlines 7.5\nbest 3\n")
    assert not matches("loss 0.51\n…\nbest 3", "loss 0.9\nmore\nbest 3\n")
    assert not matches("best 3", "best 4")


def test_the_first_spec_of_the_readme_is_the_one_in_specs() -> None:
    spec = re.sub(r" *#.*", "", (ROOT / "specs" / "iris.nn").read_text(encoding="utf-8"))
    assert snippets(ROOT / "README.md", "nnspec")[0].text == spec
