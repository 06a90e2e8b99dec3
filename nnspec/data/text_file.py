"""Reading text as windows of tokens: what a language model sees, and what follows one step later."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnspec.data.files import read_bytes
from nnspec.data.table import Table
from nnspec.diagnostics.errors import Fault

NAMES = ("tokens", "next")


def read_text(folder: Path, path: str, context: int, part: tuple[float, float] = (0.0, 1.0)) -> Table:
    """The bytes of a file, as uint8 `tokens` [rows, context] and `next`, which is one byte further on.

    `part` is where in the text the windows lie, as fractions of it: none reaches over its ends. Windows follow one
    another; what is left at the end of the part is left out. Raises E601, E604 where the file is no UTF-8, E609 where
    the part is too short for a window.
    """
    content = read_bytes(folder, path)
    _require_utf8(path, content)
    start, end = (round(edge * len(content)) for edge in part)
    tokens = np.frombuffer(content, np.uint8)[start:end]
    rows = (len(tokens) - 1) // context
    if rows < 1:
        where = "has" if part == (0.0, 1.0) else f"gives from {part[0]:g} to {part[1]:g} of it"
        raise Fault(
            "E609",
            f"{path} {where} {len(tokens)} bytes, and a window of context {context} takes {context + 1}",
            help="give more text, or a smaller context",
        )
    windows = {name: tokens[shift : shift + rows * context].reshape(rows, context) for shift, name in enumerate(NAMES)}
    return Table(path, rows, windows, NAMES)


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
