"""A spec and the files that it uses: read once each, inside the root, without cycles."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from nnspec.diagnostics.errors import Diagnostic, Fault
from nnspec.ir.records import Block
from nnspec.language import syntax
from nnspec.language.parser import parse

MAX_FILES = 256
MAX_DEPTH = 16
MAX_BYTES = 16_000_000

STANDARD_LIBRARY = Path(__file__).parent.parent / "std"


@dataclass
class Project:
    """The parsed main file with the blocks that it sees."""

    main: syntax.File
    blocks: dict[str, Block]
    files: dict[str, str]
    """Texts by path, the main file first; files of the standard library are named `std.…`."""
    diagnostics: list[Diagnostic]
    broken: bool
    """True where some file did not parse in whole, so that a missing name may have been lost there."""


def read(path: str, text: bytes | None = None, root: str | None = None) -> Project:
    """Parse the file at `path` (or its given content) and all files that it uses. Nothing is raised; findings are collected."""
    loader = _Loader(Path(root) if root else Path(path).parent)
    try:
        content = _content(Path(path), path) if text is None else text
    except Fault as fault:
        return Project(syntax.File(path, None), {}, {}, [fault.at(None)], True)
    main, blocks = loader.load(path, path, content, ())
    return Project(main, blocks, loader.texts, loader.diagnostics, loader.broken)


@dataclass
class _Loader:
    root: Path
    texts: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: bool = False
    loaded: dict[str, dict[str, Block]] = field(default_factory=dict)
    """Blocks of each file by its real path, so that each file is parsed once."""

    def load(
        self, shown: str, key: str, content: bytes, chain: tuple[str, ...]
    ) -> tuple[syntax.File, dict[str, Block]]:
        """Parse one file, then what it uses; `chain` holds the real paths of the files that led here."""
        file, found = parse(content, shown)
        self.diagnostics += found
        self.broken |= bool(found)
        self.texts[shown] = content.decode("utf-8", "replace")
        blocks: dict[str, Block] = {}
        self.loaded[key] = blocks
        for definition in file.definitions:
            if definition.keyword == "block":
                self._define(blocks, definition.name, Block(definition, blocks))
        for use in file.uses:
            try:
                self._use(file, use, blocks, (*chain, key))
            except Fault as fault:
                self.broken = True
                self.diagnostics.append(fault.at(use.source.span))
        return file, blocks

    def _define(self, blocks: dict[str, Block], name: syntax.Name, block: Block) -> None:
        if name.name in blocks:
            first = blocks[name.name].definition.name.span
            self.diagnostics.append(
                Fault("E210", f"there is a block {name.name} already, in {first.file}:{first.line}").at(name.span)
            )
        else:
            blocks[name.name] = block

    def _use(self, file: syntax.File, use: syntax.Use, blocks: dict[str, Block], chain: tuple[str, ...]) -> None:
        available = self._blocks_of(file, use, chain)
        for name in use.names:
            if name.name in available:
                self._define(blocks, name, available[name.name])
                continue
            close = get_close_matches(name.name, available, n=1, cutoff=0.5)
            known = ", ".join(available) or "none"
            if not self.broken:
                self.diagnostics.append(
                    Fault(
                        "E304",
                        f"{_shown(use.source)} has no block {name.name}",
                        help=f"did you mean {close[0]}?" if close else f"its blocks are {known}",
                    ).at(name.span)
                )
            self.broken = True

    def _blocks_of(self, file: syntax.File, use: syntax.Use, chain: tuple[str, ...]) -> dict[str, Block]:
        path, shown = (
            self._standard(use.source)
            if not isinstance(use.source, syntax.Literal)
            else self._relative(file, use.source)
        )
        key = os.path.realpath(path)
        if key in chain:
            circle = " -> ".join(Path(step).name for step in (*chain[chain.index(key) :], key))
            raise Fault(
                "E303",
                f"files use each other in a circle: {circle}",
                help="move the shared blocks to a file of their own",
            )
        if key not in self.loaded:
            if len(chain) >= MAX_DEPTH or len(self.loaded) >= MAX_FILES:
                raise Fault(
                    "E305", f"files use each other more than {MAX_DEPTH} deep, or there are more than {MAX_FILES}"
                )
            self.load(shown, key, _content(path, shown), chain)
        return self.loaded[key]

    def _standard(self, source: syntax.Name | syntax.Attribute) -> tuple[Path, str]:
        names = (
            [source.base.name, *(part.name for part in source.names)]
            if isinstance(source, syntax.Attribute)
            else [source.name]
        )
        library = sorted(path.stem for path in STANDARD_LIBRARY.glob("*.nn"))
        if len(names) != 2 or names[0] != "std":
            raise Fault(
                "E301",
                f"{'.'.join(names)} is no file of the standard library",
                help='a file of yours is named by a string: use "blocks/mine.nn": name',
            )
        if names[1] not in library:
            close = get_close_matches(names[1], library, n=1, cutoff=0.5)
            raise Fault(
                "E301",
                f"the standard library has no {names[1]}",
                help=f"did you mean std.{close[0]}?" if close else f"it has {', '.join(library)}",
            )
        return STANDARD_LIBRARY / f"{names[1]}.nn", ".".join(names)

    def _relative(self, file: syntax.File, source: syntax.Literal) -> tuple[Path, str]:
        """The path that a string names, if it stays inside the root, links followed."""
        text = str(source.value)
        if file.path.startswith("std."):
            raise Fault("E302", "a file of the standard library uses only the standard library")
        if not text or "\\" in text or "\0" in text or ":" in text or text.startswith(("/", "~")):
            raise Fault(
                "E302", f'"{text}" is not a relative path', help='write it relative to this file: "blocks/resnet.nn"'
            )
        shown = os.path.normpath(Path(file.path).parent / text)
        root, real = os.path.realpath(self.root), os.path.realpath(Path(file.path).parent / text)
        if os.path.commonpath([root, real]) != root:
            raise Fault(
                "E302",
                f'"{text}" lies outside the project root',
                help="move the file below the folder of the main spec, or name a wider --root",
            )
        return Path(real), shown


def _content(path: Path, shown: str) -> bytes:
    """The bytes of a regular file of bounded size. Raises E301."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise Fault("E301", f"{shown} is not a regular file")
        if status.st_size > MAX_BYTES:
            raise Fault("E301", f"{shown} has {status.st_size:_} bytes, the limit is {MAX_BYTES:_}")
        return path.read_bytes()
    except FileNotFoundError:
        near = get_close_matches(path.name, _listing(path.parent), n=1, cutoff=0.5)
        raise Fault("E301", f"there is no file {shown}", help=f"did you mean {near[0]}?" if near else "") from None
    except (OSError, ValueError) as error:
        raise Fault("E301", f"{shown} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _listing(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.nn")] if folder.is_dir() else []


def _shown(source: syntax.Expr) -> str:
    if isinstance(source, syntax.Literal):
        return str(source.value)
    return f"std.{source.names[0].name}" if isinstance(source, syntax.Attribute) else "this file"
