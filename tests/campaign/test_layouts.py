"""`fmt` over 5000 generated specs in `make soak`: idempotent, the IR unchanged, no comment lost."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import nnspec
from nnspec.language.formatting.format import formatted
from tests.campaign.damage import whole
from tests.language.test_format import comments_of, scrambled
from tests.soak import FACTOR

COUNT = 5_000 if FACTOR > 1 else 100
PART = COUNT // 5


def meaning(text: str) -> Any:
    """The IR of a spec, without the places and the text that it came from."""
    return _without_places(nnspec.loads(text, path="a.nn").model_dump(mode="json"))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("span", "origin", "files", "source", "warnings", "target_span")
        return {key: _without_places(inner) for key, inner in value.items() if key not in left_out}
    return [_without_places(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_nothing_but_the_layout_changes(first: int) -> None:
    for number in range(first, first + PART):
        random = Random(number)
        text = whole(random)
        before = scrambled(random, random.random(), text)
        after, found = formatted(before, "a.nn")
        assert not found, number
        assert formatted(after, "a.nn") == (after, []), number
        assert comments_of(after) == comments_of(before), number
        assert meaning(after) == meaning(text), number
