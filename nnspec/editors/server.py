"""The language server: what the other files know, in the words of the protocol. The only file that imports pygls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from nnspec import __version__
from nnspec.diagnostics.errors import Diagnostic
from nnspec.diagnostics.render import URL
from nnspec.diagnostics.span import Span
from nnspec.editors.completion import completions
from nnspec.editors.document import Document, understood
from nnspec.editors.guesses import guesses
from nnspec.editors.hover import hints, hover, symbols
from nnspec.editors.names import places_of
from nnspec.language.formatting.format import formatted

WAIT = 0.15
"""Seconds without a keystroke after which a text is looked at."""
KINDS = {
    "layer": lsp.CompletionItemKind.Function,
    "option": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.Variable,
    "setting": lsp.CompletionItemKind.Field,
    "component": lsp.CompletionItemKind.Class,
    "word": lsp.CompletionItemKind.Keyword,
}
SYMBOLS = {
    "model": lsp.SymbolKind.Class,
    "block": lsp.SymbolKind.Function,
    "section": lsp.SymbolKind.Namespace,
    "setting": lsp.SymbolKind.Property,
}


class Server(LanguageServer):
    """The open documents, as they were when they were looked at last."""

    def __init__(self) -> None:
        super().__init__("nnspec", __version__)
        self.known: dict[str, Document] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}

    def document(self, uri: str) -> Document:
        """The document as it was looked at last."""
        return self.known.get(uri) or self.look(uri)

    def look(self, uri: str) -> Document:
        """Look at the text as it is now, and say what is wrong with it."""
        open_text = self.workspace.get_text_document(uri)
        document = understood(open_text.source.replace("\r\n", "\n").removeprefix("\ufeff"), _path(uri))
        self.known[uri] = document
        found = [_finding(document, one) for one in document.found]
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri=uri, version=open_text.version, diagnostics=found)
        )
        return document

    async def look_soon(self, uri: str) -> None:
        """Look once nobody has typed for a moment."""
        await asyncio.sleep(WAIT)
        self.look(uri)


server = Server()


def serve() -> None:
    """Serve one editor on standard input and output."""
    server.start_io()


# ---- texts


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
def did_open(own: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    own.look(params.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
async def did_change(own: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    uri = params.text_document.uri
    if uri in own.waiting:
        own.waiting[uri].cancel()
    own.waiting[uri] = asyncio.ensure_future(own.look_soon(uri))


@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
def did_close(own: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    uri = params.text_document.uri
    if uri in own.waiting:
        own.waiting.pop(uri).cancel()
    own.known.pop(uri, None)
    own.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[]))


# ---- questions


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def on_hover(own: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    document = own.document(params.text_document.uri)
    text = hover(document, *_place(document, params.position))
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text)) if text else None


@server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[">", "(", ",", " "]))
def on_completion(own: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
    uri = params.text_document.uri
    known = own.document(uri)
    text = own.workspace.get_text_document(uri).source.replace("\r\n", "\n").removeprefix("\ufeff")
    now = known if text == known.text else Document(known.path, text, known.project, known.survey)
    found = completions(now, *_place(now, params.position))
    items = [
        lsp.CompletionItem(
            item.text, kind=KINDS[item.kind], detail=item.detail or None, insert_text=item.insert or None
        )
        for item in {item.text: item for item in reversed(found)}.values()
    ]
    return lsp.CompletionList(is_incomplete=False, items=items[::-1])


@server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
def on_definition(own: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
    uri = params.text_document.uri
    document = own.document(uri)
    found = places_of(document, *_place(document, params.position))
    if not found:
        return None
    block = document.project.blocks.get(found[0].name) if found[0].space == "layer" else None
    span = block.definition.name.span if block else found[0].span
    if span.file.startswith("std."):
        from nnspec.ir.files import LIBRARY

        target = (LIBRARY / f"{span.file.removeprefix('std.')}.nn").as_uri()
    else:
        target = uri if span.file == document.path else Path(span.file).resolve().as_uri()
    text = document.project.files.get(span.file, document.text).split("\n")
    return lsp.Location(target, _range(text, span))


@server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
def on_references(own: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    document = own.document(params.text_document.uri)
    found = places_of(document, *_place(document, params.position))
    return [lsp.Location(params.text_document.uri, _range(document.lines, one.span)) for one in found]


@server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
def on_prepare_rename(own: Server, params: lsp.PrepareRenameParams) -> lsp.Range | None:
    document = own.look(params.text_document.uri)
    place = _place(document, params.position)
    found = [m for m in places_of(document, *place) if m.span.line == place[0]]
    here = next((m for m in found if m.span.column <= place[1] <= m.span.end_column), None)
    return _range(document.lines, here.span) if here else None


@server.feature(lsp.TEXT_DOCUMENT_RENAME)
def on_rename(own: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    document = own.look(params.text_document.uri)
    found = places_of(document, *_place(document, params.position))
    new = params.new_name
    if not found or not (new.isascii() and new.isidentifier()):
        return None
    edits = [lsp.TextEdit(_range(document.lines, span), new) for span in dict.fromkeys(one.span for one in found)]
    return lsp.WorkspaceEdit(changes={params.text_document.uri: edits})


@server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
def on_symbols(own: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    document = own.document(params.text_document.uri)

    def symbol(kind: str, name: str, span: Span, members: Sequence[tuple[str, str, Span]] = ()) -> lsp.DocumentSymbol:
        place = _range(document.lines, span)
        inner = [symbol(*member) for member in members]
        return lsp.DocumentSymbol(name, SYMBOLS.get(kind, lsp.SymbolKind.Variable), place, place, kind, children=inner)

    return [symbol(*one) for one in symbols(document)]


@server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
def on_formatting(own: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    uri = params.text_document.uri
    source = own.workspace.get_text_document(uri).source
    text, found = formatted(source, _path(uri))
    if found or text == source:
        return None
    end = lsp.Position(source.count("\n") + 1, 0)
    return [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), end), text)]


@server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]))
def on_code_action(own: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    uri = params.text_document.uri
    document = own.look(uri)
    first, last = params.range.start.line + 1, params.range.end.line + 1
    actions = []
    for found in document.found:
        offered = guesses(found, document.lines)
        if offered and found.span and first <= found.span.end_line and found.span.line <= last:
            edits = [lsp.TextEdit(_range(document.lines, edit.span), edit.text) for edit in offered]
            action = lsp.CodeAction(
                "Write " + offered[0].text if not found.edits else found.help or "Mend it",
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[_finding(document, found)],
                edit=lsp.WorkspaceEdit(changes={uri: edits}),
                is_preferred=bool(found.edits),
            )
            actions.append(action)
    return actions


@server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
def on_inlay_hint(own: Server, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    document = own.document(params.text_document.uri)
    found = hints(document, params.range.start.line + 1, params.range.end.line + 1)
    return [
        lsp.InlayHint(
            lsp.Position(line - 1, _units(document.lines[line - 1])), text, lsp.InlayHintKind.Type, padding_left=True
        )
        for line, text in found
        if line <= len(document.lines)
    ]


# ---- places: the protocol counts from 0, and in UTF-16


def _path(uri: str) -> str:
    parsed = urlparse(uri)
    return unquote(parsed.path) if parsed.scheme == "file" else uri


def _uri(path: str) -> str:
    return Path(path).as_uri() if path.startswith("/") else path


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _place(document: Document, position: lsp.Position) -> tuple[int, int]:
    """Line and column from 1, in characters."""
    line = document.lines[position.line] if position.line < len(document.lines) else ""
    if line.isascii():
        return position.line + 1, position.character + 1
    units = line.encode("utf-16-le", "surrogatepass")[: 2 * position.character]
    return position.line + 1, len(units.decode("utf-16-le", "ignore")) + 1


def _range(lines: list[str], span: Span) -> lsp.Range:
    def position(line: int, column: int) -> lsp.Position:
        text = lines[line - 1] if line <= len(lines) else ""
        return lsp.Position(line - 1, _units(text[: column - 1]))

    return lsp.Range(position(span.line, span.column), position(span.end_line, span.end_column))


def _finding(document: Document, found: Diagnostic) -> lsp.Diagnostic:
    severity = lsp.DiagnosticSeverity.Error if found.severity == "error" else lsp.DiagnosticSeverity.Warning
    place = _range(document.lines, found.span or Span(document.path, 1, 1, 1, 1))
    text = f"{found.message}\n{found.help}" if found.help else found.message
    tags = [lsp.DiagnosticTag.Unnecessary] if found.code in ("W303", "W304") else None
    link = lsp.CodeDescription(URL + found.code)
    related = [
        lsp.DiagnosticRelatedInformation(
            lsp.Location(_uri(document.path), _range(document.lines, span)), "reached from here"
        )
        for span in found.reached
        if span.file == document.path
    ]
    return lsp.Diagnostic(place, text, severity, found.code, link, "nnspec", tags, related or None)
