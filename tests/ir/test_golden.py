"""The full text of messages, as a person reads them. `pytest --update-golden` writes the files anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec.diagnostics.render import render_text

from .bad_specs import BAD_SPECS
from .shorthand import findings
from .test_errors import FIVE

GOLDEN = Path(__file__).parent / "golden"
NAMES = (
    "unknown layer", "layer of pytorch", "unknown option", "option out of range", "missing option",
    "word without quotes",
    "rank", "operands", "symbolic sizes", "symbolic features", "dtype of a layer", "dtypes of operands",
    "number of inputs",
    "number of results", "size of a block's input", "inside a block", "shared features", "undefined value",
    "a layer as an argument", "no current value", "value and layer", "a number named as a value",
    "a condition on a value",
    "equal paths", "missing argument of a block", "recursion", "pattern", "budget",
)  # fmt: skip


def texts() -> dict[str, str]:
    return {name: BAD_SPECS[name][0] for name in NAMES} | {"five": FIVE}


@pytest.mark.parametrize("name", texts())
def test_the_text_of_messages(name: str, request: pytest.FixtureRequest) -> None:
    text = texts()[name]
    shown = f"{text}\n---\n\n{render_text(findings(text), {'a.nn': text})}"
    path = GOLDEN / f"{name.replace(' ', '-').replace(chr(39), '')}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == shown


def test_no_golden_file_is_left_over() -> None:
    assert len(list(GOLDEN.glob("*.txt"))) == len(texts())
