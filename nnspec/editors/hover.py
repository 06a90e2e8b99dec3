"""What is said of the word under the pointer, in Markdown, and the types at the ends of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any

from nnspec.diagnostics.span import Span
from nnspec.docs.reference import describe, options_table, signature
from nnspec.editors.document import Document
from nnspec.ir.components import Component
from nnspec.ir.records import Block, NodeRecord, Tensor
from nnspec.ir.types import shape_text
from nnspec.language import syntax
from nnspec.library import registries

WORD = re.compile(r"[A-Za-z_]\w*")


def word_at(document: Document, line: int, column: int) -> str:
    """The word at a place, or behind which the place is."""
    if line > len(document.lines):
        return ""
    found = (m for m in WORD.finditer(document.lines[line - 1]) if m.start() < column <= m.end() + 1)
    return next((match[0] for match in found), "")


def hover(document: Document, line: int, column: int) -> str:
    """What is known of a place; empty for nothing."""
    word = word_at(document, line, column)
    if not word:
        return ""
    at = document.node_at(line, column)
    if at and at[1][0].operator.kind == "layer" and word == _written(document, line, column):
        nodes = at[1]
        return "\n\n".join([_application(nodes), component(type(nodes[0].operator))])
    if block := _block(document, word):
        return block
    value = document.survey.env.values.get(word) if document.survey.env else None
    if isinstance(value, Tensor):
        return f"```nnspec\n{word}: {value.type}\n```\nmade by `{value.made_by}`"
    for kind, registry in registries().items():
        if word in registry and kind not in ("section", "operator"):
            return component(registry[word])
    return f"```nnspec\n{word} = {value}\n```" if value is not None and not _unknown(value) else ""


def component(cls: type[Component]) -> str:
    """Signature, description and options."""
    said = describe(cls)
    lines = ["```nnspec", signature(cls), "```", *said.paragraphs]
    lines += [f"Shapes: `{said.shape}`"] if said.shape else []
    return "\n\n".join(["\n".join(lines[:3]), *lines[3:], "\n".join(options_table(cls))]).strip()


def _application(nodes: list[NodeRecord]) -> str:
    node = nodes[0]
    inputs = ", ".join(str(tensor.type) for tensor in node.inputs)
    outputs = ", ".join(str(tensor.type) for tensor in node.outputs)
    lines = [f"`{inputs}` -> `{outputs}`"]
    own = [f"`{p.path}` {shape_text(p.spec.shape)}" for p in node.parameters.values()]
    if own:
        count = sum(prod(p.spec.shape) for p in node.parameters.values() if p.spec.trainable)
        lines.append(f"{count:_} parameters: {', '.join(own)}")
    if node.macs:
        lines.append(f"{node.macs} multiply-accumulates")
    if len(nodes) > 1:
        lines.append(f"the first of {len(nodes)} uses")
    return "  \n".join(lines)


def _block(document: Document, word: str) -> str:
    block = document.project.blocks.get(word)
    if not isinstance(block, Block):
        return ""
    definition = block.definition
    text = document.project.files.get(definition.span.file, "").split("\n")
    above = definition.span.line - 2
    while above >= 0 and text[above].startswith("#"):
        above -= 1
    said = " ".join(line.lstrip("# ") for line in text[above + 1 : definition.span.line - 1])
    head = text[definition.span.line - 1].rstrip(" {")
    return f"```nnspec\n{head}\n```\n{said}\n\n{definition.span.file}, line {definition.span.line}".strip()


def _written(document: Document, line: int, column: int) -> str:
    at = document.node_at(line, column)
    assert at
    span = at[0]
    return document.lines[span.line - 1][span.column - 1 : span.end_column - 1]


def _unknown(value: Any) -> bool:
    return type(value).__name__ == "Poison"


def hints(document: Document, first: int, last: int) -> Iterator[tuple[int, str]]:
    """For each line that makes values, the type of the last one."""
    ends: dict[int, str] = {}
    for span, nodes in document.nodes.items():
        if first <= span.line <= last:
            types = {", ".join(str(tensor.type) for tensor in node.outputs) for node in nodes}
            ends[span.line] = types.pop() if len(types) == 1 else ""
    yield from ((line, text) for line, text in ends.items() if text)


def symbols(document: Document) -> Iterator[tuple[str, str, Span, list[tuple[str, str, Span]]]]:
    """Definitions and sections with what they name: kind, name, place, members."""
    for definition in document.file.definitions:
        members = []
        for statement in definition.body:
            match statement:
                case syntax.Input(name=name) | syntax.LayerInstance(name=name) | syntax.Let(name=name):
                    members.append((type(statement).__name__.lower(), name.name, name.span))
                case syntax.Output(name=syntax.Name() as name):
                    members.append(("output", name.name, name.span))
                case syntax.Assign(names=names):
                    members += [("value", name.name, name.span) for name in names]
        yield definition.keyword, definition.name.name, definition.name.span, members
    for section in document.file.sections:
        keys = [("setting", e.key.name, e.key.span) for e in section.entries if isinstance(e, syntax.Setting)]
        yield "section", section.keyword, section.span, keys
