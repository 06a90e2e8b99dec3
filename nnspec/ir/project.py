"""A spec and the files that it uses: read once each, inside the root, without cycles."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.ir.files import content_of, library_file, relative_file
from nnspec.ir.records import Block
from nnspec.ir.wording import suggestion
from nnspec.language import syntax
from nnspec.language.parser import parse

MAX_FILES = 256
MAX_DEPTH = 16


@dataclass
class Project:
    """The parsed main file with the blocks that it sees."""

    main: syntax.File
    blocks: dict[str, Block] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Texts by path, the main file first; files of the standard library are named `std.…`."""
    definitions: list[syntax.Definition] = field(default_factory=list)
    """The models and blocks of all files."""
    lost: set[str] = field(default_factory=set)
    """Names that the main file would use, had the other file been read."""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: bool = False
    """True where some file was not read in whole."""


def read(path: str, text: bytes | None = None, root: str | None = None) -> Project:
    """Parse the file at `path` (or its given content) and all files that it uses; what is wrong is collected."""
    try:
        content = content_of(Path(path), path) if text is None else text
    except Fault as fault:
        return Project(syntax.File(path, None), diagnostics=[fault.at(None)], broken=True)
    loader = _Loader(Path(root) if root else Path(path).parent)
    main = loader.load(path, os.path.realpath(path), content, ())
    return Project(
        main.file, main.blocks, loader.texts, loader.definitions, main.lost, loader.diagnostics, loader.broken
    )


@dataclass
class _Loaded:
    """One file with the blocks that its own blocks see."""

    file: syntax.File
    blocks: dict[str, Block] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)


@dataclass
class _Loader:
    root: Path
    texts: dict[str, str] = field(default_factory=dict)
    definitions: list[syntax.Definition] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: bool = False
    loaded: dict[str, _Loaded] = field(default_factory=dict)
    """By real path, so that each file is parsed once."""

    def load(self, shown: str, key: str, content: bytes, chain: tuple[str, ...]) -> _Loaded:
        """Parse one file, then what it uses; `chain` holds the real paths of the files that led here."""
        file, found = parse(content, shown)
        self.diagnostics += found
        self.broken |= bool(found)
        self.texts[shown] = content.decode("utf-8", "replace")
        self.definitions += file.definitions
        loaded = self.loaded[key] = _Loaded(file)
        loaded.lost |= _names_in_broken_uses(self.texts[shown], found)
        for definition in file.definitions:
            if definition.keyword == "block":
                self._define(loaded, definition.name, Block(definition, loaded.blocks, loaded.lost))
        for use in file.uses:
            try:
                self._use(loaded, use, (*chain, key))
            except Fault as fault:
                self._lose(loaded, fault, use.source, use.names)
        return loaded

    def _define(self, loaded: _Loaded, name: syntax.Name, block: Block) -> None:
        first = loaded.blocks.setdefault(name.name, block)
        if first is not block:
            place = first.definition.name.span
            fault = Fault("E210", f"there is a block {name.name} already, in {place.file}, line {place.line}")
            self.diagnostics.append(fault.at(name.span))

    def _lose(self, loaded: _Loaded, fault: Fault, place: syntax.Expr, names: Iterable[syntax.Name]) -> None:
        """Report what cannot be used; that its names are missing is no error of its own."""
        self.broken = True
        self.diagnostics.append(fault.at(place.span))
        loaded.lost.update(name.name for name in names)

    def _use(self, loaded: _Loaded, use: syntax.Use, chain: tuple[str, ...]) -> None:
        used = self._used(loaded.file, use, chain)
        for name in use.names:
            if name.name in used.blocks:
                self._define(loaded, name, used.blocks[name.name])
            elif name.name in used.lost or used.file.version is None:
                loaded.lost.add(name.name)
            else:
                help = suggestion(name.name, used.blocks, "its blocks are")
                self._lose(loaded, Fault("E304", f"{used.file.path} has no block {name.name}", help), name, [name])

    def _used(self, file: syntax.File, use: syntax.Use, chain: tuple[str, ...]) -> _Loaded:
        if isinstance(use.source, syntax.Literal):
            path, shown = relative_file(file.path, str(use.source.value), self.root)
        else:
            path, shown = library_file(use.source)
        key = os.path.realpath(path)
        if key in chain:
            circle = " -> ".join(Path(step).name for step in (*chain[chain.index(key) :], key))
            help = "move the shared blocks to a file of their own" if circle.count("->") > 1 else "leave the line out"
            raise Fault("E303", f"files use each other in a circle: {circle}", help)
        if key not in self.loaded:
            if len(chain) >= MAX_DEPTH:
                raise Fault("E305", f"files use each other more than {MAX_DEPTH} deep")
            if len(self.loaded) >= MAX_FILES:
                raise Fault("E305", f"a spec uses more than {MAX_FILES} files")
            self.load(shown, key, content_of(path, shown), chain)
        return self.loaded[key]


def _names_in_broken_uses(text: str, found: Iterable[Diagnostic]) -> set[str]:
    """The words of the `use` lines that did not parse: what they would have brought in is unknown."""
    lines = text.split("\n")
    broken = [lines[one.span.line - 1] for one in found if one.span and one.span.line <= len(lines)]
    uses = [line for line in broken if line.lstrip().startswith("use ")]
    named = [re.sub(r"""\s*use\s*("[^"]*"|'[^']*'|[\w.]*)""", "", line, count=1) for line in uses]
    nameless = any(not re.search(r"\w", rest) for rest in named)  # then any word may have been meant
    return {word for line in ([text] if nameless else uses) for word in re.findall(r"\w+", line)}
