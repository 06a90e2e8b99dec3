"""A folder of images as a table."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from nnspec.data.images.column import ImageFiles
from nnspec.data.images.folder import find_folder, find_images, shown
from nnspec.data.images.formats import Resizing
from nnspec.data.images.picture import require_pillow
from nnspec.data.table import Cells, Images, Table


def read_images(
    folder: Path, path: str, columns: Collection[str], resizing: Resizing | None = None, memory: int = 0
) -> Table:
    """The images in a folder as a table with `image` and `label`, of which nothing is decoded yet; up to `memory` bytes
    of pixels will stay. Raises E601, E602, E609 and E612."""
    require_pillow()
    root = find_folder(folder, path)
    found = find_images(root, path, classes="label" in columns)
    files = tuple(f"{path}/{shown(name)}" for name in found.files)
    parts: dict[str, Cells | Images] = {
        "image": ImageFiles(root, found.files, path, resizing, memory),
        "label": found.labels,
    }
    return Table(path, len(files), parts, tuple(parts), files=files)
