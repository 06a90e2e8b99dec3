"""The commands and Python of the documentation run, in a temporary folder, and print what is shown."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from math import isclose
from pathlib import Path

import pytest
from snippets import PAGES, ROOT, Command, commands, snippets

from nnspec.cli.main import main

WITH_CODE = [page for page in PAGES if snippets(page, "console") or snippets(page, "python")]
ELLIPSIS = "…"
NUMBER = re.compile(r"\d+\.\d+(?:e[-+]?\d+)?")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the specs of the repository, in which the commands of a page run one after another."""
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    spec = (ROOT / "specs" / "iris.nn").read_text(encoding="utf-8")
    (tmp_path / "mistake.nn").write_text(spec.replace("dense(", "densse(", 1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    yield tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_the_page_runs(page: Path, workplace: Path) -> None:
    for snippet in snippets(page):
        if snippet.file:
            path = workplace / snippet.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(snippet.spec, encoding="utf-8")
        if snippet.language == "console":
            for command in commands(snippet):
                ran(command, f"{snippet}: {command.line}")
        elif snippet.language == "python" and "fragment" not in snippet.words:
            exec(compile(snippet.text, str(snippet), "exec"), {"__name__": "snippet"})


def ran(command: Command, where: str) -> None:
    """Run one line of the console as the command line does; other programs than nnspec are left alone."""
    words = shlex.split(command.line, comments=True)
    if words[0] != "nnspec":
        assert words[0] in ("make", "pip", "cd", "git", "python"), where
        return
    out = TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(out), redirect_stderr(out):
        try:
            code = main(words[1:])
        except SystemExit as stop:
            code = int(stop.code or 0)
    printed = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert code == (1 if "error[" in command.shown else 0), f"{where}\n{printed}"
    if command.shown.strip():
        assert matches(command.shown, printed), f"{where} prints\n{printed}"


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as shown: `…` stands for anything, and measured numbers may differ somewhat."""
    pattern = re.escape(NUMBER.sub("#", shown.strip())).replace(re.escape(ELLIPSIS), "(?s:.*?)")
    if not re.fullmatch(pattern, NUMBER.sub("#", printed.strip())):
        return False
    wanted, found = (list(map(float, NUMBER.findall(text))) for text in (shown, printed))
    pairs = () if ELLIPSIS in shown else zip(wanted, found, strict=True)
    return all(isclose(a, b, rel_tol=0.2, abs_tol=0.05) for a, b in pairs)


def test_the_first_spec_of_the_readme_is_the_one_in_specs() -> None:
    spec = re.sub(r" *#.*", "", (ROOT / "specs" / "iris.nn").read_text(encoding="utf-8"))
    assert snippets(ROOT / "README.md", "nnspec")[0].text == spec
