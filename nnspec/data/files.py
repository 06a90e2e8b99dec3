"""Data files: finding and reading them, and writing so that a reader never sees half a file. Import-light."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nnspec.data.wording import nearest
from nnspec.diagnostics.errors import Fault
from nnspec.files import replace_file

RELATIVE = "paths are relative to the spec's folder, or to --data"


def find(folder: Path, path: str, relative: str = RELATIVE) -> Path:
    """The plain file `path`, relative to `folder`. Raises E601 that says where was searched and what is near, or else
    `relative`: where paths start."""
    full = folder / path
    try:
        if full.is_file():
            return full
        exists = full.exists()
    except (OSError, ValueError) as error:
        raise Fault("E601", f"{path!r} is not a usable path: {_cause(error)}") from error
    if exists:
        kind = "a folder" if full.is_dir() else "a device or pipe"
        raise Fault("E601", f"{path} is {kind}, a plain file is needed")
    raise Fault("E601", f"there is no file {path} in {folder.absolute()}", help=_help(full, path, relative))


def read_bytes(folder: Path, path: str) -> bytes:
    """All of a file. Raises E601."""
    with opened(folder, path) as (stream, _):
        return stream.read()


@contextmanager
def opened(folder: Path, path: str, relative: str = RELATIVE) -> Iterator[tuple[BinaryIO, int]]:
    """A file to read from, and its size. Raises E601, also where it cannot be read to its end."""
    file = find(folder, path, relative)
    try:
        with file.open("rb") as stream:
            yield stream, file.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    except MemoryError as error:
        raise Fault("E601", f"{path} does not fit in memory") from error


def unreadable(path: str, error: OSError) -> Fault:
    """E601 for a file that exists but does not open."""
    return Fault("E601", f"{path} cannot be read: {_cause(error)}")


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a new file, then put it in the place of `path` in one step.

    Raises E610; an old file is kept then. A pipe or device is written to directly: there is nothing to replace.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                write(stream)
        else:
            replace_file(path.resolve(), lambda temporary: _fill(temporary, write))
    except OSError as error:
        raise Fault("E610", f"{path} cannot be written: {_cause(error)}") from error


def _fill(path: Path, write: Callable[[BinaryIO], object]) -> None:
    with path.open("wb") as stream:
        write(stream)


def _help(full: Path, path: str, relative: str) -> str:
    parent = full.parent
    if not parent.is_dir():
        return f"the folder {parent} does not exist" + (f"; {relative}" if relative else "")
    try:
        meant = nearest(full.name, sorted(entry.name for entry in parent.iterdir() if entry.is_file()))
    except OSError:
        meant = None
    if meant is None:
        return relative
    return f"did you mean {path.removesuffix(full.name)}{meant}?"


def _cause(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
