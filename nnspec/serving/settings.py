"""What a server allows: sizes, times, batches."""

from __future__ import annotations

import os
from typing import NamedTuple


class Limits(NamedTuple):
    """The settings of a server; the defaults are those of `nnspec serve`."""

    max_batch: int = 32
    """Rows that are computed together."""
    max_delay: float = 0.0
    """Seconds that a request waits for others to fill its batch, while nothing is being computed."""
    max_queue: int = 1024
    """Requests of a model that wait; more are answered with 429."""
    max_body: int = 64 * 2**20
    """Bytes of a request, as it is sent and unpacked."""
    max_memory: int = 2**30
    """Bytes that the values of one run may take."""
    timeout: float = 30.0
    """Seconds for a request to arrive, and again for it to be answered."""
    drain: float = 30.0
    """Seconds that requests have to be answered once the server was asked to end."""
    drain_delay: float = 0.0
    """Seconds that it takes new connections meanwhile, though it says that it is not ready."""
    max_connections: int = 1000
    workers: int = 0
    """Runs of a model at the same time; 0 is one for models that run in batches, else one per core."""

    @property
    def max_waiting(self) -> int:
        """Bytes of all requests that are being read or wait."""
        return max(4 * self.max_body, 2**28)


def usable_memory() -> int:
    """Bytes that are free now, or that the container of this process leaves it."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**33
    for path, key in (("/proc/meminfo", "MemAvailable:"), ("/sys/fs/cgroup/memory.max", "")):
        found = min(found, _number(path, key) or found)
    return found


def _number(path: str, key: str) -> int | None:
    """A number of bytes in a file of the system; None where it does not say."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - no file of anybody's
            for line in file:
                if line.startswith(key):
                    words = line.removeprefix(key).split()
                    return int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    except (OSError, ValueError, IndexError):
        pass
    return None
