"""The images in a folder, and the class of each: the name of the folder that it lies in. Import-light."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nnspec.data.files import RELATIVE, unreadable
from nnspec.data.images.formats import ENDINGS
from nnspec.data.wording import nearest
from nnspec.diagnostics.errors import Fault, RunWarning

CLUTTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")
"""What operating systems leave in folders, as they do names that begin with a dot."""
MAX_DEPTH = 32

Place = tuple[int, int]
"""Device and inode of a folder, however its path is written."""


class Found(NamedTuple):
    """The images in a folder, sorted by class and path."""

    files: tuple[str, ...]
    """Their paths in the folder."""
    labels: tuple[str, ...]
    """The class of each: the first part of its path, or nothing where no classes were asked for."""


def find_folder(folder: Path, path: str, relative: str = RELATIVE) -> Path:
    """The folder `path`, relative to `folder`. Raises E601 that says where was searched and what is near."""
    full = folder / path
    try:
        if full.is_dir():
            return full
        exists = full.exists()
    except (OSError, ValueError) as error:
        raise Fault("E601", f"{path!r} is not a usable path: {error}") from error
    if exists:
        raise Fault("E601", f"{path} is a file, a folder of images is needed")
    try:
        meant = nearest(full.name, sorted(entry.name for entry in full.parent.iterdir() if entry.is_dir()))
    except OSError:
        meant = None
    help = f"did you mean {path.rstrip('/').removesuffix(full.name)}{meant}?" if meant else relative
    raise Fault("E601", f"there is no folder {path} in {folder.absolute()}", help=help)


def find_images(root: Path, path: str, *, classes: bool) -> Found:
    """The images below `root`, which messages call `path`; links are followed.

    With `classes` every image lies in the folder of its class, or in one inside of it. What is hidden is passed over;
    other files that are no images too, with a RunWarning that counts them; another RunWarning says that there is one
    class alone. Raises E601, E602 and E609.
    """
    others: list[str] = []
    files = tuple(_walk(root, path, "", {}, others))
    if not files:
        raise Fault("E609", f"{path} holds no image", help=f"images end with {', '.join(ENDINGS)}")
    labels = tuple(file.partition("/")[0] if classes else "" for file in files)
    if classes:
        _require_classes(root, path, files, set(labels))
        if len(set(labels)) == 1:
            message = f"{path} holds the one class {shown(labels[0])!r}: there is nothing to tell apart"
            warnings.warn(RunWarning(message), stacklevel=2)
    if others:
        count = f"{len(others)} files are no images and were" if len(others) > 1 else "1 file is no image and was"
        message = f"{path}: {count} left out: {shown(others[0])}{', …' if len(others) > 1 else ''}"
        warnings.warn(RunWarning(message), stacklevel=2)
    return Found(files, tuple(map(shown, labels)))


def shown(name: str) -> str:
    """A file name that can be printed, whatever its bytes are."""
    return name.encode("utf-8", "backslashreplace").decode()


def _walk(root: Path, path: str, inside: str, above: dict[Place, str], others: list[str]) -> Iterator[str]:
    """The paths of images below a folder, sorted; what is neither image nor folder goes to `others`."""
    here = _place(root, inside, path)
    if here in above or len(above) > MAX_DEPTH:
        why = f"leads back to {path}/{above[here]}" if here in above else f"lies more than {MAX_DEPTH} folders deep"
        raise Fault("E601", f"{shown(f'{path}/{inside}').rstrip('/')} {why}", help="remove the link")
    try:
        with os.scandir(root / inside) as entries:
            found = sorted((entry.name, entry.is_dir(), entry.is_file()) for entry in entries)
    except OSError as error:
        raise unreadable(shown(f"{path}/{inside}").rstrip("/"), error) from error
    for name, is_folder, is_file in found:
        if name.startswith(".") or name.lower() in CLUTTER:
            continue
        if is_folder:
            yield from _walk(root, path, f"{inside}{name}/", {**above, here: inside}, others)
        elif not name.lower().endswith(ENDINGS):
            others.append(f"{inside}{name}")
        elif is_file:
            yield f"{inside}{name}"
        else:
            raise Fault("E601", f"{shown(f'{path}/{inside}{name}')} is a broken link or no plain file")


def _place(root: Path, inside: str, path: str) -> Place:
    try:
        found = (root / inside).stat()
    except OSError as error:
        raise unreadable(shown(f"{path}/{inside}"), error) from error
    return found.st_dev, found.st_ino


def _require_classes(root: Path, path: str, files: tuple[str, ...], labels: set[str]) -> None:
    """Raise E602 for an image outside of the folders of classes, E609 for a class without one."""
    loose = next((file for file in files if "/" not in file), None)
    if loose is not None:
        raise Fault(
            "E602",
            f"{shown(f'{path}/{loose}')} lies in no folder of a class",
            help=f"an image of a cat is {path}/cat/1.png; without classes, let nothing be fed by label",
        )
    for folder in sorted(entry.name for entry in root.iterdir() if entry.is_dir()):
        if folder not in labels and not folder.startswith(".") and folder.lower() not in CLUTTER:
            raise Fault("E609", f"{shown(f'{path}/{folder}')} holds no image", help="remove the folder, or fill it")
