"""The files that a model names: whether they lie in its folder, and are what they seem.

ONNX Runtime 1.31 follows a hard link to any file on the same disk; `onnx.checker` passes offsets and lengths beyond the
end. Nine CVEs of 2022 to 2026 are of this kind.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nnspec.diagnostics.errors import Fault

MAX_PATH = 1024
NOT_WAITING = getattr(os, "O_NONBLOCK", 0)
"""For a pipe that took the place of a file: opening it would wait for somebody who writes."""


def require_inside(folder: str, location: str, name: str) -> int:
    """The size of the plain file `location` in `folder`. Raises E731 for whatever is not plainly inside: `..`, absolute
    paths, links of both kinds, pipes and devices. Nothing is read."""
    parts = location.split("/")
    if not location or len(location) > MAX_PATH or any(c in location for c in "\0\\:") or not location.isprintable():
        raise Fault("E731", f"{name} lies at {location!r:.60}, which is no path in the folder of the model")
    if any(part in ("", "..") for part in parts):
        raise Fault("E731", f"{name} lies at {location!r:.60}, which leads out of the folder of the model")
    path = Path(folder)
    for part in parts:
        path /= part
        try:
            found = path.lstat()
        except OSError as error:
            raise Fault("E731", f"{name} lies at {location!r:.60}: {error.strerror}") from error
        if stat.S_ISLNK(found.st_mode):
            help = "if it is meant, copy the folder with its links followed: cp -rL"
            raise Fault("E731", f"{name} lies at {location!r:.60}, a link that may lead anywhere", help=help)
    return _plain(found, location, name)


def read_inside(folder: str, location: str, offset: int, length: int, name: str) -> bytes:
    """Bytes of a file that `require_inside` has passed, and is looked at once more now that it is open. Raises E731."""
    require_inside(folder, location, name)
    try:
        handle = os.open(Path(folder, location), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | NOT_WAITING)
        with os.fdopen(handle, "rb") as file:
            _plain(os.fstat(handle), location, name)
            file.seek(offset)
            data = file.read(length)
    except OSError as error:
        raise Fault("E731", f"{name} lies at {location!r:.60}: {error.strerror}") from error
    if len(data) != length:
        raise Fault("E731", f"{name} takes {length} bytes of {location!r:.60}, which has {len(data)} there")
    return data


def _plain(found: os.stat_result, location: str, name: str) -> int:
    where = f"{name} lies at {location!r:.60}"
    if not stat.S_ISREG(found.st_mode):
        raise Fault("E731", f"{where}, which is no plain file")
    if found.st_nlink != 1:
        help = "if it is meant, copy the file"
        raise Fault("E731", f"{where}, which has {found.st_nlink} names and may be a file from elsewhere", help=help)
    return found.st_size
