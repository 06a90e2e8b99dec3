"""The table that leads from the rules of the grammar to the functions that make nodes of the syntax tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Action = Callable[..., Any]
_A = TypeVar("_A", bound=Action)


class Actions(dict[str, Action]):
    """Functions by rule: the name behind `->` in the grammar, or the rule's own.

    A function is called with the place of the rule and the parts that were read. It may raise a Fault; the parser
    adds the place.
    """

    def rule(self, name: str) -> Callable[[_A], _A]:
        """Registers the decorated function for the rule `name`."""

        def register(function: _A) -> _A:
            self[name] = function
            return function

        return register
