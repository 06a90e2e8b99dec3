"""E7xx: runs, weights and models."""

from __future__ import annotations

from nnspec.diagnostics.catalogue.entry import Entry

ENTRIES: tuple[Entry, ...] = ()
