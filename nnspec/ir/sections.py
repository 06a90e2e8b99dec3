"""The sections of a file. Their settings are the options of components of kind `section`, and checked as those are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.ir.expected import Expected
from nnspec.ir.expressions import Expressions
from nnspec.ir.options import Bound, bind
from nnspec.ir.records import POISON, Environment, Poison, Record
from nnspec.ir.wording import suggestion
from nnspec.language import syntax


class Settings:
    """Reads the settings of one section in the environment of the elaborated model."""

    def __init__(self, expressions: Expressions, env: Environment, section: syntax.Section) -> None:
        self.expressions = expressions
        self.record: Record = expressions.record
        self.env = env
        self.section = section
        self.component = self.record.registries["section"][section.keyword]
        self.broken = [entry for entry in section.entries if isinstance(entry, syntax.Broken)]
        self.entries: dict[str, syntax.Setting] = {}
        for entry in section.entries:
            if isinstance(entry, syntax.Setting):
                self.entries.setdefault(entry.key.name, entry)

    def bind(self, skip: Sequence[str] = ()) -> Bound | Poison:
        """The settings as a component; entries named in `skip` are read elsewhere."""
        entries = [entry for key, entry in self.entries.items() if key not in skip]
        arguments = [syntax.Argument(entry.key, entry.value, entry.span) for entry in entries]
        found = bind(self.component, arguments, self.section.span, self._value, self._report, self.record.registries)
        return POISON if self.broken else found

    def place(self, key: str, item: int | None = None) -> Span:
        """Where the value of a setting stands, or one entry of it if it is a list."""
        if key not in self.entries:
            return self.section.span
        value = self.entries[key].value
        listed = isinstance(value, syntax.ListExpr) and item is not None and item < len(value.items)
        return value.items[item].span if listed else value.span  # type: ignore[union-attr, index]

    def inside(self, key: str, option: str, item: int | None = None) -> Span:
        """Where an option of the component stands that is the value of a setting, or one entry of it."""
        value = self.entries[key].value if key in self.entries else None
        if isinstance(value, syntax.ListExpr) and item is not None and item < len(value.items):
            value = value.items[item]
        arguments = value.arguments if isinstance(value, syntax.Call) else []
        found = (argument.span for argument in arguments if argument.name and argument.name.name == option)
        return next(found, self.place(key, item))

    def _value(self, expr: syntax.Expr, wanted: Expected) -> Any:
        return self.expressions.evaluate(self.env, expr, wanted)

    def _report(self, fault: Fault, span: Span) -> Poison:
        """What seems to be missing may stand in a line that did not parse."""
        whole = fault.code == "E205" and span == self.section.span  # a rule between settings
        lost = self.broken and (fault.code == "E206" or whole)
        return POISON if lost else self.record.report(fault, span)


def read_export(settings: Settings) -> Bound | None:
    """The export section; None where something in it was reported."""
    bound = settings.bind()
    if isinstance(bound, Poison):
        return None
    names: Iterable[str] = bound.component.outputs or ()
    known = [name for name, _, _ in settings.env.outputs]
    for index, name in enumerate(names):
        if name not in known:
            fault = Fault("E410", f"the model has no output {name}", help=suggestion(name, known, "its outputs are"))
            settings.record.report(fault, settings.place("outputs", index))
    return bound
