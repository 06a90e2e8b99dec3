"""100 000 damaged and generated specs in `make soak`: findings with codes and places, no traceback, none over 2 s.

`python -m tests.campaign.test_campaign FIRST COUNT` runs a part of it and prints what went wrong, with its number.
"""

from __future__ import annotations

import random
import sys
import time
import traceback

import pytest

from nnspec.api import check_project
from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.ir.project import read
from tests.campaign.damage import ROOT, damaged, generated
from tests.soak import FACTOR

COUNT = 5_000 * FACTOR if FACTOR > 1 else 600
PART = 300 if FACTOR == 1 else 5_000
SECONDS = 2.0


def content(number: int) -> bytes:
    """The input of this number: two thirds are damaged specs, one third generated ones."""
    source = random.Random(number)
    return generated(source) if number % 3 == 0 else damaged(source)


def look(number: int) -> tuple[float, list[str]]:
    """The seconds that `check` takes for an input, and the codes that it answers."""
    text = content(number)
    lines = text.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    started = time.process_time()
    found = check_project(read(str(ROOT / "tests/acceptance/campaign.nn"), text))
    seconds = time.process_time() - started
    for one in found:
        assert one.code in CATALOGUE, one
        assert one.message, one
        if one.span and one.span.file.endswith("campaign.nn"):
            line, column, end_line, end_column = one.span[1:]
            assert 1 <= line <= end_line <= len(lines), one
            assert 1 <= column <= len(lines[line - 1].removeprefix("\ufeff")) + 1, one
            assert end_column <= len(lines[end_line - 1].removeprefix("\ufeff")) + 1, one
            assert (line, column) <= (end_line, end_column), one
    return seconds, [one.code for one in found]


@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_no_traceback_and_none_over_two_seconds(first: int) -> None:
    for number in range(first, first + PART):
        try:
            seconds, _ = look(number)
        except Exception as error:
            pytest.fail(f"input {number}: {error!r}\n{traceback.format_exc()}")
        assert seconds < SECONDS, f"input {number} took {seconds:.1f} s"


if __name__ == "__main__":
    slowest, clean, codes = (0.0, 0), 0, set()
    for each in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2])):
        try:
            taken, answered = look(each)
        except Exception:
            print(f"---- input {each}\n{traceback.format_exc()}", flush=True)
            continue
        slowest = max(slowest, (taken, each))
        clean += not answered
        codes |= set(answered)
        if taken > SECONDS / 2:
            print(f"---- input {each}: {taken:.1f} s", flush=True)
    print(f"slowest {slowest}, clean {clean}, codes {sorted(codes)}")
