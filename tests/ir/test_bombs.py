"""Every bomb is a diagnostic in less than two seconds and 300 MB; a large spec is checked in linear time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnspec.api import check_project
from nnspec.ir.project import read

from .bombs import BOMBS
from .shorthand import codes, model

SECONDS = 2.0
BYTES = 300_000_000


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[list[str], float, int]]:
    """What a process with a limited address space says to each of them."""
    script = Path(__file__).parent / "bombs.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_answered(name: str, answers: dict[str, tuple[list[str], float, int]]) -> None:
    found, seconds, memory = answers[name]
    assert found[:1] == [BOMBS[name][0]]
    assert seconds < SECONDS
    assert memory < BYTES


def test_ten_thousand_layers_are_checked_in_linear_time() -> None:
    times = {}
    for count in (5_000, 20_000):
        project = read("a.nn", model(*["dense(4) -> relu"] * (count // 2)).encode())
        start = time.process_time()
        assert check_project(project) == []
        times[count] = time.process_time() - start
    assert times[20_000] < 4
    assert times[20_000] < 8 * times[5_000]


def test_what_is_deep_but_sane_is_checked() -> None:
    assert codes(model("if true { " * 60 + "relu" + " }" * 60)) == []
    assert codes(model("y = " + " + ".join(["x"] * 100))) == []
    blocks = (
        "".join(f"block b{i} {{\n  input x\n  b{i + 1}\n}}\n" for i in range(40))
        + "block b40 {\n  input x\n  relu\n}\n"
    )
    assert codes(model("b0", blocks=blocks)) == []
