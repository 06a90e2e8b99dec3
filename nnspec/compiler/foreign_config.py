"""What a `config.json` beside foreign weights says of the model that they are for: shapes alone do not tell how many
heads it has, or which epsilon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isclose
from pathlib import Path
from typing import Any, NamedTuple

from nnspec.diagnostics.errors import Fault
from nnspec.ir.renaming import Table
from nnspec.ir.spec import Spec

NAME = "config.json"
WHOLE = 2**53
"""Below it a float that is a whole number is taken for one: `10000.0` is 10_000."""


class Config(NamedTuple):
    """A file, by what a rename table says of it."""

    file: Path
    settings: Mapping[str, Any]
    """Of the model's parameters those that it gives."""
    others: Mapping[str, tuple[Any, Any]]
    """What it says, and what the table is for, where that differs: the spec computes that whatever its settings are."""


def read_config(weights: Path, table: Table) -> Config | None:
    """What stands beside a file of weights, if the table can read it. Raises E707."""
    file = (weights if weights.is_dir() else weights.parent) / NAME
    if not (table.settings or table.fixed) or not file.is_file():
        return None
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Fault("E707", f"{file} cannot be read: {error}") from error
    settings = {name: value for name, keys in table.settings.items() if (value := _first(content, keys)) is not None}
    said = {key: value for key in table.fixed if (value := _at(content, key)) is not None}
    others = {key: (value, table.fixed[key]) for key, value in said.items() if not _equal(value, table.fixed[key])}
    return Config(file, settings, others)


def require_config(spec: Spec, config: Config | None) -> None:
    """Raise E702 where weights are for a model that computes something else than the spec."""
    if config is None:
        return
    if config.others:
        key, (said, meant) = next(iter(config.others.items()))
        raise Fault("E702", f"{config.file} says {key} = {_text(said)}, and the rename table is for {_text(meant)}")
    differing = {
        name: value
        for name, value in config.settings.items()
        if name in spec.settings and not _equal(value, spec.settings[name])
    }
    if differing:
        theirs = ", ".join(f"{name} = {_text(value)}" for name, value in differing.items())
        own = ", ".join(_text(spec.settings[name]) for name in differing)
        raise Fault("E702", f"{config.file} says {theirs}, and {spec.name} has {own}", help=as_options(differing))


def as_options(settings: Mapping[str, Any]) -> str:
    """`--set heads=4 --set eps=1e-06`."""
    return " ".join(f"--set {name}={_text(value)}" for name, value in settings.items())


def _first(content: Any, keys: tuple[str, ...]) -> Any:
    found = next((value for key in keys if (value := _at(content, key)) is not None), None)
    return int(found) if isinstance(found, float) and found.is_integer() and abs(found) < WHOLE else found


def _at(content: Any, key: str) -> Any:
    """The value at `rope_parameters.rope_theta`; None where there is none, or null."""
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _equal(a: Any, b: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (a, b))
    return isclose(a, b, rel_tol=1e-9) if numbers else bool(a == b)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
