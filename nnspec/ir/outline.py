"""The outline of a file: one model, each section once, names that do not meet."""

from __future__ import annotations

from collections.abc import Iterable

from nnspec.diagnostics.errors import Fault
from nnspec.ir.project import Project
from nnspec.ir.records import Record
from nnspec.language import syntax


class Outline:
    """What stands at the top level of the main file."""

    def __init__(self, project: Project, record: Record) -> None:
        self.project = project
        self.record = record
        self.models = [d for d in project.main.definitions if d.keyword == "model"]
        self.blocks = [d for d in project.main.definitions if d.keyword == "block"]
        self.sections: dict[str, syntax.Section] = {}

    def check(self) -> None:
        """Report what is wrong with the outline, and find the sections."""
        for definition in self.project.definitions:
            self._check_names(definition)
        for extra in self.models[1:]:
            first = self.models[0].name
            self._report(
                "E306",
                f"a file has one model, and {first.name} stands in line {first.span.line}",
                extra.name,
                "make it a block, or move it to a file of its own",
            )
        for section in self.project.main.sections:
            self._check_section(section)
        if not self.models:
            self._check_library()

    def _check_names(self, definition: syntax.Definition) -> None:
        """Blocks and layers are one name space, parameters and inputs another."""
        name = definition.name
        if definition.keyword == "block" and name.name in self.record.registries["layer"]:
            self._report("E210", f"there is a layer {name.name} in the library", name, "give the block another name")
        named = [("a parameter", parameter.name) for parameter in definition.parameters]
        named += [("an input", s.name) for s in definition.body if isinstance(s, syntax.Input)]
        known: dict[str, str] = {}
        for what, part in named:
            if part.name in known:
                self._report("E210", f"{part.name} is {known[part.name]} already", part)
            known.setdefault(part.name, what)

    def _check_section(self, section: syntax.Section) -> None:
        first = self.sections.setdefault(section.keyword, section)
        if first is not section:
            text = f"there is a section {section.keyword} already, in line {first.span.line}"
            self.record.report(Fault("E306", text), section.span)
        for keys, what in (
            ([e.key for e in section.entries if isinstance(e, syntax.Setting)], "set"),
            ([e.name for e in section.entries if isinstance(e, syntax.Target)], "a target"),
        ):
            self._check_twice(keys, what)

    def _check_twice(self, keys: Iterable[syntax.Name], what: str) -> None:
        known: dict[str, syntax.Name] = {}
        for key in keys:
            first = known.setdefault(key.name, key)
            if first is not key:
                self._report("E210", f"{key.name} is {what} already, in line {first.span.line}", key)

    def _check_library(self) -> None:
        """A file without a model is a library of blocks."""
        if self.project.broken:
            return
        for section in self.sections.values():
            fault = Fault("E220", f"the section {section.keyword} stands in a file without a model")
            self.record.report(fault, section.span)
        if not self.blocks and not self.sections:
            fault = Fault(
                "E220",
                "there is neither a model nor a block in this file",
                help="model name { input x: float32[N, 4] … }",
            )
            self.record.report(fault, None)

    def _report(self, code: str, message: str, name: syntax.Name, help: str = "") -> None:
        self.record.report(Fault(code, message, help), name.span)
