"""Patterns over the paths of parameters: `*` stands for any text, dots included; everything else for itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from nnspec.diagnostics.errors import Fault


def matches(pattern: str, path: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) is not None


def matching(pattern: str, paths: Sequence[str], what: str) -> list[str]:
    """The paths that a pattern covers. Raises E715 where there are none; `what` names the setting: `freeze`."""
    found = [path for path in paths if matches(pattern, path)]
    if not found:
        near = get_close_matches(pattern, paths, n=1, cutoff=0)
        raise Fault(
            "E715",
            f"{what} = {pattern!r} matches no parameter",
            help=f"the nearest parameter is {near[0]}" if near else "the model has no parameters",
        )
    return found
