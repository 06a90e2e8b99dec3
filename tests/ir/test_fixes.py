"""What `check --fix` does: every edit that is offered mends its finding, and brings no other one about."""

from __future__ import annotations

import pytest

from nnspec.diagnostics.catalogue import CATALOGUE
from nnspec.diagnostics.mending import mended
from nnspec.language.formatting.format import formatted

from .bad_specs import BAD_SPECS
from .shorthand import findings, model

TEXTS = {
    **{name: text for name, (text, _) in BAD_SPECS.items()},
    **{code: entry.failing for code, entry in CATALOGUE.items() if not entry.shell},
    "quotes": model("reshape(1, 2, 2) -> conv2d(3, kernel = 1, padding = same)"),
    "constants": model("dense(3, bias = False)"),
    "constants twice": model("a = dense(3, bias = False)", "dense(3, bias = True) + a"),
    "a header": model("relu").replace("nnspec 1\n", ""),
    "names of pytorch": model("x -> nn.Linear(3) -> nn.ReLU"),
    "names of keras": model("x -> Dense(3) -> LeakyReLU"),
    "an unquoted path": model(
        "logits = dense(3)", tail="data {\n  train = csv(data/iris.csv)\n  x = [a, b, c, d]\n}\n"
    ),
    "an optimizer of pytorch": CATALOGUE["W311"].mended.replace("adam(", "Adam("),
}
OFFERED = {name: text for name, text in TEXTS.items() if any(found.edits for found in findings(text))}


@pytest.mark.parametrize("name", OFFERED)
def test_an_edit_mends_its_finding_and_nothing_else_happens(name: str) -> None:
    text = OFFERED[name]
    before = findings(text)
    after, count = mended(text, before, "a.nn")
    left = findings(after)
    assert count and len(left) <= len(before) - count, (after, [one.message for one in left])
    whole = [one for one in before if not one.edits]
    assert {one.code for one in left} <= {one.code for one in whole}


def test_edits_are_offered_where_they_are_safe() -> None:
    assert len(OFFERED) >= 15
    assert {found.code for text in OFFERED.values() for found in findings(text) if found.edits} == {
        *("E104", "E106", "E116", "E201", "E204", "E205", "E403", "W305", "W306"),
    }


@pytest.mark.parametrize("name", [name for name in OFFERED if all(one.edits for one in findings(OFFERED[name]))])
def test_where_every_finding_can_be_mended_the_spec_is_clean_at_last(name: str) -> None:
    text = OFFERED[name]
    for _ in range(5):
        text, count = mended(text, findings(text), "a.nn")
        if not count:
            break
    assert findings(text) == [] and formatted(text, "a.nn")[1] == []


def test_edits_that_touch_each_other_wait() -> None:
    text = model("x -> Linear(bias = False, units = 3)")
    after, _ = mended(text, findings(text), "a.nn")
    assert "dense(" in mended(after, findings(after), "a.nn")[0]


def test_places_count_behind_a_mark_and_in_characters() -> None:
    text = "\ufeff" + model('dense(3, bias = False)  # "é🙂"')
    after, count = mended(text, findings(text), "a.nn")
    assert count == 1 and 'bias = false)  # "é🙂"' in after and after.startswith("\ufeffnnspec 1")
