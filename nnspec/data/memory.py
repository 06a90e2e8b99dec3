"""How much memory there is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

GROUP = Path("/sys/fs/cgroup")
"""Where a container says what it may take."""


def available_memory() -> int:
    """Bytes that this process may still take: what the machine has free, and what its container leaves."""
    found = _machine()
    with suppress(OSError, ValueError):
        limit = int((GROUP / "memory.max").read_text())  # "max" is none
        found = min(found, max(limit - int((GROUP / "memory.current").read_text()), 0))
    return found


def _machine() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    return 2**32
