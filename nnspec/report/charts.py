"""Line charts as SVG: axes, ticks, curves, the best epoch, and the numbers of an epoch where the pointer is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from nnspec.report.axis import Axis, axis_of, epochs_axis, tick_label, whole_ticks
from nnspec.report.markup import Html, join, tag
from nnspec.report.numbers import number

WIDTH, HEIGHT = 470, 250
WHOLE = 970
"""The width of a chart that has a row of the page for itself."""
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 26, 36
MOST_POINTS = 600
"""Points of a curve; of more, each stretch shows its least and its greatest."""
MOST_ZONES = 120
"""Places where the pointer finds numbers."""

Point = tuple[float, float]


class Line(NamedTuple):
    """A curve. `look` is a class of the style sheet, which fixes colour and dashes."""

    name: str
    look: str
    points: Sequence[Point]


class Chart(NamedTuple):
    """Curves over epochs."""

    title: str
    lines: Sequence[Line]
    best: float | None = None
    """The epoch to mark."""
    log: bool = False
    """Whether a logarithmic axis may be used."""


def draw(chart: Chart) -> Html:
    """A figure over epochs: title, legend and curves. Points that are not finite leave a gap."""
    return draw_over(chart, "epoch")


def draw_over(chart: Chart, over: str, note: str = "", width: int = WIDTH) -> Html:
    """The same over something else that is counted, and in another width."""
    epochs = [x for line in chart.lines for x, _ in line.points]
    across = epochs_axis(min(epochs, default=0.0), max(epochs, default=1.0))
    up = axis_of((y for line in chart.lines for _, y in line.points), log=chart.log)
    place = _Plot(across, up, width)
    body = join(
        _grid(place, over),
        _best(place, chart.best),
        *(_curve(place, line) for line in chart.lines),
        _best_points(place, chart),
        *_zones(place, chart.lines, over),
    )
    said = f"{chart.title} by {over}: " + "; ".join(_summary(line) for line in chart.lines)
    picture = tag("svg", body, viewBox=f"0 0 {width} {HEIGHT}", role="img", aria_label=said)
    scale = note + (" · logarithmic" if up.log else "")
    heading = tag("figcaption", tag("strong", chart.title), tag("small", scale), _legend(chart.lines))
    return tag("figure", heading, picture, class_="chart" if width == WIDTH else "chart wide")


class _Plot(NamedTuple):
    """From numbers to coordinates."""

    across: Axis
    up: Axis
    width: int

    def x(self, value: float) -> float:
        return LEFT + self.across.share(value) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.up.share(value) * (HEIGHT - TOP - BOTTOM)


def _grid(place: _Plot, over: str) -> Html:
    bottom = HEIGHT - BOTTOM
    rows = [
        join(
            tag("line", x1=LEFT, x2=place.width - RIGHT, y1=place.y(tick), y2=place.y(tick), class_="grid"),
            tag("text", label, x=LEFT - 8, y=place.y(tick) + 4, class_="tick end"),
        )
        for tick, label in zip(place.up.ticks, place.up.labels, strict=True)
    ]
    columns = [
        join(
            tag("line", x1=place.x(tick), x2=place.x(tick), y1=bottom, y2=bottom + 4, class_="axis"),
            tag("text", tick_label(tick, 1), x=place.x(tick), y=bottom + 17, class_="tick middle"),
        )
        for tick in whole_ticks(place.across.low, place.across.high)
    ]
    frame = tag("line", x1=LEFT, x2=place.width - RIGHT, y1=bottom, y2=bottom, class_="axis")
    title = tag("text", over, x=place.width - RIGHT, y=HEIGHT - 4, class_="tick end")
    return join(*rows, frame, *columns, title)


def _curve(place: _Plot, line: Line) -> Html:
    """A path per stretch of finite points; a dot for one that stands alone."""
    parts = []
    for stretch in _stretches(thinned(line.points)):
        if len(stretch) == 1:
            parts.append(tag("circle", cx=place.x(stretch[0][0]), cy=place.y(stretch[0][1]), r=3, class_="dot"))
        else:
            path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in stretch)
            parts.append(tag("polyline", points=path))
    return tag("g", *parts, class_=f"line {line.look}")


def _best(place: _Plot, best: float | None) -> Html | None:
    if best is None or not place.across.low <= best <= place.across.high:
        return None
    x = place.x(best)
    side, at = ("end", place.width - RIGHT) if x > place.width - 60 else ("middle", x)
    return join(
        tag("line", x1=x, x2=x, y1=TOP - 4, y2=HEIGHT - BOTTOM, class_="best"),
        tag("text", f"best: {tick_label(best, 1)}", x=at, y=TOP - 10, class_=f"mark {side}"),
    )


def _best_points(place: _Plot, chart: Chart) -> Html | None:
    at = [(line, y) for line in chart.lines for x, y in line.points if x == chart.best and isfinite(y)]
    dots = (
        tag("circle", cx=place.x(chart.best or 0), cy=place.y(y), r=3.5, class_=f"peak {line.look}") for line, y in at
    )
    return join(*dots) if at else None


def _zones(place: _Plot, lines: Sequence[Line], over: str) -> list[Html]:
    """Invisible strips, one for each number across, that show a cursor and its numbers under the pointer."""
    by_epoch: dict[float, list[tuple[Line, float]]] = {}
    for line in lines:
        for x, y in line.points:
            if x == round(x) and isfinite(y):
                by_epoch.setdefault(x, []).append((line, y))
    epochs = sorted(by_epoch)
    epochs = epochs[:: -(-len(epochs) // MOST_ZONES) or 1]
    edges = [(a + b) / 2 for a, b in pairwise(epochs)]
    borders = [place.across.low, *edges, place.across.high]
    return [
        _zone(place, f"{over} {tick_label(epoch, 1)}", epoch, by_epoch[epoch], (place.x(left), place.x(right)))
        for epoch, left, right in zip(epochs, borders, borders[1:], strict=False)
    ]


def _zone(place: _Plot, name: str, epoch: float, found: list[tuple[Line, float]], sides: tuple[float, float]) -> Html:
    left, right = sides
    height = HEIGHT - TOP - BOTTOM
    words = " · ".join([name, *(f"{line.name} {number(y)}" for line, y in found)])
    return tag(
        "g",
        tag("rect", x=left, y=TOP, width=max(right - left, 0.0), height=height, class_="zone"),
        tag("line", x1=place.x(epoch), x2=place.x(epoch), y1=TOP, y2=HEIGHT - BOTTOM, class_="cursor"),
        *(tag("circle", cx=place.x(epoch), cy=place.y(y), r=3, class_=f"peak {line.look}") for line, y in found),
        tag("rect", x=0, y=0, width=place.width, height=TOP - 5, class_="veil"),
        tag("text", words, x=place.width - RIGHT, y=TOP - 10, class_="mark end"),
        class_="at",
    )


def _legend(lines: Sequence[Line]) -> Html:
    swatch = '<svg viewBox="0 0 22 8" width="22" height="8" aria-hidden="true">'
    keys = (
        tag("span", Html(f'{swatch}<line x1="0" x2="22" y1="4" y2="4" class="line {line.look}"/></svg>'), line.name)
        for line in lines
    )
    return tag("span", *keys, class_="legend")


def _summary(line: Line) -> str:
    finite = [y for _, y in line.points if isfinite(y)]
    return f"{line.name} from {number(finite[0])} to {number(finite[-1])}" if finite else f"{line.name} not measured"


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> Sequence[Point]:
    """The curve with at most about `most` points: of each stretch the first, the least and the greatest."""
    if len(points) <= most:
        return points
    size = -(-3 * len(points) // most)
    pieces = (points[start : start + size] for start in range(0, len(points), size))
    kept = [point for piece in pieces for point in _telling(piece)]
    return [*kept, points[-1]] if kept[-1] != points[-1] else kept


def _telling(piece: Sequence[Point]) -> list[Point]:
    height: Callable[[Point], float] = lambda point: point[1]  # noqa: E731
    finite = [point for point in piece if isfinite(point[1])]
    return sorted({piece[0], min(finite, key=height), max(finite, key=height)}) if finite else [piece[0]]


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """The curve, cut where it is not finite."""
    found: list[list[Point]] = [[]]
    for point in points:
        if isfinite(point[1]):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]
