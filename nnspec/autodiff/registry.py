"""The table of gradient rules: operator -> rule, or the statement that no gradient passes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from nnspec.graph.graph import Graph, Node, Value

Grads = tuple[Value | None, ...]
"""One entry per input of the node; None where no gradient goes."""

Rule = Callable[[Graph, Node, Any], Grads]
"""`rule(graph, node, dy)`. `dy` is the gradient of the result; of an operator with several results, a tuple with None
for those that the loss does not depend on.
"""

R = TypeVar("R", bound=Rule)


class Entry(NamedTuple):
    rule: Rule
    broadcasts: bool


_RULES: dict[str, Entry] = {}
_STOPS: set[str] = set()
_INFERENCE: dict[str, str] = {}


def gradient(*op_types: str, broadcasts: bool = False) -> Callable[[R], R]:
    """Function decorator: the gradient rule of these operators.

    The rule returns as many entries as the node has inputs. It may compute entries that nobody needs: the engine
    removes those again. An entry may have a larger shape than its input where the operator broadcast it (the engine
    sums), or a smaller one that broadcasts to it (the engine waits). With `broadcasts` the rule accepts such a smaller
    `dy` itself: elementwise rules do.
    """

    def add(rule: R) -> R:
        for op_type in op_types:
            _refuse_second(op_type)
            _RULES[op_type] = Entry(rule, broadcasts)
        return rule

    return add


def non_differentiable(*op_types: str) -> None:
    """State that no gradient passes these operators: their results are integers or booleans, or constant almost
    everywhere.
    """
    for op_type in op_types:
        _refuse_second(op_type)
        _STOPS.add(op_type)


def trained_otherwise(reason: str, *op_types: str) -> None:
    """State that these operators are for inference: a graph that trains says the same in others."""
    for op_type in op_types:
        _refuse_second(op_type)
        _INFERENCE[op_type] = reason


def refusal_of(op_type: str) -> str:
    """Why an operator has no rule although it is no step function; an empty text for all others."""
    return _INFERENCE.get(op_type, "")


def entry_of(op_type: str) -> Entry | None:
    """The rule, or None where the operator has none."""
    return _RULES.get(op_type)


def stops_gradients(op_type: str) -> bool:
    return op_type in _STOPS


def rules() -> tuple[str, ...]:
    return tuple(sorted(_RULES))


def declared() -> tuple[str, ...]:
    """The operators that are stated to have no gradient."""
    return tuple(sorted(_STOPS))


def inference_only() -> tuple[str, ...]:
    """The operators that no graph that trains holds."""
    return tuple(sorted(_INFERENCE))


def _refuse_second(op_type: str) -> None:
    if op_type in _RULES or op_type in _STOPS or op_type in _INFERENCE:
        raise ValueError(f"two gradient rules for {op_type}")
