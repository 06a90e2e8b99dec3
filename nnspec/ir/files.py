"""Paths that a `use` line names, and the files behind them. Nothing outside the project root is ever opened."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from nnspec.diagnostics.errors import Fault
from nnspec.ir.wording import nearest, suggestion
from nnspec.language import syntax

MAX_BYTES = 16_000_000
LIBRARY = Path(__file__).parent.parent / "std"
"""The standard library."""
PREFIX = "std."


def library_file(source: syntax.Name | syntax.Attribute) -> tuple[Path, str]:
    """The file of `std.transformer`, and how it is shown. Raises E301."""
    names = [source.name] if isinstance(source, syntax.Name) else []
    if isinstance(source, syntax.Attribute):
        names = [source.base.name, *(part.name for part in source.names)]
    if len(names) != 2 or names[0] != "std":
        raise Fault(
            "E301",
            f"{'.'.join(names)} is no file of the standard library",
            help='a file of yours is named by a string: use "blocks/mine.nn": name',
        )
    library = sorted(path.stem for path in LIBRARY.glob("*.nn"))
    if names[1] not in library:
        raise Fault("E301", f"the standard library has no {names[1]}", help=suggestion(names[1], library, "it has"))
    return LIBRARY / f"{names[1]}.nn", ".".join(names)


def holding(name: str) -> str:
    """The file of the standard library that has a block of this name; an empty text for none."""
    if not name.isidentifier():
        return ""
    header = f"\nblock {name}"
    found = (
        path for path in sorted(LIBRARY.glob("*.nn")) if re.search(rf"{header}\b", path.read_text(encoding="utf-8"))
    )
    return next((path.stem for path in found), "")


def relative_file(user: str, text: str, root: Path) -> tuple[Path, str]:
    """The file that `text` names in the file `user`, if it stays inside the root, links followed. Raises E302."""
    if user.startswith(PREFIX):
        raise Fault("E302", "a file of the standard library uses only the standard library")
    if not text or text.startswith(("/", "~")) or any(character in text for character in "\\:\0"):
        raise Fault(
            "E302", f'"{text}" is not a relative path', help='write it relative to this file: "blocks/resnet.nn"'
        )
    joined = Path(user).parent / text
    inside, real = os.path.realpath(root), os.path.realpath(joined)
    if os.path.commonpath([inside, real]) != inside:
        raise Fault(
            "E302",
            f'"{text}" lies outside the project root',
            help="move the file below the folder of the main spec, or name a wider --root",
        )
    return Path(real), os.path.normpath(joined)


def content_of(path: Path, shown: str) -> bytes:
    """The bytes of a regular file of bounded size. Raises E301."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Fault("E301", f"{shown} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}")
        if status.st_size > MAX_BYTES:
            raise Fault("E301", f"{shown} has {status.st_size:_} bytes, the limit is {MAX_BYTES:_}")
        return path.read_bytes()
    except FileNotFoundError:
        near = nearest(path.name, _listing(path.parent), cutoff=0.5)
        raise Fault("E301", f"there is no file {shown}", help=f"did you mean {near}?" if near else "") from None
    except (OSError, ValueError) as error:
        raise Fault("E301", f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _listing(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.nn")] if folder.is_dir() else []
