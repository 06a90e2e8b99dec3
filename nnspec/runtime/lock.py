"""One writer at a time: a lock file that says who holds it.

The kernel's lock on the open file decides, so that the lock of a process that died is free at once. Where the file
system has no such locks, the process that the file names decides, if it is one of this machine.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nnspec.diagnostics.errors import Fault

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` inside. Raises E715 where another process holds it, E707 where it cannot be made."""
    try:
        handle = _acquired(path)
    except OSError as error:
        raise Fault("E707", f"{path} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may be gone, and the lock with it
            path.unlink()
        os.close(handle)


def _acquired(path: Path) -> int:
    """An open, locked file that is the one at `path`, and names this process."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            owner = _owner(handle)
            free = _lock(handle)
            if not (_dead(owner) if free is None else free):
                raise _refusal(path, owner)
            if _is_at(handle, path):
                _sign(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its holder removed it between the two calls; the next round makes a new one


def _lock(handle: int) -> bool | None:
    """Whether the lock is ours now; None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    note = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(note).encode() + b"\n", 0)


def _owner(handle: int) -> dict[str, Any]:
    """Who the file names; nobody, where it was opened but not yet signed."""
    try:
        found = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _dead(owner: dict[str, Any]) -> bool:
    """Whether the process that a file names is certainly gone; there is no way to ask another machine."""
    if not owner:
        return True
    if owner.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except (KeyError, ValueError, PermissionError):
        return False
    return False


def _refusal(path: Path, owner: dict[str, Any]) -> Fault:
    who = f"process {owner['pid']} on {owner['host']}, since {owner['since']}" if owner else "another process"
    return Fault(
        "E715",
        f"{path.parent} is being written by {who}",
        help="wait for it or stop it; another directory is another run"
        + (f"; if that process is gone, remove {path}" if owner else ""),
    )
