"""The files that the arguments of a command name."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

STDIN = "-"
FOREIGN = ("run.json", "pyvenv.cfg")
"""A folder that holds one of these is a run directory, or an environment of Python: its specs are copies."""


def spec_files(arguments: Iterable[str], exclude: Iterable[str] = ()) -> Iterator[str]:
    """The files that the arguments name, each once: files, folders with every .nn file below them, patterns such as
    `specs/**/*.nn`, and `-`.

    In folders, and behind patterns, hidden folders, run directories, environments and what matches `exclude` are left
    out. Raises E301 for an argument that names no file.
    """
    seen: set[str] = set()
    for argument in arguments:
        for file in _files(argument, tuple(exclude)):
            if file not in seen:
                seen.add(file)
                yield file


def _files(argument: str, exclude: tuple[str, ...]) -> list[str]:
    path = Path(argument)
    if argument == STDIN or path.is_file():
        return [argument]
    if path.is_dir():
        found, what = sorted(str(file) for file in path.rglob("*.nn")), f"below {argument}"
    elif glob.has_magic(argument):
        matching = glob.glob(argument, recursive=True)  # noqa: PTH207  a pattern may be absolute
        found, what = sorted(matching), f"like {argument}"
        found = [file for file in found if file.endswith(".nn")]
    else:
        return [argument]
    kept = [file for file in found if not _left_out(file, argument, exclude)]
    if not kept:
        from nnspec.diagnostics.errors import Fault

        raise Fault("E301", f"there is no .nn file {what}" + (" that is not excluded" if found else ""))
    return kept


def _left_out(file: str, argument: str, exclude: tuple[str, ...]) -> bool:
    below = file.removeprefix(argument).split("/")[:-1]
    hidden = any(part.startswith(".") and part not in (".", "..") for part in below)
    path = Path(file).as_posix()
    if hidden or any(_is_foreign(folder) for folder in Path(file).parents[: len([part for part in below if part])]):
        return True
    return any(fnmatch(path, p) or fnmatch(path, f"{p}/*") or fnmatch(path, f"*/{p}/*") for p in exclude)


@cache
def _is_foreign(folder: Path) -> bool:
    return any((folder / name).exists() for name in FOREIGN)
