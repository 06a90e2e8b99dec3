"""The catalogue of codes: what each error or warning means, a spec that has it, and the same spec mended.

A code keeps its meaning for ever. A new one is an entry in the file of its family; tests run every example.
"""

from __future__ import annotations

from nnspec.diagnostics.catalogue import data, names, requirements, runs, sections, syntax, training, warnings
from nnspec.diagnostics.catalogue.entry import Entry, explained
from nnspec.diagnostics.errors import Fault

__all__ = ["CATALOGUE", "Entry", "explain"]

FAMILIES = (
    syntax.ENTRIES,
    names.ENTRIES,
    sections.ENTRIES,
    training.ENTRIES,
    requirements.ENTRIES,
    data.ENTRIES,
    runs.ENTRIES,
    warnings.ENTRIES,
)
CATALOGUE: dict[str, Entry] = {entry.code: entry for family in FAMILIES for entry in family}


def explain(code: str) -> str:
    """The entry of `code`, for a terminal; raises a Fault for a code that does not exist."""
    entry = CATALOGUE.get(code.strip().upper())
    if entry is None:
        known = ", ".join(sorted(CATALOGUE))
        raise Fault("E001", f"there is no code `{code}`", f"the codes are {known}")
    return explained(entry)
