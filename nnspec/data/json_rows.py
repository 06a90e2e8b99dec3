"""Rows in JSON.

Nested lists, a list of objects with named columns, an object that holds either under an input's name, or a value per
line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from nnspec.data.cells import FILL
from nnspec.data.wording import quoted, suggestion
from nnspec.diagnostics.errors import Fault

SHAPES = 'a list of rows, a list of objects with named columns, or {"input": rows}'


def parse_value(text: str, source: str, line: int | None = None) -> Any:
    """A JSON value; `line` is where it stands, if that is a line of its own. Raises E604 and E605."""
    try:
        return json.loads(text, parse_constant=no_constant)
    except Fault as fault:
        where = source if line is None else f"{source}, line {line}"
        raise Fault(fault.code, f"{where}: {fault.message}", help=fault.help) from fault
    except json.JSONDecodeError as error:
        where = f"line {error.lineno if line is None else line}, column {error.colno}"
        raise Fault("E604", f"{source}, {where}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise Fault("E604", f"{source}{'' if line is None else f', line {line}'}: {error}") from error


def rows_of(value: Any, source: str, name: str) -> list[Any]:
    """The rows for the input `name` in a document. Raises E602, E603 and E609."""
    if isinstance(value, dict):
        if name not in value:
            raise no_entry(source, name, tuple(value))
        value = value[name]
    if not isinstance(value, list):
        raise Fault("E603", f"{source} holds {quoted(value)} for {name}", help=f"write {SHAPES}")
    if not value:
        raise Fault("E609", f"{source} has no rows")
    return value


def no_entry(source: str, name: str, names: Sequence[str]) -> Fault:
    """E602 for an object without rows for the input `name`."""
    return Fault("E602", f"{source} has no entry {name!r}", help=suggestion(name, names, "its entries are"))


def no_constant(text: str) -> Any:
    """Raise E605 for NaN and Infinity, which Python would read."""
    raise Fault("E605", f"the JSON holds {text}, a finite number is needed", help=FILL)


class Form:
    """What the rows of one input have in common: the first row decides.

    Objects give `columns` in this order; where none are known, or the first object lacks some, the entry with the
    `name` of the input; or all in the order of the first object. One entry that is a list, or the row of an input of
    `rank` 1, is the row itself. With `even` all rows have the sizes of the first.
    """

    def __init__(self, name: str, columns: tuple[str, ...], rank: int, *, even: bool = False) -> None:
        self._name = name
        self._columns, self._rank, self._even = columns, rank, even
        self._sizes: tuple[int, ...] | None = None
        self._names: tuple[str, ...] | None = None
        self._kinds: set[str] = set()

    def plain(self, rows: Sequence[Any], where: Callable[[int], str]) -> list[Any]:
        """Rows as nested lists of numbers, or of text; `where` says where one is from. Raises E602, E603 and E604."""
        if self._names is None:
            self._names = self._chosen(rows[0], where(0))
        objects = any(isinstance(row, dict) for row in rows)
        found = [self._values(row, where(i)) for i, row in enumerate(rows)] if objects or self._names else list(rows)
        for i, row in enumerate(found):
            kinds = {"text" if isinstance(leaf, str) else "number" for leaf in _leaves(row, where(i))}
            self._kinds = self._kinds or kinds
            if len(kinds | self._kinds) > 1:
                raise Fault("E603", f"{where(i)}: text among numbers")
            if self._even:
                self._require_even(row, where(i))
        return found

    def _chosen(self, first: Any, where: str) -> tuple[str, ...]:
        if not isinstance(first, dict):
            return ()
        missing = [name for name in self._columns if name not in first]
        if self._name in first and (missing or not self._columns):
            self._columns = ()
            return (self._name,)
        for name in missing:
            raise Fault("E602", f"{where}: there is no {name!r}", help=suggestion(name, tuple(first), "it has"))
        return self._columns or tuple(first)

    def _require_even(self, row: Any, where: str) -> None:
        """Raise E604 for a row that has not the sizes of the first."""
        sizes = _sizes(row, where)
        self._sizes = sizes if self._sizes is None else self._sizes
        if sizes != self._sizes:
            raise Fault("E604", f"{where}: {_said(sizes)} where the first row has {_said(self._sizes)}")

    def _values(self, row: Any, where: str) -> Any:
        names = self._names or ()
        if not isinstance(row, dict) or not names:
            raise Fault("E603", f"{where}: {quoted(row)} among objects", help=f"write {SHAPES}")
        for name in names:
            if name not in row:
                raise Fault("E604", f"{where}: there is no {name!r}", help=suggestion(name, tuple(row), "it has"))
        if not self._columns and names != (self._name,) and len(row) != len(names):
            raise Fault("E604", f"{where}: {len(row)} entries where the first object has {len(names)}")
        only = row[names[0]] if len(names) == 1 else None
        return only if len(names) == 1 and (isinstance(only, list) or self._rank == 1) else [row[n] for n in names]


def _leaves(value: Any, where: str) -> list[Any]:
    if isinstance(value, list):
        return [leaf for part in value for leaf in _leaves(part, where)]
    if value is None or isinstance(value, dict):
        raise Fault("E603", f"{where}: {'null' if value is None else 'an object'} where a value is needed")
    return [value]


def _sizes(value: Any, where: str) -> tuple[int, ...]:
    """The sizes of nested lists, none for a number. Raises E604 where the parts of one differ."""
    if not isinstance(value, list):
        return ()
    if not any(isinstance(part, list) for part in value):
        return (len(value),)
    inner = {_sizes(part, where) for part in value}
    if len(inner) > 1:
        raise Fault("E604", f"{where}: its parts differ in length")
    return (len(value), *inner.pop())


def _said(sizes: tuple[int, ...]) -> str:
    return "one number" if sizes in ((), (1,)) else f"{' by '.join(map(str, sizes))} numbers"
