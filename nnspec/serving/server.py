"""The server: listens, computes, and ends without losing a request.

At SIGTERM it says that it is not ready, ends each connection behind its next answer, closes the door behind the last
client that stands in front of it, and waits for what is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

import uvicorn

from nnspec.serving.app import Service
from nnspec.serving.door import HANDSHAKE, accept_all, refuse_newcomers
from nnspec.serving.protocol import BoundedProtocol
from nnspec.serving.settings import Limits

QUIET = 1.0
"""Seconds after which a connection that sends nothing while the server ends is closed: what a client sends at this very
moment is lost, so it must not be one that has just been answered."""
KEEP_ALIVE = 75
"""Seconds that a connection may be idle; longer than the 60 of most proxies, which are to be the first to close."""


class Server(uvicorn.Server):
    """uvicorn's server with an end of its own."""

    def __init__(self, service: Service, sockets: Sequence[socket.socket], limits: Limits) -> None:
        protocol = type("Protocol", (BoundedProtocol,), {"limits": limits})
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what clients do wrong is told to them
        config = uvicorn.Config(
            service.app(),
            http=protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
            backlog=2048,
        )
        super().__init__(config)
        self.service = service
        self._sockets = list(sockets)
        self._limits = limits

    async def answer(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until a signal, or `should_exit`; `ready` is called when requests are taken."""
        self.service.start()
        announced = asyncio.create_task(self._announce(ready))
        try:
            await self.serve(self._sockets)
        finally:
            announced.cancel()
            self.service.end()

    async def on_tick(self, counter: int) -> bool:
        self.service.watch()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without losing what clients have sent, within the time that is allowed."""
        self.service.draining = True
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        for connection in list(state.connections):
            connection.end_behind_the_answer()  # type: ignore[union-attr]
        await self._pause(self._limits.drain_delay)
        await self._close_the_door()
        since = time.monotonic()
        while state.connections and not self.force_exit and time.monotonic() - since < self._limits.drain:
            self.service.watch()
            for connection in list(state.connections):
                connection.end_if_quiet(QUIET)  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
        for task in list(state.tasks):
            task.cancel()
        await asyncio.sleep(0)

    async def _close_the_door(self) -> None:
        """Take the clients whose connections wait to be accepted, then stop listening."""
        for door in self._sockets:
            refuse_newcomers(door)
        await self._pause(HANDSHAKE)
        waiting = [client for door in self._sockets for client in accept_all(door)]
        for server in self.servers:
            server.close()
        for client in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, client)

    def _protocol(self) -> BoundedProtocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg, return-value]
            config=self.config, server_state=self.server_state, app_state={}
        )

    async def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.force_exit:
            self.service.watch()
            await asyncio.sleep(min(0.05, seconds))

    async def _announce(self, ready: Callable[[], None] | None) -> None:
        while not self.started:
            await asyncio.sleep(0.001)
        if ready:
            ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the server in peace; one more SIGINT ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGTERM, signal.SIGINT]
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.force_exit or (self.should_exit and sig == signal.SIGINT)
        self.should_exit = True
