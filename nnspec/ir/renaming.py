"""Rename tables: from the names of a source of weights to paths below a scope of the model, and back.

A table is a list of rules, `[from, to]` or `[from, to, mark]`; the first whose `from` covers a name decides, and a name
that none covers stays as it is. In `from` every `*` takes as little text as it can, dots included, and `[text]` may be
there or not; `to` puts what the `*` took in the places of its own `*`, in order. An empty `to` leaves the tensor aside;
a list of names cuts it along the first axis into so many equal parts. The marks: `transpose` turns a source's
[*, in, out] into [out, in, *], `squeeze` takes off a first axis of size 1, `tied` says that the tensor is another copy
of one that a rule gives.

On the way back the first rule that can have led to a path decides, and `[text]` is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

TRANSPOSE, SQUEEZE, TIED = MARKS = ("transpose", "squeeze", "tied")

Entry = tuple[str | tuple[str, ...], ...]
"""A rule as a spec or a file has it."""

PARTS = re.compile(r"(\*|\[[^\[\]*]+\])")
"""What is no plain text in `from`: a star, or a text that may be missing."""


class Rule(NamedTuple):
    """One row of a table."""

    number: int
    """From 1."""
    text: str
    """`from` as it was written."""
    source: re.Pattern[str]
    targets: tuple[str, ...]
    """One name, several for the parts that the tensor is cut into, none for a tensor that is left aside."""
    mark: str

    def __str__(self) -> str:
        leads = " and ".join(self.targets) if self.targets else '""'
        return f'rule {self.number}, "{self.text}" to {leads},'


class Renamed(NamedTuple):
    """What becomes of a tensor."""

    names: tuple[str, ...]
    mark: str = ""
    rule: Rule | None = None
    """The rule that covers its name."""


class Origin(NamedTuple):
    """Where a parameter goes on the way back."""

    name: str
    part: int = 0
    """Its place among the `parts` that are put together again."""
    parts: int = 1
    mark: str = ""


class Table:
    """A rename table."""

    def __init__(
        self,
        entries: Iterable[Any],
        settings: Mapping[str, tuple[str, ...]] | None = None,
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        """`settings` are the keys, in a file that says what the model of the weights is, of parameters of the spec's
        model; `fixed` are the values that other keys must have, if they are there. Raises ValueError that names the
        rule for an entry that is none."""
        self.rules = [_rule(number, entry) for number, entry in enumerate(entries, 1)]
        self.settings, self.fixed = dict(settings or {}), dict(fixed or {})

    def __call__(self, name: str) -> Renamed:
        """What becomes of the tensor `name`."""
        for rule in self.rules:
            if found := rule.source.fullmatch(name):
                taken = found.groups()
                return Renamed(tuple(_filled(target, taken) for target in rule.targets), rule.mark, rule)
        return Renamed((name,))

    def back(self, path: str) -> Origin | None:
        """Which tensor of the source becomes `path`, or a part of it; None where that cannot be told.

        A path to which no rule leads stays as it is."""
        leads = False
        for rule in self.rules:
            for part, target in enumerate(rule.targets if rule.mark != TIED else ()):
                if found := _pattern(target).fullmatch(path):
                    leads = True
                    name = _unfilled(rule.text, found.groups())
                    if name and self._leads(name, rule, part, path):
                        return Origin(name, part, len(rule.targets), rule.mark)
        return None if leads or self(path) != Renamed((path,)) else Origin(path)

    def leading_to(self, path: str) -> list[Rule]:
        """The rules that lead to a path from some name."""
        return [rule for rule in self.rules if any(_pattern(target).fullmatch(path) for target in rule.targets)]

    def _leads(self, name: str, rule: Rule, part: int, path: str) -> bool:
        """Whether the table turns a name into a path by this rule; one before it may cover that name."""
        found = self(name)
        return found.rule is rule and found.names[part] == path


def _rule(number: int, entry: Any) -> Rule:
    where = f"rule {number} of the rename table"
    if not isinstance(entry, (list, tuple)) or len(entry) not in (2, 3):
        raise ValueError(f'{where} is not [from, to] or [from, to, "{TRANSPOSE}"]')
    source, target, *mark = entry
    if not isinstance(source, str) or not source:
        raise ValueError(f"{where} has no name or pattern to begin with")
    if mark and mark[0] not in MARKS:
        raise ValueError(f'{where} ends with {mark[0]!r}; only "{TRANSPOSE}", "{SQUEEZE}" or "{TIED}" can stand there')
    targets = (target,) if isinstance(target, str) else target
    if not isinstance(targets, (list, tuple)) or not all(isinstance(name, str) for name in targets):
        raise ValueError(f"{where} leads to {target!r}; that is a name, a list of names, or an empty text")
    if targets == ("",):
        targets = ()
    elif not targets or not all(targets):
        raise ValueError(f"{where} leads to an empty name")
    if mark == [TIED] and len(targets) != 1:
        raise ValueError(f'{where}: "{TIED}" goes with the one name of which the tensor is a copy')
    stars = source.count("*")
    if more := next((name for name in targets if name.count("*") > stars), ""):
        raise ValueError(f'{where}: "{more}" has more * than "{source}"')
    if any(sign in piece for piece in PARTS.split(source)[::2] for sign in "[]"):
        raise ValueError(f'{where}: a [ of "{source}" begins a text that may be missing, without *, and ] ends it')
    return Rule(number, source, _pattern(source, optional=True), tuple(targets), mark[0] if mark else "")


def _pattern(text: str, *, optional: bool = False) -> re.Pattern[str]:
    pieces = PARTS.split(text) if optional else re.split(r"(\*)", text)
    for place in range(1, len(pieces), 2):
        pieces[place] = "(.*?)" if pieces[place] == "*" else f"(?:{re.escape(pieces[place][1:-1])})?"
    pieces[::2] = map(re.escape, pieces[::2])
    return re.compile("".join(pieces), re.DOTALL)


def _filled(target: str, taken: tuple[str, ...]) -> str:
    first, *rest = target.split("*")
    return first + "".join(text + part for text, part in zip(taken, rest, strict=False))


def _unfilled(source: str, taken: tuple[str, ...]) -> str | None:
    """The name that `source` covers with these texts for its stars; None where it has more stars."""
    pieces = PARTS.split(source)
    if pieces.count("*") != len(taken):
        return None
    texts = iter(taken)
    for place in range(1, len(pieces), 2):
        pieces[place] = next(texts) if pieces[place] == "*" else pieces[place][1:-1]
    return "".join(pieces)
