"""What a data file or folder holds, as one number, so that a change is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NamedTuple

from nnspec.data.files import unreadable

READ = 64 * 2**20
"""Bytes of a folder's files that are read: a fraction of a second. Of a larger folder evenly spaced files are."""


class _File(NamedTuple):
    name: str
    size: int


def digest(path: Path) -> str:
    """The SHA-256 of a file; for a folder, of the names and sizes of all files in it and the bytes of as many as can be
    read in a moment. Hidden files do not count. Raises E601."""
    try:
        if path.is_dir():
            return _folder_digest(path)
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(str(path), error) from error


def _folder_digest(folder: Path) -> str:
    files = sorted(_files(folder))
    every = max(1, -(-sum(file.size for file in files) // READ))
    total = sha256()
    for number, file in enumerate(files):
        total.update(f"{file.name}\0{file.size}\n".encode("utf-8", "surrogateescape"))
        if number % every == 0:
            with (folder / file.name).open("rb") as stream:
                total.update(file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _files(folder: Path) -> Iterator[_File]:
    """The files below a folder; links are followed, and none twice around a circle."""
    seen: set[tuple[int, int]] = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        found = Path(here).stat()
        if (found.st_dev, found.st_ino) in seen:
            folders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(here).relative_to(folder).as_posix()
        for name in names:
            full = Path(here) / name
            if not name.startswith(".") and full.is_file():
                yield _File(name if inside == "." else f"{inside}/{name}", full.stat().st_size)
