"""Every registered part of a recipe is computed anew in NumPy somewhere: where, for each kind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from nnspec.library import registries

TESTS = Path(__file__).parent.parent


class Place(NamedTuple):
    """Where the values of a kind are said."""

    file: str
    table: str
    """A dictionary of calls with what they compute; empty where there is none."""
    function: str
    """What the tests of the file call with a component's text, for values that fit no table."""

    def __str__(self) -> str:
        row = f"add a row to {self.table}" if self.table else f'write a test with {self.function}("…", …)'
        return f"{row} in tests/{self.file}"


PLACES = {
    "loss": Place("recipe/test_losses.py", "POINTWISE", "loss"),
    "metric": Place("recipe/test_metrics.py", "", "metric"),
    "optimizer": Place("recipe/test_optimizers.py", "CASES", ""),
    "schedule": Place("recipe/test_schedules.py", "CLOSED", "value"),
    "initializer": Place("layers/test_initializers.py", "VARIANCES", "sample"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_every_component_has_values(kind: str) -> None:
    place = PLACES[kind]
    tree = ast.parse((TESTS / place.file).read_text(encoding="utf-8"))
    tried = {call.split("(")[0] for call in (*rows(tree, place.table), *strings(tree, place.function))}
    missing = sorted(set(registries()[kind]) - tried)
    assert not missing, f"{place}: nothing says what the {kind} {', '.join(missing)} computes"


def rows(tree: ast.Module, table: str) -> Iterator[str]:
    """The keys of a dictionary of the module."""
    for statement in tree.body:
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [])
        named = any(isinstance(target, ast.Name) and target.id == table for target in targets)
        value = getattr(statement, "value", None)
        if named and isinstance(value, ast.Dict):
            yield from (key.value for key in value.keys if isinstance(key, ast.Constant))


def strings(tree: ast.Module, function: str) -> Iterator[str]:
    """The texts that a function of the module is called with; `call = "plateau(…)"` before it counts as well."""
    for node in ast.walk(tree):
        text = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function and node.args:
            text = node.args[0]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "call":
            text = node.value
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            yield text.value
