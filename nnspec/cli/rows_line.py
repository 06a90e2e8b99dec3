"""How far `nnspec run` is: one line on a terminal, written again and again."""

from __future__ import annotations

from time import monotonic
from typing import TextIO

from nnspec.cli.pace import clock
from nnspec.cli.progress import REFRESH, is_screen


class RowsLine:
    """Rows done, of how many, how fast, and the time left. Nothing where nobody watches."""

    def __init__(self, stream: TextIO, rows: int | None, *, shown: bool = True) -> None:
        self._stream, self._rows = stream, rows
        self._live = shown and is_screen(stream)
        self._started = self._written = monotonic()

    def __call__(self, done: int) -> None:
        now = monotonic()
        if self._live and now - self._written >= REFRESH:
            self._written = now
            self._write(f"\r\x1b[K{self._text(done, now - self._started)}")

    def clear(self) -> None:
        """Leave the line to what follows."""
        if self._live and self._written > self._started:
            self._write("\r\x1b[K")

    def _text(self, done: int, seconds: float) -> str:
        rate = done / max(seconds, 1e-9)
        text = f"{done:,} rows  {rate:,.0f}/s"
        if self._rows:
            left = clock((self._rows - done) / rate) if done else "?"
            text = f"{done:,} of {self._rows:,} rows  {rate:,.0f}/s  {left} left"
        return text

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
