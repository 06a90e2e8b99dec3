"""The language server, through a real client: a process of its own, spoken to in the protocol."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from tests.soak import FACTOR

URI = "file:///tmp/editor/a.nn"
TEXT = """nnspec 1

use std.feedforward: mlp

# "héllo 🙂" stands before what follows
model m(hidden = 16) {
  input x: float32[N, 4]

  h = dense(hidden) -> relu
  mlp(8)
  output y = dense(3)
}

train {
  target kind: label[N]
  loss      = cross_entropy(y, kind)
  optimizer = adam(lr = 0.01)
  epochs    = 10
}
"""
EDITS = 250 * FACTOR
Session = Callable[[Callable[[LanguageClient, list[Any]], Awaitable[None]]], None]


@pytest.fixture
def session() -> Session:
    """Run one conversation with a new server; the second argument collects what the server publishes."""

    def run(talk: Callable[[LanguageClient, list[Any]], Awaitable[None]]) -> None:
        async def conversation() -> None:
            client = LanguageClient("test", "1")
            published: list[Any] = []

            def publish(params: Any) -> None:
                published.append(params)

            client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(publish)
            await client.start_io(sys.executable, "-m", "nnspec", "lsp", env=dict(os.environ))
            await client.initialize_async(lsp.InitializeParams(capabilities=lsp.ClientCapabilities()))
            client.initialized(lsp.InitializedParams())
            await talk(client, published)
            await client.shutdown_async(None)
            client.exit(None)
            await client.stop()

        asyncio.run(asyncio.wait_for(conversation(), 120))

    return run


def opened(client: LanguageClient, text: str) -> None:
    client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(URI, "nnspec", 1, text)))


def changed(client: LanguageClient, text: str, version: int) -> None:
    own = lsp.VersionedTextDocumentIdentifier(version, URI)
    client.text_document_did_change(
        lsp.DidChangeTextDocumentParams(own, [lsp.TextDocumentContentChangeWholeDocument(text)])
    )


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def at(text: str, needle: str, behind: int = 0) -> lsp.Position:
    """The place of a text, or so many characters behind its beginning."""
    offset = text.index(needle) + behind
    line = text.count("\n", 0, offset)
    return lsp.Position(line, offset - (text.rfind("\n", 0, offset) + 1))


OWN = lsp.TextDocumentIdentifier(URI)


def test_diagnostics_as_one_types(session: Session) -> None:
    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, TEXT.replace("dense(3)", "linear(3)"))
        await until(lambda: bool(published))
        (found,) = published[0].diagnostics
        assert (found.code, found.severity) == ("E201", lsp.DiagnosticSeverity.Error)
        assert found.range.start == at(TEXT, "dense(3)")
        actions = await client.text_document_code_action_async(
            lsp.CodeActionParams(OWN, found.range, lsp.CodeActionContext([found]))
        )
        (edit,) = actions[0].edit.changes[URI]
        assert (edit.range, edit.new_text) == (found.range, "dense")
        changed(client, TEXT, 2)
        await until(lambda: published[-1].version == 2)
        assert not published[-1].diagnostics

    session(talk)


def test_what_was_probably_meant_is_offered(session: Session) -> None:
    """Typing errors, which `check --fix` leaves to people: of a layer, and of the name of an option."""
    wrong = TEXT.replace("-> relu", "-> reluu").replace("adam(lr", "adam(betaa1 = 0.8, lr")

    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, wrong)
        await until(lambda: len(published) == 1)
        layer, option = sorted(published[0].diagnostics, key=lambda found: found.range.start.line)
        for found, text, length in ((layer, "relu", 5), (option, "beta1", 6)):
            context = lsp.CodeActionContext([found])
            (action,) = await client.text_document_code_action_async(lsp.CodeActionParams(OWN, found.range, context))
            (edit,) = action.edit.changes[URI]
            assert (action.title, edit.new_text, action.is_preferred) == (f"Write {text}", text, False)
            assert edit.range.start == found.range.start
            assert edit.range.end.character - edit.range.start.character == length

    session(talk)


def test_hover_definition_symbols_and_hints(session: Session) -> None:
    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, TEXT)
        layer = await client.text_document_hover_async(lsp.HoverParams(OWN, at(TEXT, "dense(hidden", 2)))
        assert "`float32[N, 4]` -> `float32[N, 16]`" in layer.contents.value
        assert "80 parameters: `h.weight` [16, 4], `h.bias` [16]" in layer.contents.value
        assert "dense(units, bias = true" in layer.contents.value and "| `units` |" in layer.contents.value
        value = await client.text_document_hover_async(lsp.HoverParams(OWN, at(TEXT, "y, kind")))
        assert "y: float32[N, 3]" in value.contents.value
        block = await client.text_document_hover_async(lsp.HoverParams(OWN, at(TEXT, "mlp(8)", 1)))
        assert "block mlp(units, layers = 2" in block.contents.value and "hidden layers" in block.contents.value
        place = await client.text_document_definition_async(lsp.DefinitionParams(OWN, at(TEXT, "hidden) ->")))
        assert (place.uri, place.range.start) == (URI, at(TEXT, "hidden = 16"))
        library = await client.text_document_definition_async(lsp.DefinitionParams(OWN, at(TEXT, "mlp(8)")))
        assert Path(library.uri.removeprefix("file://")).name == "feedforward.nn"
        symbols = await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(OWN))
        assert [(one.name, [inner.name for inner in one.children]) for one in symbols] == [
            ("m", ["x", "h", "y"]),
            ("train", ["loss", "optimizer", "epochs"]),
        ]
        whole = lsp.Range(lsp.Position(0, 0), lsp.Position(30, 0))
        hints = await client.text_document_inlay_hint_async(lsp.InlayHintParams(OWN, whole))
        assert {one.position.line + 1: one.label for one in hints} == {9: "float32[N, 16]", 11: "float32[N, 3]"}

    session(talk)


def test_completion(session: Session) -> None:
    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, TEXT)

        async def proposed(before: str, typed: str) -> set[str]:
            text = TEXT.replace(before, typed.replace("|", ""))
            changed(client, text, 2)
            place = at(TEXT.replace(before, typed), "|")
            answer = await client.text_document_completion_async(lsp.CompletionParams(OWN, place))
            return {item.label for item in answer.items}

        assert {"relu", "dense", "mlp", "dropout"} <= await proposed("-> relu", "-> |")
        assert "h" not in await proposed("-> relu", "-> |")
        assert {"h", "x", "dense", "output"} <= await proposed("  mlp(8)", "  |")
        options = await proposed("dense(hidden)", "dense(hidden, |)")
        assert {"units", "bias", "init", "hidden"} <= options and "relu" not in options
        assert "he_normal" in await proposed("dense(hidden)", "dense(hidden, init = |)")
        assert {"adam", "sgd"} <= await proposed("adam(lr = 0.01)", "|")
        assert {"lr", "beta1"} <= await proposed("adam(lr = 0.01)", "adam(|)")
        keys = await proposed("  epochs    = 10", "  |")
        assert {"epochs", "steps", "batch_size", "target"} <= keys and "loss" not in keys
        assert await proposed('# "héllo', '# |"héllo') == set()

    session(talk)


def test_rename_keeps_the_meaning(session: Session) -> None:
    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, TEXT)
        for needle, new, count in (
            ("y = dense", "logits", 2),
            ("hidden = 16", "units", 2),
            ("kind: label", "species", 2),
        ):
            edit = await client.text_document_rename_async(lsp.RenameParams(OWN, at(TEXT, needle), new))
            assert [one.new_text for one in edit.changes[URI]] == [new] * count
        assert await client.text_document_rename_async(lsp.RenameParams(OWN, at(TEXT, "y = dense"), "a b")) is None
        assert await client.text_document_rename_async(lsp.RenameParams(OWN, at(TEXT, "dense"), "a")) is None

    session(talk)


def test_formatting(session: Session) -> None:
    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, TEXT.replace("  mlp(8)", "mlp( 8 )"))
        options = lsp.FormattingOptions(tab_size=2, insert_spaces=True)
        (edit,) = await client.text_document_formatting_async(lsp.DocumentFormattingParams(OWN, options))
        assert edit.new_text == TEXT

    session(talk)


def test_answers_come_at_once_in_a_file_of_a_thousand_lines(session: Session) -> None:
    text = TEXT.replace("  mlp(8)\n", "  dense(16) -> relu\n" * 1000)

    async def talk(client: LanguageClient, published: list[Any]) -> None:
        opened(client, text)
        await until(lambda: bool(published))
        times: dict[str, list[float]] = {"hover": [], "completion": []}
        for line in range(20, 1000, 50):
            place = lsp.Position(line, 3)
            started = time.perf_counter()
            assert await client.text_document_hover_async(lsp.HoverParams(OWN, place))
            times["hover"].append(time.perf_counter() - started)
            started = time.perf_counter()
            assert (await client.text_document_completion_async(lsp.CompletionParams(OWN, place))).items
            times["completion"].append(time.perf_counter() - started)
        print({name: f"{sorted(own)[len(own) // 2] * 1000:.1f} ms" for name, own in times.items()})
        assert all(sorted(own)[len(own) // 2] < 0.05 for own in times.values())

    session(talk)


def test_any_edits_are_survived(session: Session) -> None:
    random.seed(7)
    pieces = [
        "{",
        "}",
        "(",
        ")",
        "->",
        "dense(3)",
        "\n",
        "é",
        "🙂",
        '"',
        "#",
        "use",
        "model m {",
        " ",
        "\x00",
        "if x {",
    ]

    async def talk(client: LanguageClient, published: list[Any]) -> None:
        text = TEXT
        opened(client, text)
        for version in range(2, EDITS + 2):
            start = random.randrange(len(text) + 1)
            end = min(len(text), start + random.choice([0, 0, 1, 3, 20]))
            text = text[:start] + random.choice(pieces) + text[end:]
            changed(client, text, version)
            if version % 5 == 0:
                place = lsp.Position(random.randrange(text.count("\n") + 2), random.randrange(40))
                await client.text_document_hover_async(lsp.HoverParams(OWN, place))
                await client.text_document_completion_async(lsp.CompletionParams(OWN, place))
                await client.text_document_definition_async(lsp.DefinitionParams(OWN, place))
                await client.text_document_rename_async(lsp.RenameParams(OWN, place, "new"))
                await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(OWN))
            if version % 200 == 0:
                text = TEXT
        changed(client, TEXT, EDITS + 2)
        await until(lambda: bool(published) and published[-1].version == EDITS + 2)
        assert not published[-1].diagnostics

    session(talk)
