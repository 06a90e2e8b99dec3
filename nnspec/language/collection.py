"""Working without the cyclic garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Suspend the cyclic garbage collector.

    It looks at every object again and again while a large tree is built, and finds no cycle to free: a third of the
    time of parsing, and more than linear time of elaboration.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
