"""Weights to start from: the part that is asked for, under the names of the spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.compiler.fit import require_fit, without_counters
from nnspec.compiler.foreign_config import read_config, require_config
from nnspec.compiler.rename_file import rename_table
from nnspec.compiler.renamed import advice, renamed
from nnspec.compiler.weights import Source, find_weights, read_weights
from nnspec.data.wording import listed
from nnspec.diagnostics.errors import Fault
from nnspec.ir.patterns import matches
from nnspec.ir.spec import Spec
from nnspec.recipe.starts import Start

Array = np.ndarray[Any, Any]


def starting_weights(spec: Spec, source: Source, asked: Start, beside: Path) -> dict[str, Array]:
    """Arrays by path for the parameters that `asked` covers, all of them. A table of names in a file is looked for in
    the folder `beside`.

    Raises E702 where they do not fit, E707 where a file cannot be read.
    """
    table = rename_table(asked.rename, beside)
    read = read_weights(source)
    if isinstance(source, str | Path) and asked.is_whole:
        require_config(spec, read_config(find_weights(source), table))
    found = renamed(_below(asked.part, read.arrays), table)
    below = f"{asked.into}." if asked.into else ""
    covered = {
        below + name: array
        for name, array in found.arrays.items()
        if any(matches(pattern, below + name) for pattern in asked.patterns)
    }
    taken = without_counters(spec, covered)
    before = f"{asked.part}." if asked.part else ""
    names = {below + name: before + own for name, own in found.names.items()}

    def advise(missing: list[str]) -> str:
        return advice(table, found, missing, below) or (read.advise(missing) if read.advise else "")

    require_fit(spec, taken, only=asked.patterns, names=names, advise=advise)
    return taken


def _below(part: str, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """What is below a scope, without it."""
    if not part:
        return arrays
    found = {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
    if not found:
        scopes = dict.fromkeys(name.partition(".")[0] for name in arrays)
        raise Fault("E702", f"the file has nothing below {part}", help=f"its names begin with {listed(scopes)}")
    return found
