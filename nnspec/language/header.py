"""The version header, looked at before all else: what the other lines mean depends on it."""

from __future__ import annotations

from nnspec.diagnostics.errors import Diagnostic, Edit, Fault
from nnspec.diagnostics.span import Span
from nnspec.language.tokens import END, NEWLINE, Rejected, Token

VERSION = 1
"""The version of the language that this tool knows."""
EXAMPLE = f"nnspec {VERSION}"


def with_header(tokens: list[Token], path: str) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens, with a valid header put in place of a faulty one; raises Rejected for a version from the future."""
    end = next(index for index, token in enumerate(tokens) if token.kind in (NEWLINE, END))
    line, rest = tokens[:end], tokens[end:]
    if not line or line[0].kind != "NNSPEC":
        return _without_header(tokens, path)
    version = line[1] if len(line) > 1 else rest[0]._replace(text="", line=line[0].line, column=line[0].end_column)
    if not (version.kind == "NUMBER" and version.text.isdecimal() and int(version.text[:9]) > 0):
        fault = Fault("E105", "the language version is a whole number", f"write `{EXAMPLE}`")
    elif int(version.text[:9]) > VERSION:
        message = f"this file needs nnspec language version {version.text[:9]}, this tool knows {VERSION}"
        raise Rejected(Fault("E105", message, "install a newer nnspec").at(version.span(path)))
    elif len(line) > 2:
        version = line[2]
        fault = line[2].fault or _behind(version, line[1])
    else:
        return tokens, []
    return _header(line[0]) + rest, [fault.at(version.span(path))]


def _behind(found: Token, version: Token) -> Fault:
    """What follows the version on its line, or goes on with an operator on the next one."""
    if found.line > version.line:
        return Fault("E101", f"expected use, block, model or a section, found `{found.text}`")
    return Fault("E115", f"expected the end of the line, found `{found.text}`", "begin a new line here")


def _another_language(tokens: list[Token]) -> str:
    """The language that a file without a header seems to be in; an empty text for ours."""
    kinds = [token.kind for token in tokens[:3]]
    first = tokens[0].text
    if first in ("import", "from", "class", "def", "@") and kinds[1:2] == ["NAME"]:
        return "Python"
    if first in ("{", "["):
        return "JSON"
    if kinds[1:3] == ["COLON", NEWLINE] or (first, *(token.text for token in tokens[1:3])) == ("-", "-", "-"):
        return "YAML"
    return ""


def _without_header(tokens: list[Token], path: str) -> tuple[list[Token], list[Diagnostic]]:
    if language := _another_language(tokens):
        message = f"the version header is missing, and this seems to be {language}"
        fault = Fault("E104", message, f"a spec begins with `{EXAMPLE}`; `nnspec new classifier` writes one")
        raise Rejected(fault.at(tokens[0].span(path)))
    if misplaced := _find(tokens):
        fault = Fault("E104", "the version header comes first", f"move `{EXAMPLE}` to the top of the file")
        place = tokens[misplaced].span(path).to(tokens[misplaced + 1].span(path))
        tokens = tokens[: misplaced - 1] + tokens[misplaced + 2 :]
    else:
        fault = Fault("E104", "the version header is missing", f"write `{EXAMPLE}` as the first line")
        place = Span(path, tokens[0].line, tokens[0].column, tokens[0].line, tokens[0].end_column)
        if tokens[0].kind != END:
            fault.edits = (Edit(Span(path, 1, 1, 1, 1), f"{EXAMPLE}\n\n"),)
    newline = tokens[0]._replace(kind=NEWLINE, text="", fault=None)
    separated = tokens if tokens[0].kind == END else [newline, *tokens]
    return _header(newline) + separated, [fault.at(place)]


def _find(tokens: list[Token]) -> int:
    """The index of a header that stands on a later line, or 0."""
    for index in range(1, len(tokens) - 2):
        kinds = [token.kind for token in tokens[index - 1 : index + 3]]
        if kinds[:3] == [NEWLINE, "NNSPEC", "NUMBER"] and kinds[3] in (NEWLINE, END):
            return index
    return 0


def _header(place: Token) -> list[Token]:
    return [
        place._replace(kind="NNSPEC", text="", fault=None),
        place._replace(kind="NUMBER", text=str(VERSION), fault=None),
    ]
