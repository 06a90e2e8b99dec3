"""The socket where clients arrive: opened at an address, and closed behind the last one who stands in front of it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
import sys

from nnspec.diagnostics.errors import Fault

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ATTACH_FILTER = 26
"""SO_ATTACH_FILTER of Linux."""
NO_NEWCOMERS = ((0x30, 0, 0, 13), (0x45, 0, 1, 2), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
"""Classic BPF on a TCP packet: load the byte of flags; drop what has SYN; keep the rest. linux/filter.h."""
HANDSHAKE = 0.1
"""Seconds in which those who have knocked come in."""


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises E740 where there is none, or where somebody has it."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, number)
    except (OSError, UnicodeError, OverflowError) as error:
        raise Fault("E740", f"{host} is no address of this machine: {error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(1)  # until the server is there; two that bind the same port would not notice each other before
    except OSError as error:
        found.close()
        raise _no_address(host, port, error) from error
    return found


def refuse_newcomers(door: socket.socket) -> None:
    """Let nobody else begin a connection, while those that have begun still come in. Closing a socket at once would
    reset the connections that the system has made and nobody has accepted, requests included. Linux alone can do it;
    elsewhere a client that arrives in the microseconds before the end has to come again."""
    if not sys.platform.startswith("linux"):
        return
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in NO_NEWCOMERS)
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(NO_NEWCOMERS), ctypes.addressof(kept))
    with contextlib.suppress(OSError):
        door.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)


def accept_all(door: socket.socket) -> list[socket.socket]:
    """The connections that wait to be accepted."""
    found: list[socket.socket] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            client, _ = door.accept()
            client.setblocking(False)
            found.append(client)
    return found


def _no_address(host: str, port: int, error: OSError) -> Fault:
    if error.errno == errno.EADDRINUSE:
        return Fault("E740", f"port {port} of {host} is taken", help="--port takes another one, and 0 any that is free")
    if error.errno == errno.EACCES:
        return Fault("E740", f"port {port} is not for this user", help="ports from 1024 on are free to use")
    return Fault("E740", f"{host} is no address of this machine", help="--host 127.0.0.1, or 0.0.0.0 for all of them")
