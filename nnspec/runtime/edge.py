"""The edge of the public interface: causes become errors with a place in the family that callers catch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nnspec.diagnostics.errors import Fault, RunError


@contextmanager
def run_errors() -> Iterator[None]:
    """Raise a RunError for a Fault from inside; also a decorator: `@run_errors()`."""
    try:
        yield
    except Fault as fault:
        raise RunError([fault.at(None)]) from fault
