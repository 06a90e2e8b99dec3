"""How the errors of a regression are distributed, as SVG."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nnspec.report.axis import LIMIT, Axis, axis_of, linear_ticks
from nnspec.report.markup import Html, join, tag
from nnspec.report.numbers import number, plural
from nnspec.report.predictions import Numbers

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 482, 464, 48, 8, 44
BINS = 24


def draw(numbers: Numbers) -> Html:
    """A figure with a bar per range of errors; zero is where all of them would lie for a perfect model."""
    gaps = np.clip(numbers.predicted - numbers.true, -LIMIT, LIMIT)
    gaps = gaps[np.isfinite(gaps)]
    across = axis_of([float(gaps.min()), float(gaps.max()), 0.0] if gaps.size else [])
    counts, edges = np.histogram(gaps, BINS, (across.low, across.high))
    up = Axis(0.0, float(max(counts.max(), 1)) * 1.04)
    said = (
        f"mean {number(float(gaps.mean()))}, deviation {number(float(gaps.std()))}" if gaps.size else "none is finite"
    )
    heading = tag("figcaption", tag("strong", f"Errors: {numbers.target}"), tag("small", f"predicted − true, {said}"))
    bars = (
        _bar(across, up, int(count), (float(a), float(b)))
        for count, (a, b) in zip(counts, pairwise(edges), strict=True)
    )
    body = join(_grid(across, up), *bars, _zero(across))
    return tag(
        "figure", heading, tag("svg", body, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"errors: {said}")
    )


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - 14)


def _y(axis: Axis, value: float) -> float:
    return TOP + (1 - axis.share(value)) * (HEIGHT - TOP - BOTTOM)


def _bar(across: Axis, up: Axis, count: int, ends: tuple[float, float]) -> Html | None:
    if not count:
        return None
    left, right, top = _x(across, ends[0]), _x(across, ends[1]), _y(up, count)
    words = f"{number(ends[0])} to {number(ends[1])}: {plural(count, 'number')}"
    sides = {"x": left + 1, "y": top, "width": right - left - 2, "height": HEIGHT - BOTTOM - top}
    return tag("rect", tag("title", words), rx=2, class_="bin", **sides)


def _grid(across: Axis, up: Axis) -> Html:
    bottom, right = HEIGHT - BOTTOM, WIDTH - 14
    rows = [
        join(
            tag("line", x1=LEFT, x2=right, y1=_y(up, tick), y2=_y(up, tick), class_="grid"),
            tag("text", f"{tick:,.0f}", x=LEFT - 8, y=_y(up, tick) + 4, class_="tick end"),
        )
        for tick in linear_ticks(up.low, up.high)
        if tick == round(tick)
    ]
    columns = [
        tag("text", label, x=_x(across, tick), y=bottom + 17, class_="tick middle")
        for tick, label in zip(across.ticks, across.labels, strict=True)
    ]
    base = tag("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis")
    title = tag("text", "predicted − true", x=(LEFT + right) / 2, y=bottom + 36, class_="tick middle title")
    return join(*rows, base, *columns, title)


def _zero(across: Axis) -> Html:
    return tag("line", x1=_x(across, 0.0), x2=_x(across, 0.0), y1=TOP, y2=HEIGHT - BOTTOM, class_="zero")
