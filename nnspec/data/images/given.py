"""Images for inference: a file, or all in a folder."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any

from nnspec.data.files import find
from nnspec.data.images.column import ImageFiles
from nnspec.data.images.folder import find_folder, find_images, shown
from nnspec.data.images.formats import ENDINGS, Fit, Resizing
from nnspec.data.rows import LateColumn
from nnspec.data.slots import Slot
from nnspec.data.sources import ImageFolder
from nnspec.diagnostics.errors import Fault
from nnspec.ir.fields import OptionError
from nnspec.ir.types import TensorType


def is_image(path: str) -> bool:
    """Whether a path is that of an image or a folder, or a pattern of such."""
    return path.lower().endswith(ENDINGS) or Path(path).is_dir() or is_pattern(path)


def is_pattern(path: str) -> bool:
    """Whether a path stands for all that are like it: `photos/*.jpg`."""
    return glob.has_magic(path) and not Path(path).exists()


def _matching(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """The folder that the images like a pattern share, and their paths in it. Raises E601 and E609."""
    try:
        every = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute
    except (OSError, ValueError, re.error) as error:
        raise Fault("E601", f"{pattern!r} is not a usable pattern: {error}") from error
    found = [file for file in every if file.lower().endswith(ENDINGS) and Path(file).is_file()]
    if not found:
        raise Fault("E609", f"no image is like {pattern}", help=f"images end with {', '.join(ENDINGS)}")
    root = os.path.commonpath([str(Path(file).parent) for file in found]) or "."
    return Path(root), tuple(Path(os.path.relpath(file, root)).as_posix() for file in found)


def given_images(
    path: str,
    name: str,
    type: TensorType,
    resizing: Resizing | None = None,
    fit: Fit | None = None,
    *,
    lenient: bool = False,
) -> tuple[LateColumn, tuple[str, ...]]:
    """The images of a file, folder or pattern for the input `name`, and their paths.

    They come to one size as in training, `resizing`; or with `fit` to that of the input. Files that are no images are
    found now, or when they are decoded if `lenient`. Raises E601, E607 where a size does not fit, E608, E609, E610 and
    E612.
    """
    if fit is not None:
        resizing = Resizing(_size(name, type), fit, resizing.resample if resizing else "bilinear")
    full = Path(path)
    if full.is_dir():
        root = find_folder(Path(), path, relative="")
        names = find_images(root, path, classes=False).files
        files = ImageFiles(root, names, path, resizing, advice=_advice, lenient=lenient)
        paths = tuple(map(shown, files.names))
    elif is_pattern(path):
        root, names = _matching(path)
        files = ImageFiles(root, names, str(root), resizing, advice=_advice, lenient=lenient)
        paths = tuple(map(shown, names))
    else:
        find(Path(), path, relative="")
        files = ImageFiles(full.parent, (full.name,), "", resizing, advice=_advice, alone=path)
        paths = (path,)
    return files.fitted(Slot(name, type)), paths


def recorded(options: object) -> Resizing | None:
    """How a model file says that its images were brought to one size; None where it says nothing that has a meaning."""
    if not isinstance(options, dict):
        return None
    said: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    try:
        return ImageFolder(path="images", **said).resizing
    except (OptionError, TypeError):
        return None


def _size(name: str, type: TensorType) -> tuple[int, int]:
    height, width = type.shape[-2:] if type.rank in (3, 4) else (None, None)
    if isinstance(height, int) and isinstance(width, int):
        return height, width
    raise Fault("E610", f"--fit brings images to the size of their input, and {name} is {type}")


def _advice(wanted: tuple[int, int]) -> str:
    return f"--fit stretch brings images to {list(wanted)}; so do crop and pad, which keep their proportions"
