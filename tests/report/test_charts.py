"""Curves as SVG."""

from __future__ import annotations

from math import inf, isfinite, nan

from hypothesis import given
from hypothesis import strategies as st

from nnspec.report.charts import MOST_POINTS, Chart, Line, draw, thinned
from tests.report.conftest import Page

COORDINATES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"}


def drawn(*values: float, best: float | None = None) -> Page:
    return Page(draw(Chart("Loss", [Line("training", "train", list(enumerate(values, 1)))], best, log=True)))


@given(st.lists(st.floats(), max_size=30))
def test_any_curve_stays_in_the_picture(values: list[float]) -> None:
    page = drawn(*values, best=1)
    for tag, name, value in page.attributes:
        if name in COORDINATES and tag != "svg":
            assert isfinite(float(value)) and -1 <= float(value) <= 500
        elif name == "points":
            assert all(isfinite(float(number)) for pair in value.split() for number in pair.split(","))


def test_what_is_not_finite_leaves_a_gap() -> None:
    assert drawn(3.0, 2.0, nan, 1.0, 1.0).tags.count("polyline") == 2
    assert drawn(3.0, 2.0, 1.5, 1.0).tags.count("polyline") == 1
    assert drawn(inf, nan).tags.count("polyline") == 0


def test_one_epoch_is_a_dot() -> None:
    page = drawn(0.5, best=1)
    assert ("circle", "class", "dot") in page.attributes
    assert "best: 1" in page.text


def test_the_numbers_of_an_epoch_are_there() -> None:
    assert "epoch 2 · training 0.2500" in drawn(0.5, 0.25).text


def test_a_long_curve_keeps_its_extremes() -> None:
    points = [(float(x), 1.0) for x in range(100_000)]
    points[31_234] = (31_234.0, 50.0)
    points[77_777] = (77_777.0, -50.0)
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS + 3
    assert {points[0], points[31_234], points[77_777], points[-1]} <= set(kept)
    assert list(kept) == sorted(kept)


def test_names_are_escaped() -> None:
    page = Page(draw(Chart("<b>", [Line("</svg><script>", "train", [(1, 1.0)])])))
    assert "script" not in page.tags
    assert "b" not in page.tags
