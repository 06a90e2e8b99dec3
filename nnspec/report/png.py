"""Small images for a page, as PNG inside of the file."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def data_url(pixels: Array) -> str:
    """uint8 [H, W] or [H, W, 3] as the URL of a PNG."""
    return "data:image/png;base64," + b64encode(png(pixels)).decode("ascii")


def png(pixels: Array) -> bytes:
    """uint8 [H, W], grey, or [H, W, 3], red green blue, as a PNG file. W3C, PNG (Third Edition), 5.2 and 11.2."""
    height, width = pixels.shape[:2]
    header = struct.pack(">2I5B", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    lines = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each begins with the number of its filter: 0, none
    lines[:, 1:] = pixels.reshape(height, -1)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
