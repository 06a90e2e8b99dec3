"""The files that the arguments of a command name."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

STDIN = "-"


def spec_files(arguments: Iterable[str], exclude: Iterable[str] = ()) -> Iterator[str]:
    """The files that the arguments name, each once: files, folders with every .nn file below them, patterns such as
    `specs/**/*.nn`, and `-`.

    In folders, and behind patterns, hidden folders and what matches `exclude` are left out. Raises E301 for an argument
    that names no file.
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
    return hidden or any(fnmatch(path, p) or fnmatch(path, f"{p}/*") or fnmatch(path, f"*/{p}/*") for p in exclude)
