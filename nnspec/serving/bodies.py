"""Bodies of requests: read within bounds of size and time, and unpacked within the same bounds."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import ClientDisconnect, Request

from nnspec.data.wording import size_text
from nnspec.serving.refusal import Refusal
from nnspec.serving.settings import Limits

DISCARDED = 8 * 2**20
PATIENCE = 1.0
"""Bytes and seconds of a body that is too large are read and dropped before it is refused: a client that is still
sending would see its connection fail, and not the answer."""
WINDOWS = {"gzip": 31, "deflate": 47, "identity": 0, "": 0}
"""What zlib calls these encodings; 47 takes the forms with and without a header of gzip or zlib."""


class Account:
    """Bytes of all bodies that are being read, or wait for the model."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.held = 0

    def take(self, count: int) -> None:
        if self.held + count > self._limit:
            raise Refusal(429, "too many requests are being read", retry=1)
        self.held += count

    def give(self, count: int) -> None:
        self.held -= count


class Body:
    """Reads the body of a request; inside `async with`, what it holds is on the account."""

    def __init__(self, request: Request, limits: Limits, account: Account) -> None:
        self._request = request
        self._limits = limits
        self._account = account
        self._held = 0

    async def __aenter__(self) -> Body:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._account.give(self._held)

    async def read(self) -> bytes:
        """The body, unpacked. Raises a Refusal, 408, 413, 415 or 429, and ClientDisconnect."""
        headers = self._request.headers
        encoding = headers.get("content-encoding", "").strip().lower()
        declared = headers.get("content-length", "")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self._limits.max_body):
            if "expect" not in headers:
                await self._discard()
            raise self._too_large()
        if encoding not in WINDOWS:
            await self._discard()
            raise Refusal(415, f"cannot be unpacked: {encoding[:40]!r}; gzip and deflate are", "Content-Encoding")
        try:
            async with asyncio.timeout(self._limits.timeout):
                content = await self._whole()
        except TimeoutError as error:
            raise Refusal(408, f"the request did not arrive within {self._limits.timeout:g} seconds") from error
        if content is None:
            raise self._too_large()
        return self._unpacked(content, WINDOWS[encoding]) if WINDOWS[encoding] else content

    async def _whole(self) -> bytes | None:
        """The body; None where it is too large."""
        parts: list[bytes] = []
        while True:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            if part:
                parts.append(part)
                self._hold(len(part))
            more = message.get("more_body", False)
            if self._held > self._limits.max_body:
                parts.clear()
                if more:
                    await self._discard()
                return None
            if not more:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _hold(self, count: int) -> None:
        self._account.take(count)
        self._held += count

    async def _discard(self) -> None:
        """Read on for a moment, and forget it."""
        seen = 0
        try:
            async with asyncio.timeout(PATIENCE):
                while seen < DISCARDED:
                    message = await self._request.receive()
                    seen += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return

    def _unpacked(self, content: bytes, window: int) -> bytes:
        packed = zlib.decompressobj(window)
        try:
            found = packed.decompress(content, self._limits.max_body + 1)
        except zlib.error as error:
            raise Refusal(400, f"the body cannot be unpacked: {error}", "Content-Encoding") from error
        if len(found) > self._limits.max_body:
            raise self._too_large()
        if not packed.eof or packed.unused_data:
            raise Refusal(400, "the packed body is not whole", "Content-Encoding")
        self._hold(len(found))
        return found

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {size_text(self._limits.max_body)}")
