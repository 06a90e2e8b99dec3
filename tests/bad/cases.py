"""The bad specs of this folder: their texts, where they are wrong, and what nnspec answers.

A folder is a theme, a file in it a case; files further below are what cases use. A line that holds a caret and a code
is no part of the spec: it says that the line above is wrong in the column of the caret, and is taken out before nnspec
sees the file. So a place is stated by whoever wrote the case, and `golden.txt` and `golden.json`, which hold the
answers word by word, cannot bless a wrong one. `^ E601 nowhere` stands for an error that has no place in a spec.

A spec without a mark that the commands of another case name is no case.

A case is run by `nnspec check`, or by the commands in its first lines, which begin with `$`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.cli.main import main

FOLDER = Path(__file__).parent
MARK = re.compile(rb"[ \t]*\^ ([EW]\d{3})( nowhere)?\r?")
SAID = re.compile(r"^(?:(\S[^:\n]*):(\d+):(\d+): )?(error|warning)\[([EW]\d{3})\]: ", re.MULTILINE)
"""The first line of a finding, in the text for people."""


class Place(NamedTuple):
    """Where a finding belongs: a file of the theme, a line and a column, or nowhere."""

    file: str
    line: int
    column: int
    code: str


@dataclass(frozen=True)
class Case:
    """One bad spec, or a command that goes wrong."""

    theme: str
    name: str
    commands: tuple[str, ...]
    wanted: tuple[Place, ...]
    """Where it is wrong, as its writer says, in the order of the files."""

    @property
    def checked(self) -> bool:
        """Whether `check` alone finds it, which answers in JSON too."""
        return self.commands == (f"nnspec check {self.name}.nn",)


class Answer(NamedTuple):
    """What nnspec says of a case."""

    text: str
    """Both streams of the last command."""
    found: list[dict[str, Any]]
    """The findings of `--format json`; empty where another command than `check` was run."""
    places: tuple[Place, ...]


def themes() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_"))


def stripped(content: bytes) -> tuple[bytes, list[str], list[tuple[int, int, str]]]:
    """A file without its marks and commands, the commands, and the marks as line, column and code; 0 for nowhere."""
    lines: list[bytes] = []
    commands: list[str] = []
    marks: list[tuple[int, int, str]] = []
    for line in content.split(b"\n"):
        if mark := MARK.fullmatch(line):
            place = (0, 0) if mark[2] else (max(len(lines), 1), line.index(b"^") + 1)
            marks.append((*place, mark[1].decode()))
        elif line.startswith(b"$ ") and not lines:
            commands.append(line[2:].decode())
        else:
            lines.append(line)
    return b"\n".join(lines), commands, marks


def unpack(theme: str, folder: Path) -> list[Case]:
    """Write the files of a theme into `folder` as nnspec is to see them, and give its cases."""
    cases = []
    marked = {}
    for path in sorted((FOLDER / theme).rglob("*")):
        name = path.relative_to(FOLDER / theme).as_posix()
        if path.is_dir() or name.startswith("golden."):
            continue
        content, commands, marks = stripped(path.read_bytes())
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        places = [Place(name if line else "", line, column, code) for line, column, code in marks]
        if name.endswith(".nn") and "/" not in name:
            run = tuple(commands) or (f"nnspec check {name}",)
            cases.append(Case(theme, name[:-3], run, tuple(places)))
        elif places:
            marked[name] = places
    run = [command for case in cases for command in case.commands if not case.checked and case.wanted]
    helpers = [case for case in cases if not case.wanted and any(f" {case.name}.nn" in command for command in run)]
    return [_with_used(case, folder, marked) for case in cases if case not in helpers]


def _used(case: Case, folder: Path, marked: dict[str, list[Place]]) -> list[str]:
    """The marked files that a case uses, also by others."""
    found: list[str] = []
    waiting = [f"{case.name}.nn"]
    while waiting:
        name = waiting.pop()
        for used in re.findall(rb'^use "([^"]+)"', (folder / name).read_bytes(), re.MULTILINE):
            path = os.path.normpath(Path(name).parent / used.decode())
            if path not in found and (folder / path).is_file():
                found.append(path)
                waiting.append(path)
    return [name for name in found if name in marked]


def _with_used(case: Case, folder: Path, marked: dict[str, list[Place]]) -> Case:
    used = [place for name in _used(case, folder, marked) for place in marked[name]]
    return Case(case.theme, case.name, case.commands, (*case.wanted, *used))


def answer(case: Case, folder: Path) -> Answer:
    """What nnspec says of a case, in a folder of its own where it trains."""
    with working_in(folder):
        text = ""
        for command in case.commands:
            word, *arguments = shlex.split(command)
            if word == "cp":
                shutil.copyfile(*arguments)
            else:
                text = said(*arguments)
        text = text.replace(str(folder), "FOLDER")
        if not case.checked:
            return Answer(text, [], tuple(_place(match) for match in SAID.finditer(text)))
        found = json.loads(said("check", "--no-cache", "--format", "json", f"{case.name}.nn"))["diagnostics"]
    places = [Place(one["file"] or "", one["line"] or 0, one["column"] or 0, one["code"]) for one in found]
    return Answer(text, found, tuple(places))


def said(*arguments: str) -> str:
    """Everything that a command prints."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream), contextlib.suppress(SystemExit):
        main(list(arguments))
    return stream.getvalue()


def _place(match: re.Match[str]) -> Place:
    return Place(match[1] or "", int(match[2] or 0), int(match[3] or 0), match[5])


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def golden_text(answers: dict[str, Answer]) -> str:
    """The answers of a theme, one behind the other."""
    return "\n".join(f"==== {name}\n{one.text}" for name, one in answers.items())


def golden_json(answers: dict[str, Answer]) -> str:
    found = {name: one.found for name, one in answers.items() if one.found}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
