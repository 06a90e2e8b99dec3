"""Byte-pair and other vocabularies of a `tokenizer.json`, by the library `tokenizers`; the one file that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from nnspec.data.files import read_bytes
from nnspec.diagnostics.errors import Fault

CHUNK = 1 << 20
"""Characters of a long text that are encoded at a time; it is cut where a line ends."""
PADDING = ("[PAD]", "<pad>", "<|pad|>")
"""What tokens that stand for nothing are called, where the file does not say."""


class Tokenizer:
    """Text to ids and back."""

    def __init__(self, content: str, name: str = "tokenizer.json") -> None:
        """Raises E612 where the library is not installed, E604 for what is no tokenizer."""
        library = _library()
        try:
            self._own = library.Tokenizer.from_str(content)
        except Exception as error:  # the library raises nothing narrower
            raise Fault(
                "E604",
                f"{name} is no tokenizer: {str(error).splitlines()[0] if str(error) else 'it cannot be read'}",
                help="a tokenizer.json, as the library tokenizers saves it",
            ) from error
        padding = self._own.padding
        self._own.no_truncation()
        self._own.no_padding()
        known = self._own.get_vocab(with_added_tokens=True)
        if not known:
            raise Fault("E604", f"{name} has no tokens")
        self.size: int = max(known.values()) + 1
        """One more than the largest id."""
        named = next((known[name] for name in PADDING if name in known), 0)
        self.padding: int = padding["pad_id"] if padding else named
        """The id behind the end of a row."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text alone."""
        found: list[int] = []
        for encoded in self._own.encode_batch(_chunks(text), add_special_tokens=False):
            found += encoded.ids
        return found

    def encode_row(self, text: str) -> list[int]:
        """The ids of a text with those that the tokenizer puts around one, such as [CLS] and [SEP]."""
        found: list[int] = self._own.encode(text).ids
        return found

    def encode_beginning(self, text: str) -> list[int]:
        """The ids of a text that goes on: with those that the tokenizer puts before one, such as `<s>`."""
        encoded = self._own.encode(text)
        marks = encoded.special_tokens_mask
        before = next((i for i, mark in enumerate(marks) if not mark), 0 if text else len(marks))
        return [*encoded.ids[:before], *self.encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, marks such as `<|endoftext|>` included."""
        text: str = self._own.decode(list(ids), skip_special_tokens=False)
        return text


def read_tokenizer(folder: Path, path: str) -> str:
    """The content of a tokenizer.json that is one. Raises E601, E604, E612."""
    try:
        content = read_bytes(folder, path).decode()
    except UnicodeDecodeError as error:
        raise Fault("E604", f"{path} is no tokenizer: it is not UTF-8") from error
    Tokenizer(content, path)
    return content


@lru_cache(maxsize=4)
def tokenizer(content: str) -> Tokenizer:
    """The tokenizer of what stands in a tokenizer.json, made once."""
    return Tokenizer(content)


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise Fault(
            "E612",
            "a tokenizer.json is read by the library tokenizers, which is not installed",
            help="pip install tokenizers",
        ) from error
    return tokenizers


def _chunks(text: str) -> list[str]:
    """Parts of a text, each up to the end of a line."""
    found, start = [], 0
    while start < len(text):
        end = text.find("\n", start + CHUNK) + 1 or len(text)
        found.append(text[start:end])
        start = end
    return found
