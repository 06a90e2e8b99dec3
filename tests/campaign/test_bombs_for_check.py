"""Every bomb is an error with a code and an exit of 1, in less than two seconds and 300 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign.bombs import BOMBS

Answer = tuple[int, str, float, int]


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    script = Path(__file__).parent / "bombs.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=240)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_answered(name: str, answers: dict[str, Answer]) -> None:
    code, said, seconds, memory = answers[name]
    assert (code, said) == (1, BOMBS[name][0])
    assert seconds < 2
    assert memory < 300_000_000
