"""Predicted against true as SVG, for regression."""

from __future__ import annotations

import numpy as np

from nnspec.report.axis import Axis, axis_of
from nnspec.report.markup import Html, join, tag
from nnspec.report.numbers import number, plural
from nnspec.report.predictions import Numbers

SIZE, LEFT, TOP, BOTTOM = 420, 62, 8, 44
MOST_POINTS = 1500
"""Points of a picture; more would only make the file large."""


def draw(numbers: Numbers) -> Html:
    """A square figure with the line on which all points of a perfect model lie."""
    gaps = numbers.predicted - numbers.true
    rmse, mae = float(np.sqrt(np.mean(gaps**2))), float(np.mean(np.abs(gaps)))
    said = f"R² {number(numbers.r2)} · MAE {number(mae)} · RMSE {number(rmse)} · {plural(len(gaps), 'point')}"
    heading = tag("figcaption", tag("strong", f"Predicted against true: {numbers.target}"), tag("small", said))
    axis = axis_of([*_ends(numbers.true), *_ends(numbers.predicted)])
    body = join(_grid(axis), _points(axis, numbers))
    picture = tag(
        "svg",
        body,
        viewBox=f"0 0 {SIZE + LEFT + 14} {SIZE + TOP + BOTTOM}",
        role="img",
        aria_label=f"{numbers.target}: {said}",
    )
    return tag("figure", heading, picture, class_="scatter")


def _ends(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    finite = values[np.isfinite(values)]
    return [float(finite.min()), float(finite.max())] if finite.size else []


def _x(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * SIZE


def _y(axis: Axis, value: float) -> float:
    return TOP + (1 - axis.share(value)) * SIZE


def _grid(axis: Axis) -> Html:
    bottom, right = TOP + SIZE, LEFT + SIZE
    lines = [
        join(
            tag("line", x1=LEFT, x2=right, y1=_y(axis, tick), y2=_y(axis, tick), class_="grid"),
            tag("line", x1=_x(axis, tick), x2=_x(axis, tick), y1=TOP, y2=bottom, class_="grid"),
            tag("text", label, x=LEFT - 8, y=_y(axis, tick) + 4, class_="tick end"),
            tag("text", label, x=_x(axis, tick), y=bottom + 17, class_="tick middle"),
        )
        for tick, label in zip(axis.ticks, axis.labels, strict=True)
    ]
    return join(
        *lines,
        tag("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"),
        tag("line", x1=LEFT, x2=LEFT, y1=TOP, y2=bottom, class_="axis"),
        tag("line", x1=LEFT, x2=right, y1=bottom, y2=TOP, class_="perfect"),
        tag("text", "true", x=LEFT + SIZE / 2, y=bottom + 36, class_="tick middle title"),
        tag(
            "text", "predicted", transform=f"translate(11 {TOP + SIZE / 2:.0f}) rotate(-90)", class_="tick middle title"
        ),
    )


def _points(axis: Axis, numbers: Numbers) -> Html:
    kept = np.flatnonzero(np.isfinite(numbers.true) & np.isfinite(numbers.predicted))
    kept = (
        kept[np.unique(np.linspace(0, len(kept) - 1, min(len(kept), MOST_POINTS)).astype(int))] if len(kept) else kept
    )
    circles = (
        tag("circle", cx=_x(axis, float(numbers.true[i])), cy=_y(axis, float(numbers.predicted[i])), r=3.5)
        for i in kept
    )
    return tag("g", *circles, class_="points")
