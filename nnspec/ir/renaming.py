"""Rename tables: from the names of a source of weights to paths below a scope of the model.

A table is a list of rules, `[from, to]` or `[from, to, "transpose"]`; the first whose `from` covers a name decides, and
a name that none covers stays as it is. In `from` every `*` takes as little text as it can, dots included, and `to`
puts what they took in the places of its own `*`, in order. An empty `to` leaves the tensor aside; a list of names
cuts it along the first axis into so many equal parts. `transpose` turns a source's [*, in, out] into [out, in, *].
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

TRANSPOSE = "transpose"

Entry = tuple[str | tuple[str, ...], ...]
"""A rule as a spec or a file has it."""


class Rule(NamedTuple):
    """One row of a table."""

    source: re.Pattern[str]
    targets: tuple[str, ...]
    """One name, several for the parts that the tensor is cut into, none for a tensor that is left aside."""
    transpose: bool


class Renamed(NamedTuple):
    """What becomes of a tensor."""

    names: tuple[str, ...]
    transpose: bool


class Table:
    """A rename table."""

    def __init__(self, entries: Iterable[Any]) -> None:
        """Raises ValueError that names the rule for an entry that is none."""
        self._rules = [_rule(number, entry) for number, entry in enumerate(entries, 1)]

    def __call__(self, name: str) -> Renamed:
        """What becomes of the tensor `name`."""
        for rule in self._rules:
            if found := rule.source.fullmatch(name):
                return Renamed(tuple(_filled(target, found.groups()) for target in rule.targets), rule.transpose)
        return Renamed((name,), False)


def _rule(number: int, entry: Any) -> Rule:
    where = f"rule {number} of the rename table"
    if not isinstance(entry, (list, tuple)) or len(entry) not in (2, 3):
        raise ValueError(f'{where} is not [from, to] or [from, to, "{TRANSPOSE}"]')
    source, target, *mark = entry
    if not isinstance(source, str) or not source:
        raise ValueError(f"{where} has no name or pattern to begin with")
    if mark not in ([], [TRANSPOSE]):
        raise ValueError(f'{where} ends with {mark[0]!r}; "{TRANSPOSE}" is all that can stand there')
    targets = (target,) if isinstance(target, str) else target
    if not isinstance(targets, (list, tuple)) or not all(isinstance(name, str) for name in targets):
        raise ValueError(f"{where} leads to {target!r}; that is a name, a list of names, or an empty text")
    if targets == ("",):
        targets = ()
    elif not targets or not all(targets):
        raise ValueError(f"{where} leads to an empty name")
    stars = source.count("*")
    if more := next((name for name in targets if name.count("*") > stars), ""):
        raise ValueError(f'{where}: "{more}" has more * than "{source}"')
    pattern = "(.*?)".join(map(re.escape, source.split("*")))
    return Rule(re.compile(pattern, re.DOTALL), tuple(targets), bool(mark))


def _filled(target: str, taken: tuple[str, ...]) -> str:
    first, *rest = target.split("*")
    return first + "".join(text + part for text, part in zip(taken, rest, strict=False))
