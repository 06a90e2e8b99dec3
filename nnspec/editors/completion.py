"""What may stand at a place: layers, options, values, settings, components."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nnspec.docs.reference import describe, shown
from nnspec.editors.document import Document
from nnspec.ir.components import Component
from nnspec.ir.expected import expected
from nnspec.ir.records import Tensor
from nnspec.library import registries

BEFORE = 4_000
"""Characters before the place that are looked at for the bracket and the section around it."""
STATEMENTS = ("output", "let", "layer", "if", "repeat", "for")


class Item(NamedTuple):
    """One proposal."""

    text: str
    kind: str
    """`layer`, `option`, `value`, `setting`, `component` or `word`."""
    detail: str = ""
    insert: str = ""


def completions(document: Document, line: int, column: int) -> list[Item]:
    """Proposals for a place, lines and columns from 1."""
    lines = document.lines[:line]
    if not lines:
        return []
    text = "\n".join([*lines[:-1], lines[-1][: column - 1]])[-BEFORE:]
    if _in_comment_or_string(text.rpartition("\n")[2]):
        return []
    written = re.sub(r"[A-Za-z_]\w*$", "", text)
    call = _call_around(written)
    before = written.rstrip()
    section = _section(document, line)
    if call:
        return list(_inside_call(document, call, before, section))
    if before.endswith("->"):
        return list(_layers(document))
    if section:
        return list(_inside_section(document, section, written))
    at_start = not written.rpartition("\n")[2].strip() or before.endswith(("=", "{"))
    return [*_layers(document), *_values(document), *(Item(word, "word") for word in STATEMENTS if at_start)]


def _in_comment_or_string(line: str) -> bool:
    return "#" in re.sub(r'"[^"]*"|\'[^\']*\'', "", line) or bool(
        re.sub(r'"[^"]*"|\'[^\']*\'', "", line).count('"') % 2
    )


def _call_around(text: str) -> str:
    """The name of the call whose bracket is open at the end of a text."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        if text[at] in ")]":
            depth += 1
        elif text[at] in "([":
            if depth == 0 and text[at] == "(":
                found = re.search(r"[A-Za-z_]\w*$", text[:at])
                return found[0] if found else ""
            depth = max(depth - 1, 0)
        elif text[at] in "{}":
            return ""
    return ""


def _section(document: Document, line: int) -> str:
    if document.definition_at(line):
        return ""
    return next((s.keyword for s in reversed(document.file.sections) if s.span.line <= line), "")


def _layers(document: Document) -> Iterator[Item]:
    for name in document.project.blocks:
        yield Item(name, "layer", "block")
    if document.survey.env:
        yield from (Item(name, "layer", "instance") for name in document.survey.env.instances)
    layers = registries()["layer"]
    for name in layers:
        yield Item(name, "layer", _sentence(layers[name]), f"{name}(" if _needs(layers[name]) else name)


def _values(document: Document) -> Iterator[Item]:
    for name, value in (document.survey.env.values if document.survey.env else {}).items():
        yield Item(name, "value", str(value.type) if isinstance(value, Tensor) else "")


def _inside_call(document: Document, name: str, before: str, section: str) -> Iterator[Item]:
    if (definition := document.project.blocks.get(name)) and not before.endswith("="):
        yield from (Item(p.name.name, "option", "", f"{p.name.name} = ") for p in definition.definition.parameters)
    for kind, registry in registries().items():
        if name not in registry or (section == "") != (kind in ("layer", "initializer", "operator")):
            continue
        cls = registry[name]
        option = re.search(r"([A-Za-z_]\w*)\s*=$", before)
        if option and option[1] in cls.option_names:
            wanted = expected(cls, option[1])
            yield from (Item(f'"{word}"', "word") for word in wanted.words)
            yield from _components(wanted.kinds)
        else:
            for own in cls.option_names:
                default = f"= {shown(cls.option_defaults[own])}" if own in cls.option_defaults else "required"
                yield Item(own, "option", default, f"{own} = ")
    yield from _values(document)


def _components(kinds: tuple[str, ...]) -> Iterator[Item]:
    for kind in kinds:
        registry = registries()[kind]
        yield from (Item(name, "component", _sentence(registry[name])) for name in registry)


def _inside_section(document: Document, section: str, written: str) -> Iterator[Item]:
    line = written.rpartition("\n")[2]
    key = re.match(r"\s*(\w+)\s*=", line)
    if section == "require":
        yield from (Item(name, "word") for name in ("params", "macs", "size", "activation_memory", "input", "output"))
    elif key:
        known = registries()["section"][section]
        kinds: tuple[str, ...] = {"loss": ("loss",), "metrics": ("metric",)}.get(key[1], ())
        if not kinds and key[1] in known.option_names:
            kinds = expected(known, key[1]).kinds
        yield from _components(kinds)
        yield from _values(document)
    else:
        given = set(_keys(document, section))
        names = registries()["section"][section].option_names
        yield from (Item(name, "setting", "", f"{name} = ") for name in names if name not in given)
        if section == "train":
            yield Item("target", "word")
        if section == "data":
            yield from _values(document)


def _keys(document: Document, section: str) -> Iterator[str]:
    """The settings that a section has as it stands now, which may be later than what is known of it."""
    inside = False
    for line in document.lines:
        if re.match(rf"{section}\s*\{{", line):
            inside = True
        elif inside and line.startswith("}"):
            return
        elif inside and (found := re.match(r"\s*(\w+)\s*=", line)):
            yield found[1]


def _needs(cls: type[Component]) -> bool:
    """Whether a layer has an option without a default."""
    return any(name not in cls.option_defaults for name in cls.option_names)


def _sentence(cls: type[Component]) -> str:
    return (describe(cls).paragraphs or [""])[0].split(". ")[0]
