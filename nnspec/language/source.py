"""From the bytes of a file to text that the scanner can trust: UTF-8, lines that end alike, nothing invisible."""

from __future__ import annotations

import re

from nnspec.diagnostics.errors import Fault
from nnspec.diagnostics.span import Span
from nnspec.language import limits
from nnspec.language.tokens import Rejected

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, halves of a surrogate pair, signs that turn the direction of reading, a BOM in the middle."""


def read(source: str | bytes, path: str) -> str:
    """The text of a spec; raises Rejected where there is none to speak of."""
    if len(source) > limits.FILE_BYTES:
        size = len(source) / 2**20
        fault = Fault("E123", f"this file has {size:.1f} MB, a spec has at most {limits.FILE_BYTES // 2**20} MB")
        raise Rejected(fault.at(Span(path, 1, 1, 1, 1)))
    text = source if isinstance(source, str) else _decoded(source, path)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if found := FORBIDDEN.search(text):
        raise Rejected(_forbidden(found.group()).at(_place(text, found.start(), path)))
    return text


def _decoded(source: bytes, path: str) -> str:
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        shown = " ".join(f"{byte:02x}" for byte in source[error.start : error.end])
        fault = Fault("E121", f"this file is not UTF-8: byte {shown} stands here", "save it with the encoding UTF-8")
        raise Rejected(fault.at(_place(before, len(before), path))) from None


def _forbidden(character: str) -> Fault:
    if character == "\r":
        return Fault(
            "E122", "a carriage return alone stands here", "end lines with a line feed, as editors on Linux do"
        )
    help = "delete it, or save the file with the encoding UTF-8" if character == "\0" else "delete it"
    return Fault("E122", f"the invisible character U+{ord(character):04X} must not stand in a spec", help)


def _place(text: str, offset: int, path: str) -> Span:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Span(path, line, column, line, column + (offset < len(text)))
