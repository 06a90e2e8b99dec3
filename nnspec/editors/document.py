"""One open file as an editor needs it: its tree, what its names mean, and what is wrong with it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.span import Span
from nnspec.ir.elaborate import Survey, survey
from nnspec.ir.project import Project, read
from nnspec.ir.records import NodeRecord
from nnspec.language import syntax
from nnspec.library import registries


@dataclass
class Document:
    """A text and all that is known of it."""

    path: str
    text: str
    project: Project
    survey: Survey

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def file(self) -> syntax.File:
        return self.project.main

    @property
    def found(self) -> list[Diagnostic]:
        """What is wrong or warned of in this file."""
        return [one for one in self.survey.found if one.span is None or one.span.file == self.path]

    @cached_property
    def nodes(self) -> dict[Span, list[NodeRecord]]:
        """The applications of layers and operators by the place where they are written, in the order of the file."""
        found: dict[Span, list[NodeRecord]] = {}
        for node in self.survey.record.nodes:
            if node.span.file == self.path:
                found.setdefault(node.span, []).append(node)
        return dict(sorted(found.items()))

    @cached_property
    def _places(self) -> list[Span]:
        return list(self.nodes)

    def node_at(self, line: int, column: int) -> tuple[Span, list[NodeRecord]] | None:
        """The application that is written at a place, lines and columns from 1."""
        places = self._places
        index = bisect_right(places, (line, column), key=lambda span: (span.line, span.column)) - 1
        if index >= 0 and places[index].line == line and column <= places[index].end_column:
            return places[index], self.nodes[places[index]]
        return None

    def definition_at(self, line: int) -> syntax.Definition | None:
        """The block or model around a line."""
        found = None
        for definition in self.file.definitions:
            if definition.span.line <= line:
                found = definition
        sections = [section.span.line for section in self.file.sections if section.span.line <= line]
        return None if found is None or any(place > found.span.line for place in sections) else found


def understood(text: str, path: str) -> Document:
    """The document with this text; never raises, whatever the text is."""
    project = read(path, text.encode("utf-8", "surrogatepass"))
    return Document(path, text, project, survey(project, registries(), {}))
