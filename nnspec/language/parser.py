"""The way from the text of a `.nn` file to its syntax tree: read, scan, lay out, parse."""

from __future__ import annotations

from functools import cache

from nnspec.diagnostics.errors import Diagnostic
from nnspec.language import build_expressions, build_file, build_statements, source, tables
from nnspec.language.collection import without_collection
from nnspec.language.header import VERSION, with_header
from nnspec.language.layout import lay_out
from nnspec.language.lexer import Lexer
from nnspec.language.machine import Grammar
from nnspec.language.recovery import Recovering
from nnspec.language.syntax import File
from nnspec.language.tokens import Rejected


def parse(text: str | bytes, path: str) -> tuple[File, list[Diagnostic]]:
    """The syntax tree of a file and every error in it; never raises, whatever the text is.

    `path` is what diagnostics call the file; nothing is read from it. A statement that did not parse is in the tree
    as a Broken.
    """
    with without_collection():
        return _parsed(text, path)


def _parsed(text: str | bytes, path: str) -> tuple[File, list[Diagnostic]]:
    lexer, grammar = _language()
    try:
        tokens = lay_out(lexer.scan(source.read(text, path), path).tokens, path)
        tokens, found = with_header(tokens, path)
    except Rejected as rejected:
        return File(path, None), [rejected.diagnostic]
    parser = Recovering(grammar, tokens, path)
    file = parser.run() or File(path, VERSION)
    return file, found + parser.diagnostics


@cache
def _language() -> tuple[Lexer, Grammar]:
    loaded = tables.load()
    return Lexer(loaded.terminals), Grammar(
        loaded, build_file.ACTIONS | build_statements.ACTIONS | build_expressions.ACTIONS
    )
