"""Rows in JSON.

Nested lists, a list of objects with named columns, or an object that holds either under an input's name.
"""

from __future__ import annotations

import json
from typing import Any

from nnspec.data.wording import quoted, suggestion
from nnspec.diagnostics.errors import Fault

SHAPES = 'a list of rows, a list of objects with named columns, or {"input": rows}'


def parse_json(text: str, source: str, name: str, columns: tuple[str, ...] = ()) -> Any:
    """Nested lists of numbers, booleans or text for the input `name`. Raises E602, E603, E604, E605 and E609.

    Objects give `columns` in this order, or where none are known, all keys of the first object in their order.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Fault("E604", f"{source}, line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise Fault("E604", f"{source}: {error}") from error
    if isinstance(value, dict):
        if name not in value:
            raise Fault(
                "E602", f"{source} has no entry {name!r}", help=suggestion(name, tuple(value), "its entries are")
            )
        value = value[name]
    if not isinstance(value, list):
        raise Fault("E603", f"{source} holds {quoted(value)} for {name}", help=f"write {SHAPES}")
    if not value:
        raise Fault("E609", f"{source} has no rows")
    return _listed(value, source, columns) if any(isinstance(row, dict) for row in value) else _checked(value, source)


def _no_constant(text: str) -> Any:
    raise Fault("E605", f"the JSON holds {text}, a finite number is needed")


def _listed(rows: list[Any], source: str, columns: tuple[str, ...]) -> list[list[Any]]:
    """Objects as lists of their values."""
    first = rows[0]
    names = columns or (tuple(first) if isinstance(first, dict) else ())
    found = []
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Fault("E603", f"{source}, index {index}: {quoted(row)} among objects", help=f"write {SHAPES}")
        for name in names:
            if name not in row:
                raise Fault(
                    "E602",
                    f"{source}, index {index}: there is no {name!r}",
                    help=suggestion(name, tuple(row), "it has"),
                )
        if not columns and len(row) != len(names):
            raise Fault("E604", f"{source}, index {index}: {len(row)} entries where the first object has {len(names)}")
        found.append([row[name] for name in names])
    return _checked(found, source)


def _checked(rows: list[Any], source: str) -> list[Any]:
    """Refuse what NumPy would convert in silence: null, and text among numbers."""
    for index, row in enumerate(rows):
        kinds = {"text" if isinstance(leaf, str) else "number" for leaf in _leaves(row, f"{source}, index {index}")}
        if index == 0:
            expected = kinds
        if len(kinds | expected) > 1:
            raise Fault("E603", f"{source}, index {index}: text among numbers")
    return rows


def _leaves(value: Any, where: str) -> list[Any]:
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part, where)]
    if value is None or isinstance(value, dict):
        raise Fault("E603", f"{where}: {'null' if value is None else 'an object'} where a value is needed")
    return [value]
