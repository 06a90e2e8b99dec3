"""Reading text as windows of tokens: what a language model sees, and what follows one step later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nnspec.data.coding import coding
from nnspec.data.files import read_bytes
from nnspec.data.labels import Classes
from nnspec.data.slots import TOKENIZER, Slot
from nnspec.data.table import Table
from nnspec.data.text_ids import require_room, vocabulary
from nnspec.diagnostics.errors import Fault

NAMES = ("tokens", "next")


def read_text(
    folder: Path,
    path: str,
    context: int,
    part: tuple[float, float] = (0.0, 1.0),
    slots: Sequence[Slot] = (),
    known: Mapping[str, Classes] | None = None,
) -> Table:
    """The text of a file, as `tokens` [rows, context] and `next`, which is one token further on.

    `part` is where in the text the windows lie, as fractions of its bytes: none reaches over its ends. Windows follow
    one another; what is left at the end of the part is left out. Tokens are bytes, uint8, unless the `slots` that they
    feed say characters, words or tokens of a tokenizer; their vocabulary is in `known`, or is what occurs here. Raises
    E601, E604 where the file is no UTF-8, E609 where the part is too short for a window, E611 for a vocabulary that is
    larger than the embedding.
    """
    content = read_bytes(folder, path)
    _require_utf8(path, content)
    start, end = (round(edge * len(content)) for edge in part)
    fed = [slot for slot in slots if slot.text and slot.columns and slot.columns[0] in NAMES]
    classes: dict[str, Classes] = {}
    if fed:
        text = content[_border(content, start) : _border(content, end)].decode()
        found = next(((known or {})[slot.name] for slot in fed if slot.name in (known or {})), None)
        found = found or vocabulary([text], fed[0], lambda row: path)
        for slot in fed:
            require_room(found, slot, _vocabulary_of(slot, path))
        own = coding(fed[0].text, found)
        tokens, noun = np.array(own.encode(text), np.int64 if own.size > 2**15 else np.int16), own.noun
        classes = dict.fromkeys(NAMES, found)
    else:
        tokens, noun = np.frombuffer(content, np.uint8)[start:end], "bytes"
    rows = (len(tokens) - 1) // context
    if rows < 1:
        where = "has" if part == (0.0, 1.0) else f"gives from {part[0]:g} to {part[1]:g} of it"
        raise Fault(
            "E609",
            f"{path} {where} {len(tokens)} {noun}, and a window of context {context} takes {context + 1}",
            help="give more text, or a smaller context",
        )
    windows = {name: tokens[shift : shift + rows * context].reshape(rows, context) for shift, name in enumerate(NAMES)}
    return Table(path, rows, windows, NAMES, classes=classes)


def _vocabulary_of(slot: Slot, path: str) -> str:
    return "the tokenizer" if slot.text == TOKENIZER else path


def _border(content: bytes, at: int) -> int:
    """The nearest place at or behind `at` where a character of UTF-8 begins."""
    while at < len(content) and content[at] & 0xC0 == 0x80:
        at += 1
    return at


def _require_utf8(path: str, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Fault(
            "E604",
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8",
            help="save it as UTF-8",
        ) from error
