"""Diagnostics, and the one family of exceptions.

Inside, code raises a `Fault`: the short cause, with no place. The edge that knows the place (the elaborator, the
trainer, the command line) turns it into a `Diagnostic`, and the public interface raises those as `SpecError` and its
siblings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nnspec.diagnostics.span import Span


class Edit(NamedTuple):
    """One change of a text: what stands at a place is replaced."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, and what to do about it."""

    code: str
    message: str
    span: Span | None
    """None where no place in a spec file is to blame: a missing run, a broken array."""
    help: str = ""
    label: str = ""
    """Short text behind the caret, such as where a size came from."""
    severity: str = "error"
    edits: tuple[Edit, ...] = ()
    """What mends it, where that is safe; `check --fix` does it."""
    reached: tuple[Span, ...] = ()
    """For what is wrong in a block: the calls and loops that led there, the innermost first."""


class Fault(Exception):
    """The short cause of an error, raised where it is found; `code` is its entry in the catalogue."""

    def __init__(self, code: str, message: str, help: str = "", label: str = "", fix: str | None = None) -> None:
        """`fix` is the text that mends it in the place of what is blamed."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.label = label
        self.fix = fix
        self.edits: tuple[Edit, ...] = ()

    def at(self, span: Span | None) -> Diagnostic:
        """This cause, as a finding at a place."""
        edits = self.edits or ((Edit(span, self.fix),) if span and self.fix is not None else ())
        return Diagnostic(self.code, self.message, span, self.help, self.label, edits=edits)


class NnspecError(Exception):
    """Root of everything that nnspec raises on purpose; `diagnostics` holds all findings."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(_line(found) for found in self.diagnostics))


class SpecError(NnspecError):
    """The spec is not valid."""


class DataError(NnspecError):
    """A source, an array or a table does not fit the spec, or cannot be read."""


class RunError(NnspecError):
    """A run directory, weight file or model file is missing, damaged or does not fit the spec."""


class RunWarning(UserWarning):
    """Something about a run that a person should know, and that stops nothing."""


def _line(found: Diagnostic) -> str:
    where = f"{found.span}: " if found.span else ""
    tail = f"\n  help: {found.help}" if found.help else ""
    return f"{where}{found.severity}[{found.code}]: {found.message}{tail}"
