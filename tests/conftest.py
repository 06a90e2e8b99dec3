"""Options of the test run."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import settings

# The time of one example says nothing on a machine that does other work as well.
settings.register_profile("nnspec", deadline=None)
settings.load_profile("nnspec")

os.environ["NNSPEC_CACHE_DIR"] = tempfile.mkdtemp(prefix="nnspec-cache-")  # never the cache of who runs the tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
