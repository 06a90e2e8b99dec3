"""Patterns over the paths of parameters: `*` stands for any text, dots included; everything else for itself."""

from __future__ import annotations

import re
from collections.abc import Iterable


def matches(pattern: str, path: str) -> bool:
    """Whether `path` is one that `pattern` covers."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) is not None


def matches_any(pattern: str, paths: Iterable[str]) -> bool:
    """Whether `pattern` covers one of the paths at all."""
    return any(matches(pattern, path) for path in paths)
