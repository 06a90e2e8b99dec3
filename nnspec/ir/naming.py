"""Paths of parameters and nodes.

A scope is a model, a block call, a step of a named `repeat` or a named statement that holds several layers. What is
made inside gets its own part of the path when its statement ends, since only then it is known how many layers of the
statement own parameters. Hence parts are set late, and a path is read only when everything is elaborated.
"""

from __future__ import annotations

from typing import Final


class Scope:
    """A part of a path, below `parent`; the root has none. Layers that own parameters are leaves of this tree."""

    __slots__ = ("_path", "kind", "names", "owned", "owns", "parent", "part", "transients")

    def __init__(self, kind: str, parent: Scope | None = None, part: str = "") -> None:
        self.kind: Final = kind
        self.parent = parent
        self.part = part
        self.owns = False
        """True as soon as something in it owns parameters."""
        self.names: dict[str, int] = {}
        self.owned: dict[str, int] = {}
        self.transients: dict[str, int] = {}
        self._path: str | None = None

    @property
    def path(self) -> str:
        if self._path is None:
            above = self.parent.path if self.parent else ""
            self._path = f"{above}.{self.part}" if above and self.part else above or self.part
        return self._path

    def below(self, root: Scope) -> str:
        """The path from `root`, which is above; it may be read as soon as the body of `root` is done."""
        parts: list[str] = []
        scope: Scope | None = self
        while scope is not None and scope is not root:
            parts.append(scope.part)
            scope = scope.parent
        return ".".join(filter(None, reversed(parts)))

    def named(self, name: str) -> str:
        """The part for a name that was given: `x`, then `x_2`."""
        count = _counted(self.names, name)
        return name if count == 1 else f"{name}_{count}"

    def numbered(self, made: Scope) -> str:
        """The part for something without a name: kind and number.

        What owns nothing has numbers of its own, so that it moves no name.
        """
        return f"{made.kind}_{_counted(self.owned if made.owns else self.transients, made.kind)}"


def _counted(counts: dict[str, int], name: str) -> int:
    """The number of this occurrence; a plain dict is made in a third of a Counter's time."""
    counts[name] = counts.get(name, 0) + 1
    return counts[name]


def settle(scope: Scope, name: str | None, made: list[Scope]) -> None:
    """Give parts to what a statement of `scope` made: an only owner takes its name, several stand below it."""
    owners = [entity for entity in made if entity.owns]
    if name is None or not owners:
        _number(scope, made)
        return
    below = Scope("statement", scope, scope.named(name))
    if len(owners) == 1:
        owners[0].parent, owners[0].part = scope, below.part
        made = [entity for entity in made if entity is not owners[0]]
    _number(below, made)


def _number(scope: Scope, made: list[Scope]) -> None:
    for entity in made:
        entity.parent, entity.part = scope, scope.numbered(entity)
