"""One writer at a time; the lock of a dead process is free."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nnspec.diagnostics.errors import Fault
from nnspec.runtime.lock import locked

HOLD = """
import sys
from pathlib import Path
from nnspec.runtime.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "run.lock"


def hold(lock: Path) -> subprocess.Popen[str]:
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def let_go(process: subprocess.Popen[str], *, kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate()


def test_another_process_is_refused_and_named(lock: Path) -> None:
    other = hold(lock)
    with pytest.raises(Fault, match=f"process {other.pid} on {socket.gethostname()}, since 20") as caught, locked(lock):
        pass
    assert caught.value.code == "E715"
    let_go(other)
    assert not lock.exists()
    with locked(lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert not lock.exists()


def test_the_lock_of_a_killed_process_is_free(lock: Path) -> None:
    let_go(hold(lock), kill=True)
    assert lock.exists()
    with locked(lock):
        pass


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks."""

    def refuse(*args: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_flock")
def test_without_locks_the_process_that_is_named_decides(lock: Path) -> None:
    other = hold(lock)
    with pytest.raises(Fault, match=rf"process {other.pid}"), locked(lock):
        pass
    let_go(other, kill=True)
    with locked(lock), pytest.raises(Fault, match=rf"process {os.getpid()}"), locked(lock):
        pass


@pytest.mark.usefixtures("no_flock")
def test_without_locks_another_machine_is_believed(lock: Path) -> None:
    lock.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "2026-01-01"}))
    with pytest.raises(Fault, match="process 1 on elsewhere") as caught, locked(lock):
        pass
    assert f"remove {lock}" in caught.value.help


def test_a_lock_that_is_nonsense_names_nobody(lock: Path) -> None:
    lock.write_text("nonsense")
    with locked(lock):
        pass
    with pytest.raises(Fault, match=r"run\.lock cannot be written"), locked(lock.parent / "absent" / "run.lock"):
        pass


def test_a_folder_that_vanishes_takes_the_lock_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with locked(folder / "run.lock"):
        (folder / "run.lock").unlink()
        folder.rmdir()
