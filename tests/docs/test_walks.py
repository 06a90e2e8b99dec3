"""The walks of architecture.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runner import changed
from snippets import ROOT, Snippet, commands, snippets

PAGE = ROOT / "docs" / "architecture.md"
CODE = [snippet for snippet in snippets(PAGE) if any(word.startswith("into=") for word in snippet.words)]
WALKS = [
    command.line for snippet in snippets(PAGE, "console") if "walk" in snippet.words for command in commands(snippet)
]

CHECK = """
import nnspec
from nnspec.library import registries
from nnspec.graph.graph import Graph
import nnspec.autodiff
spec = nnspec.loads('''nnspec 1

model walk {
  input x: float32[N, 3]
  output y = dense(3, init = rademacher) -> softshrink
}

train {
  target t: float32[N, 3]
  loss      = fourth_power(y, t)
  optimizer = sign_sgd(0.1)
  steps     = 1
}
''')
import numpy as np
trainer = nnspec.Trainer(spec)
batch = {"x": np.ones((5, 3), np.float32), "t": np.zeros((5, 3), np.float32)}
first, second = trainer.step(batch)["loss"], trainer.step(batch)["loss"]
assert second < first, (first, second)
assert registries()["layer"].nearest("nn.Softshrink") == "softshrink"
assert "Sinh" in nnspec.autodiff.rules()
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    for name in (
        "nnspec",
        "grammar",
        "docs",
        "specs",
        "tests",
        "pyproject.toml",
        "README.md",
        "Makefile",
        "LICENSE",
        "action.yml",
    ):
        source = ROOT / name
        made = shutil.copytree if source.is_dir() else shutil.copy
        (folder / name).parent.mkdir(exist_ok=True)
        made(source, folder / name)
    for snippet in CODE:
        insert(snippet, folder)
    return folder


def insert(snippet: Snippet, folder: Path) -> None:
    """Put the text behind the line that `after=` names, or at the end of the file.

    Nothing is done where somebody has really added what the page takes as its example.
    """
    given = dict(word.split("=", 1) for word in snippet.words if "=" in word)
    path = folder / given["into"]
    text = path.read_text(encoding="utf-8")
    if snippet.language == "diff":
        path.write_text(changed(text, snippet.text, str(snippet)), encoding="utf-8")
        return
    example = re.search(r'"\w+"', snippet.text)
    if example and example.group() in text:
        return
    if "after" in given:
        at = text.index("\n", text.index("\n" + given["after"]) + 1) + 1
        path.write_text(text[:at] + snippet.text + text[at:], encoding="utf-8")
    else:
        path.write_text(f"{text.rstrip()}\n\n\n{snippet.text}", encoding="utf-8")


def python(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_page_adds_works(copy: Path) -> None:
    """The layer, the loss, the optimizer and the rule are there, and a spec that uses them trains."""
    python(copy, "-c", CHECK)


@pytest.mark.parametrize("line", WALKS, ids=range(len(WALKS)))  # words of a command would match its own -k
def test_the_commands_of_the_page_pass(copy: Path, line: str) -> None:
    words = line.split(maxsplit=1)
    if line == "make docs":
        python(copy, "-m", "nnspec.docs", "docs")
        assert "### softshrink" in (copy / "docs" / "layers.md").read_text(encoding="utf-8")
        return
    assert words[0] == "python" and "-m pytest" in line
    python(copy, *shlex.split(words[1]), "-q", "-p", "no:cacheprovider")
