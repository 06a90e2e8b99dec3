"""The formatter: the text of a spec in its one layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.diagnostics.errors import Diagnostic
from nnspec.language import source, tables
from nnspec.language.collection import without_collection
from nnspec.language.formatting.columns import is_setting, key_widths, written
from nnspec.language.formatting.flow import INDENT, WIDTH, flow, is_flat, one_line
from nnspec.language.formatting.pieces import Body, Statement, statements
from nnspec.language.formatting.spelling import Line, text_of
from nnspec.language.layout import lay_out
from nnspec.language.lexer import Lexer, Scanned
from nnspec.language.parser import parse
from nnspec.language.tokens import NEWLINE, OPENERS, SECTION_WORDS, Token


def formatted(text: str | bytes, path: str) -> tuple[str, list[Diagnostic]]:
    """The text in its one layout, with all comments; or the errors because of which it cannot be laid out.

    What it says stays the same: tokens are moved and respelled, never changed, and at most a comma is put behind the
    last entry of a bracket. Laid out again it is the same text.
    """
    _, found = parse(text, path)
    if found:
        return "", found
    with without_collection():
        content = source.read(text, path)
        result = _formatted(_scanned(content, path), path)
        if _said(result, path) != _said(content, path):
            raise AssertionError(f"the layout of {path} would say something else; it is left as it was")
    return result, []


def _scanned(text: str, path: str) -> Scanned:
    scanned = Lexer(tables.load().terminals).scan(text, path)
    return Scanned(lay_out(scanned.tokens, path), scanned.comments)


def _said(text: str, path: str) -> tuple[list[tuple[str, str]], list[str]]:
    """What a text says, whatever its layout: its tokens and ends of statements, and its comments."""
    tokens, comments = _scanned(text, path)
    told = [
        (token.kind, text_of(token) if token.kind != NEWLINE else "")
        for token, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True)
        if not (token.kind == "COMMA" and after.kind in OPENERS)
    ]
    return told, [text_of(comment) for comment in comments]


def _formatted(scanned: Scanned, path: str) -> str:
    lines: list[Line] = []
    before: Statement | None = None
    for statement in statements(scanned.tokens, scanned.comments):
        made = list(_statement(statement, 0))
        made[0].blank = before is not None and (statement.blank or _apart(before, statement))
        lines += made
        before = statement
    return "".join(line + "\n" for line in written(lines))


def _apart(before: Statement, statement: Statement) -> bool:
    """Whether an empty line divides two items of a file: always, but among `use` lines and below a comment."""
    return not before.comment and not (_word(before) == _word(statement) == "USE")


def _word(statement: Statement) -> str:
    first = statement.parts[0]
    return first.kind if isinstance(first, Token) else ""


def _statement(statement: Statement, indent: int, key_width: int = 0) -> Iterator[Line]:
    tokens = list(_tokens(statement))
    bodies = [part for part in statement.parts if isinstance(part, Body)]
    flat = is_flat(tokens) and indent + len(one_line(tokens)) <= WIDTH
    padding = {0: key_width} if is_setting(statement) else None
    if not bodies or flat:
        yield from flow(tokens, indent, padding)
        return
    run: list[Token] = []
    for part in statement.parts:
        if isinstance(part, Token):
            run.append(part)
            continue
        run.append(part.opening)
        assert part.closing is not None
        if part.statements or part.head:
            yield from flow([*run, part.head] if part.head else run, indent)
            yield from _body(part.statements, indent + INDENT, run[0].kind in SECTION_WORDS)
            run = []
        run.append(part.closing)
    yield from flow(run, indent)


def _body(found: Sequence[Statement], indent: int, section: bool) -> Iterator[Line]:
    widths = key_widths(found) if section else [0] * len(found)
    for statement, width in zip(found, widths, strict=True):
        lines = list(_statement(statement, indent, width))
        lines[0].blank = statement.blank
        yield from lines


def _tokens(statement: Statement) -> Iterator[Token]:
    """All tokens of a statement, those of its bodies too."""
    for part in statement.parts:
        if isinstance(part, Token):
            yield part
            continue
        assert part.closing is not None
        yield part.opening
        if part.head:
            yield part.head
        for inner in part.statements:
            yield from _tokens(inner)
        yield part.closing
