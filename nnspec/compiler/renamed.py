"""Arrays under the names of a rename table, there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnspec.compiler.fit import TURNED
from nnspec.data.wording import listed, nearest
from nnspec.diagnostics.errors import Fault
from nnspec.ir.renaming import SQUEEZE, TIED, TRANSPOSE, Origin, Rule, Table
from nnspec.ir.types import shape_text

Array = np.ndarray[Any, Any]

RULES = 3
"""Of a rename table, that are named in a message."""


class Moved(NamedTuple):
    """What a table made of the tensors of a file."""

    arrays: dict[str, Array]
    """By the new names; views where that suffices."""
    names: dict[str, str]
    """The name in the file of each new one."""
    aside: dict[str, str]
    """The names that were left aside; of copies with the new name of what they are copies of."""
    rules: dict[str, Rule | None]
    """The rule that covers each name of the file."""


def renamed(arrays: Mapping[str, Array], table: Table) -> Moved:
    """The arrays under their new names. Raises E702 where two get one name, where one cannot be cut or squeezed, and
    where what is tied differs."""
    made = Moved({}, {}, {}, {})
    copies: dict[str, tuple[str, Rule]] = {}
    for name, array in arrays.items():
        new = table(name)
        made.rules[name] = new.rule
        if not new.names:
            made.aside[name] = ""
        elif new.mark == TIED and new.rule:
            copies[name] = new.names[0], new.rule
        else:
            parts = _cut(name, _turned(name, array, new.mark), len(new.names))
            for target, part in zip(new.names, parts, strict=True):
                _add(made, target, part, name)
    for name, (target, rule) in copies.items():
        _add_copy(made, target, arrays[name], name, rule)
    return made


def advice(table: Table, made: Moved, missing: Iterable[str], into: str = "") -> str:
    """Which rules are to blame for missing paths below the scope `into`; empty where none is."""
    used = {rule.number for rule in made.rules.values() if rule}
    loose = [name for name, rule in made.rules.items() if not rule]
    if not table.rules or not loose:
        return ""
    if not used:
        if any(table.leading_to(name) for name in loose):
            return "the file has the names of a spec already: it needs no rename table"
        return f"no rule of the rename table covers a name of the file, which has {listed(loose[:3])}"
    said: dict[str, None] = {}
    for path in missing:
        leading = table.leading_to(path.removeprefix(into))
        if leading and not any(rule.number in used for rule in leading):
            near = nearest(leading[0].text, loose)
            meant = f"; did you mean {near}?" if near else ""
            said[f"{leading[0]} covers no name of the file{meant}"] = None
    return "; ".join(list(said)[:RULES])


def given_back(arrays: Mapping[str, Array], table: Table) -> dict[str, Array]:
    """The arrays under the names of the source: parts put together, axes as they were there. Raises E702 for a path to
    which no name of the source leads, for parts without the others, and where two get one name."""
    groups: dict[str, dict[int, str]] = {}
    origins: dict[str, Origin] = {}
    for path in arrays:
        origin = table.back(path)
        if origin is None:
            known = table(path).rule is not None
            help = "it is a name of the source, which the table leads from, not to" if known else ""
            raise Fault("E702", f"the rename table has no way back for {path}", help=help)
        own = groups.setdefault(origin.name, {})
        if origin.part in own or origin.parts != origins.setdefault(origin.name, origin).parts:
            other = next(iter(own.values()))
            raise Fault("E702", f"the rename table makes {origin.name} of both {other} and {path}")
        own[origin.part] = path
    return {
        name: _joined(name, [arrays[own[k]] for k in sorted(own)], own, origins[name]) for name, own in groups.items()
    }


def _joined(name: str, parts: list[Array], paths: Mapping[int, str], origin: Origin) -> Array:
    if len(parts) != origin.parts:
        have = ", ".join(paths.values())
        raise Fault("E702", f"{name} is put together of {origin.parts} parts, and there is only {have}")
    if len({part.shape for part in parts}) > 1:
        shapes = ", ".join(f"{paths[k]} {shape_text(part.shape)}" for k, part in enumerate(parts))
        raise Fault("E702", f"{name} is put together of parts of one shape, and there are {shapes}")
    whole: Array = parts[0] if origin.parts == 1 else np.concatenate(parts)
    if origin.mark == TRANSPOSE and whole.ndim > 1:
        whole = np.moveaxis(whole, (0, 1), (-1, -2))
    if origin.mark == SQUEEZE:
        whole = whole[np.newaxis]
    return np.asarray(whole, order="C")


def _turned(name: str, array: Array, mark: str) -> Array:
    if mark == TRANSPOSE and array.ndim > 1:
        return np.moveaxis(array, (-1, -2), (0, 1))
    if mark == SQUEEZE:
        if array.shape[:1] != (1,):
            raise Fault("E702", f"{name} {shape_text(array.shape)} has no first axis of size 1 to squeeze")
        array = array.reshape(array.shape[1:])
    return array


def _cut(name: str, array: Array, parts: int) -> list[Array]:
    if parts == 1:
        return [array]
    if not array.ndim or array.shape[0] % parts:
        lies = array.ndim == 2 and not array.shape[1] % parts
        said = f"{name} {list(array.shape)} cannot be cut into {parts} equal parts along its first axis"
        raise Fault("E702", said, help=TURNED if lies else "")
    return np.split(array, parts)


def _add(made: Moved, target: str, array: Array, name: str) -> None:
    if target in made.arrays:
        raise Fault("E702", f"the rename table makes {target} of both {made.names[target]} and {name}")
    made.arrays[target], made.names[target] = array, name


def _add_copy(made: Moved, target: str, array: Array, name: str, rule: Rule) -> None:
    """A copy must be equal; where it alone is there, it is the tensor."""
    if target not in made.arrays:
        _add(made, target, array, name)
    elif not np.array_equal(made.arrays[target], array):
        raise Fault(
            "E702",
            f"{name} and {made.names[target]} differ, and rule {rule.number} of the rename table says they are tied",
            help="a model in which they are two needs a parameter for each",
        )
    else:
        made.aside[name] = target
