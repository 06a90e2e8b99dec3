"""Specs as they stood in a git revision: `HEAD~1:spec.nn`. The only file that starts another program, which is git."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from nnspec.diagnostics.errors import Fault


def checked_out(revision: str, path: str, folder: Path) -> Path:
    """Put the .nn files of a revision into `folder`; where `path` stands there.

    `path` is meant from the top of the repository, as git means it, or else from the working directory. Raises E301.
    """
    top, prefix = _git("rev-parse", "--show-toplevel", "--show-prefix").decode().split("\n")[:2]
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}").decode().strip()
    archive = _git("-C", top, "archive", "--format=tar", commit, "--", ":(glob,top)**/*.nn")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    for candidate in (folder / path, folder / prefix / path):
        if candidate.is_file():
            return candidate
    raise Fault("E301", f"there is no file {path} in {revision}")


def inside(path: str) -> str:
    """A path as the repository around the working directory names it."""
    top = _git("rev-parse", "--show-toplevel").decode().strip()
    try:
        return Path(path).resolve().relative_to(Path(top).resolve()).as_posix()
    except ValueError:
        raise Fault("E301", f"{path} is not in the repository {top}") from None


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise Fault("E301", f"git cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0].removeprefix("fatal: ")
        raise Fault("E301", f"git knows no such revision or file{f': {said}' if said else ''}")
    return done.stdout
