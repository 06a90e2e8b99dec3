"""Runs the blocks of a page one after another, in the present folder, the way a reader would."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from math import isclose
from pathlib import Path

import yaml
from snippets import ROOT, Command, Snippet, commands, snippets

from nnspec.cli.main import _parser, main

BIN = Path(sys.executable).parent
ELLIPSIS = "…"
NUMBER = r"\d+\.\d+(?:e[-+]?\d+)?"
SHELL = set("|&;<>*$`~{}")
TARGETS = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

ELSEWHERE = {
    "python -m venv .venv": "tests/kits/test_kits.py",
    "pip install .": "tests/test_package.py",
    "pip install nnspec-*.whl": "tests/test_package.py",
    "cd grammar/vscode": "tests/vscode/test_extension.py",
    "npm ci": "tests/vscode/test_extension.py",
    "npx @vscode/vsce package": "tests/vscode/test_extension.py",
    "code --install-extension nnspec-0.1.0.vsix": "tests/vscode/test_editor.py",
    "pip install pre-commit": "tests/kits/test_pre_commit.py",
    "pre-commit install": "tests/kits/test_pre_commit.py",
    "pre-commit run --all-files": "tests/kits/test_pre_commit.py",
    "npm install onnxruntime-web": "tests/web/test_browser.py",
}
"""Commands that fetch something, and the test that runs them."""

SERVED = {"serve", "served"}
"""Blocks that begin a server, and ask it: tests/serving/test_docs.py runs them."""


def run_page(page: Path) -> None:
    """Run every block; an AssertionError says where the page is not what happens."""
    for snippet in snippets(page):
        run_block(snippet)


def run_block(snippet: Snippet) -> None:
    if snippet.file:
        path = Path(snippet.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(snippet.spec, encoding="utf-8")
    if snippet.language in RUNNERS:
        RUNNERS[snippet.language](snippet)


def _console(snippet: Snippet) -> None:
    if "walk" in snippet.words:  # test_walks runs it, in a copy of the repository
        return
    if SERVED & set(snippet.words):
        return
    wanted = int(snippet.after("exits") or 0)
    for command in commands(snippet):
        _ran(command, f"{snippet}: {command.line}", wanted)


def _ran(command: Command, where: str, wanted: int) -> None:
    line = command.line.partition(" #")[0].strip()
    words = shlex.split(line)
    if line in ELSEWHERE:
        return
    if words[0] == "make":
        assert set(words[1:]) <= TARGETS, where
        return
    if words[0] == "cd":
        os.chdir(words[1])
        return
    simple = words[0] == "nnspec" and not SHELL & set(line)
    code, printed = _in_process(words[1:]) if simple else _in_shell(line)
    assert code == (1 if "error[" in command.shown else wanted), f"{where}\n{printed}"
    if command.shown.strip():
        assert matches(command.shown, printed), f"{where} prints\n{printed}"


def _in_process(arguments: list[str]) -> tuple[int, str]:
    out = TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(out), redirect_stderr(out):
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _in_shell(line: str) -> tuple[int, str]:
    me = {"GIT_AUTHOR_NAME": "me", "GIT_AUTHOR_EMAIL": "me@example.org", "PYTHONPATH": str(ROOT)}
    me |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in me.items() if "AUTHOR" in name}
    environment = {**os.environ, **me, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _python(snippet: Snippet) -> None:
    if not {"torch", *SERVED} & set(snippet.words) and not any(word.startswith("into=") for word in snippet.words):
        exec(compile(snippet.text, str(snippet), "exec"), {"__name__": "snippet"})


def _diff(snippet: Snippet) -> None:
    """A change to the file that the block names: lines with `-` go, those with `+` come in their place."""
    if any(word.startswith("into=") for word in snippet.words):
        return
    path = Path(snippet.words[0])
    path.write_text(changed(path.read_text(encoding="utf-8"), snippet.text, str(snippet)), encoding="utf-8")


def changed(text: str, diff: str, where: str) -> str:
    """The text with a change made: the lines between two `@@` stand below each other, once in the text."""
    for hunk in re.split(r"^@@\n", diff, flags=re.MULTILINE):
        lines = [line if line.strip() else " \n" for line in hunk.splitlines(keepends=True)]
        old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        assert text.count(old) == 1, f"{where}: not once in the file:\n{old}"
        text = text.replace(old, new)
    return text


def _yaml(snippet: Snippet) -> None:
    yaml.safe_load(snippet.text)


def _toml(snippet: Snippet) -> None:
    tomllib.loads(snippet.text)


def _json(snippet: Snippet) -> None:
    json.loads(snippet.text)


def _lua(snippet: Snippet) -> None:
    assert snippet.text.count("{") == snippet.text.count("}") and '{ "nnspec", "lsp" }' in snippet.text


def _dockerfile(snippet: Snippet) -> None:
    """No image is built: its command is one of nnspec's, with options that there are."""
    said = re.search(r"^ENTRYPOINT (\[.*\])$", snippet.text, re.MULTILINE)
    assert said, snippet
    words = json.loads(said[1])
    assert words[0] == "nnspec" and _parser(words[1:]).parse_args(words[1:]).run


RUNNERS: dict[str, Callable[[Snippet], None]] = {
    "console": _console,
    "python": _python,
    "diff": _diff,
    "yaml": _yaml,
    "toml": _toml,
    "json": _json,
    "lua": _lua,
    "dockerfile": _dockerfile,
}


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as shown: `…` stands for anything, and measured numbers may differ somewhat."""
    pattern, wanted = "", []
    for piece in re.split(f"({NUMBER}|{ELLIPSIS})", shown.strip()):
        if re.fullmatch(NUMBER, piece):
            pattern += f"({NUMBER})"
            wanted.append(float(piece))
        else:
            pattern += "(?s:.*?)" if piece == ELLIPSIS else re.escape(piece)
    found = re.fullmatch(pattern, printed.strip())
    return bool(found) and all(
        isclose(a, float(b), rel_tol=0.2, abs_tol=0.05) for a, b in zip(wanted, found.groups(), strict=True)
    )
