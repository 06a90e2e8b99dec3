"""HTTP as uvicorn reads it, with bounds on what clients hold: connections, headers, time to send and to read."""

from __future__ import annotations

import asyncio
import json
import selectors
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nnspec.serving.settings import Limits

LARGEST_HEAD = 64 * 2**10
"""Bytes of the URL and the headers of a request."""
MOST_HEADERS = 200


class HeadTooLarge(Exception):
    """A client sends more headers than any request needs."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A client that sends the head of a request, or reads its answer, too slowly is disconnected."""

    limits: ClassVar[Limits] = Limits()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head = 0
        self._fields = 0
        self._in_head = False
        self._seen = self.loop.time()
        self._slow: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.max_connections:
            self._refuse(503, "there are too many connections")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._seen = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._fields = 0
        self._in_head = True
        self._await_head()
        self.scope["nnspec.transport"] = self.transport  # type: ignore[typeddict-unknown-key]

    def on_url(self, url: bytes) -> None:
        self._add(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._add(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_is_here()
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        self._seen = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as HTTP, or has no end of headers, is refused as the protocol refuses."""
        if self.transport.is_closing():
            return
        if self._head > LARGEST_HEAD or self._fields > MOST_HEADERS:
            self._refuse(431, f"URL and headers are larger than {LARGEST_HEAD} bytes, or more than {MOST_HEADERS}")
        else:
            self._refuse(400, "this is no valid HTTP request")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.limits.timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def end_behind_the_answer(self) -> None:
        """Close the connection when the request that is being read or answered is done."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def end_if_quiet(self, seconds: float) -> None:
        """Close the connection if nothing was sent for so long, and nothing is under way."""
        is_free = (self.cycle is None or self.cycle.response_complete) and not self._in_head
        if is_free and self.loop.time() - self._seen > seconds and not self._has_more():
            self.transport.close()

    def _has_more(self) -> bool:
        """Whether something has arrived that was not read yet: the loop may have been kept from it for a while."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.transport.get_extra_info("socket").fileno(), selectors.EVENT_READ)
            return bool(selector.select(0))

    def _add(self, count: int) -> None:
        self._head += count
        if self._head > LARGEST_HEAD or self._fields > MOST_HEADERS:
            raise HeadTooLarge  # the parser ends with it, and send_400_response answers

    def _await_head(self) -> None:
        if self._slow is None:
            self._slow = self.loop.call_later(self.limits.timeout, self.transport.close)

    def _head_is_here(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _refuse(self, status: int, text: str) -> None:
        body = json.dumps({"error": text}).encode()
        phrase = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}[status]
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"connection: close\r\n{'retry-after: 1' + chr(13) + chr(10) if status == 503 else ''}\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
