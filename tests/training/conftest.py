"""The small specs are shared with the tests of the compiler, the pictures with those of the data."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

for _folder in ("compiler", "data"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _folder))


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """SIGINT as in a terminal; a shell lets what it runs in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
