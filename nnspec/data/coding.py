"""What the ids of a language model stand for: bytes, characters, words, or the tokens of a tokenizer."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Sequence
from typing import Any, Protocol

from nnspec.data.slots import TOKENIZER
from nnspec.data.text_ids import FIRST, UNKNOWN
from nnspec.data.tokenizer import Tokenizer, tokenizer
from nnspec.data.wording import quoted
from nnspec.diagnostics.errors import Fault

BYTES = "bytes"
NOTHING = "\ufffd"
"""What a decoder says of bytes that are no text, or not yet."""


class Reader(Protocol):
    """Turns ids into text, one after the other."""

    def push(self, id: int) -> str:
        """The text that is known now; empty where more ids are needed."""

    def end(self) -> str:
        """The text of what is left."""


class Coding(Protocol):
    """One of the ways from text to ids."""

    noun: str
    first: int
    """The smallest id that stands for text."""
    size: int
    """One more than the largest."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text, as in training. Raises E719 for what no id stands for."""

    def begin(self, text: str) -> list[int]:
        """The ids of a prompt. Raises E719."""

    def reader(self, before: Sequence[int]) -> Reader:
        """A reader of the ids behind those of `before`."""


class Bytes:
    """UTF-8."""

    noun, first, size = "bytes", 0, 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def begin(self, text: str) -> list[int]:
        return self.encode(text or "\n")

    def reader(self, before: Sequence[int]) -> Reader:
        return _BytesReader()


class Parts:
    """Characters or words, counted by a vocabulary."""

    first = FIRST

    def __init__(self, noun: str, vocabulary: Sequence[Any]) -> None:
        self.noun, self.size = noun, FIRST + len(vocabulary)
        self._known = tuple(map(str, vocabulary))
        self._numbers = {part: FIRST + i for i, part in enumerate(self._known)}

    def encode(self, text: str) -> list[int]:
        return [self._numbers.get(part, UNKNOWN) for part in self._split(text)]

    def begin(self, text: str) -> list[int]:
        if not text and "\n" in self._numbers:
            text = "\n"
        parts = self._split(text)
        if not parts:
            raise Fault("E719", f"a model of {self.noun} needs a prompt to go on with", help='--prompt "…"')
        if unknown := [part for part in parts if part not in self._numbers]:
            found = ", ".join(map(quoted, dict.fromkeys(unknown[:3])))
            raise Fault("E719", f"the text that the model learned from has no {found}", help="leave it out")
        return self.encode(text)

    def _split(self, text: str) -> Sequence[str]:
        return text.split() if self.noun == "words" else text

    def reader(self, before: Sequence[int]) -> Reader:
        return _PartsReader(self._known, " " if self.noun == "words" else "")


class Tokens:
    """The tokens of a tokenizer. A prompt begins as the tokenizer begins a text, where the model has learned so."""

    noun, first = "tokens", 0

    def __init__(self, content: str, marked: bool) -> None:
        self._own, self._marked = tokenizer(content), marked
        self.size = self._own.size

    def encode(self, text: str) -> list[int]:
        return self._own.encode(text)

    def begin(self, text: str) -> list[int]:
        ids = self._own.encode_beginning(text) if self._marked else self._own.encode(text)
        ids = ids or self._own.encode("\n")
        if not ids:
            raise Fault("E719", "the tokenizer makes nothing of the prompt", help='--prompt "…"')
        return ids

    def reader(self, before: Sequence[int]) -> Reader:
        return _TokensReader(self._own, before)


def coding(kind: str, known: Sequence[Any], marked: bool = False) -> Coding:
    """The coding of a kind with its vocabulary, or with the content of its tokenizer.json."""
    if kind == TOKENIZER:
        return Tokens(known[0], marked)
    return Parts(kind, known) if kind in ("characters", "words") else Bytes()


class _BytesReader:
    def __init__(self) -> None:
        self._own = getincrementaldecoder("utf-8")("replace")

    def push(self, id: int) -> str:
        return self._own.decode(bytes([id]))

    def end(self) -> str:
        return self._own.decode(b"", final=True)


class _PartsReader:
    def __init__(self, known: Sequence[str], before: str) -> None:
        self._known, self._before = known, before

    def push(self, id: int) -> str:
        return self._before + self._known[id - FIRST]

    def end(self) -> str:
        return ""


class _TokensReader:
    """Decodes the last tokens again with each new one: what a token says can depend on those before, and a character
    can be several tokens."""

    CONTEXT = 8

    def __init__(self, own: Tokenizer, before: Sequence[int]) -> None:
        self._own, self._ids = own, list(before[-self.CONTEXT :])
        self._begin, self._said = 0, len(self._ids)

    def push(self, id: int) -> str:
        self._ids.append(id)
        text = self._new()
        if not text or (text.endswith(NOTHING) and len(self._ids) - self._said < self.CONTEXT):
            return ""
        self._begin, self._said = self._said, len(self._ids)
        return text

    def end(self) -> str:
        return self._new()

    def _new(self) -> str:
        old = self._own.decode(self._ids[self._begin : self._said])
        return self._own.decode(self._ids[self._begin :])[len(old) :]
