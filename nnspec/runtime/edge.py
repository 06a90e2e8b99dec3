"""The edge of the public interface: causes become errors with a place in the family that callers catch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nnspec.diagnostics.errors import Diagnostic, Fault, RunError
from nnspec.graph.errors import GraphError


@contextmanager
def run_errors() -> Iterator[None]:
    """Raise a RunError for a Fault from inside; also a decorator: `@run_errors()`."""
    try:
        yield
    except Fault as fault:
        raise RunError([fault.at(None)]) from fault
    except GraphError as error:
        help = "this is a defect of nnspec: please report it with the spec"
        raise RunError([Diagnostic("E703", str(error), None, help)]) from error
