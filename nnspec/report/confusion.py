"""A confusion matrix as SVG, and what it says of each class."""

from __future__ import annotations

import numpy as np

from nnspec.report.markup import Html, join, tag
from nnspec.report.numbers import percent, plural
from nnspec.report.predictions import Array, Labels

MOST_CLASSES = 30
"""Classes that fit a picture; of more, the most frequent mistakes are listed."""
MOST_MISTAKES = 20
SHOWN = 16
"""Letters of a class name in the picture."""


def draw(labels: Labels) -> Html:
    """The matrix where the classes fit, a table of the classes or of the mistakes."""
    matrix = labels.matrix
    right = int(np.trace(matrix))
    said = (
        f"{labels.target}: {percent(right / matrix.sum())} right, {right:,} of {plural(int(matrix.sum()), labels.unit)}"
    )
    heading = tag("figcaption", tag("strong", "Confusion matrix"), tag("small", said))
    if len(labels.classes) > MOST_CLASSES:
        return tag("figure", heading, _mistakes(labels.classes, matrix), class_="wide")
    picture = tag("figure", heading, _picture(labels.classes, matrix, said), class_="matrix")
    return tag("div", picture, _per_class(labels.classes, matrix, labels.unit), class_="pair")


def _picture(classes: tuple[str, ...], matrix: Array, said: str) -> Html:
    names = [name if len(name) <= SHOWN else name[: SHOWN - 1] + "…" for name in classes]
    count = len(names)
    cell = min(76.0, max(20.0, 400 / count))
    left = 30 + 7.2 * max(map(len, names))
    turned = max(map(len, names)) * 7.5 > cell
    below = 28 + (7.2 * 0.71 * max(map(len, names)) + 8 if turned else 16)
    width, height = left + cell * count + 12, cell * count + below
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = [
        _cell(
            (left + column * cell, row * cell, cell),
            (row == column, float(shares[row, column]), int(matrix[row, column])),
            f"{classes[row]} taken for {classes[column]}",
        )
        for row in range(count)
        for column in range(count)
    ]
    rows = [tag("text", name, x=left - 8, y=(i + 0.5) * cell + 4, class_="tick end") for i, name in enumerate(names)]
    columns = [
        _column_name(name, left + (i + 0.5) * cell, count * cell + 16, turned=turned) for i, name in enumerate(names)
    ]
    middle = count * cell / 2
    titles = join(
        tag("text", "true", transform=f"translate(11 {middle:.0f}) rotate(-90)", class_="tick middle title"),
        tag("text", "predicted", x=left + middle, y=height - 5, class_="tick middle title"),
    )
    return tag(
        "svg",
        join(*cells, *rows, *columns, titles),
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        style=f"max-width:{width:.0f}px",
        role="img",
        aria_label=said,
    )


def _cell(place: tuple[float, float, float], found: tuple[bool, float, int], words: str) -> Html:
    x, y, size = place
    right, share, count = found
    strength = "high" if share > 0.8 else "mid" if share > 0.5 else "low" if count else "none"
    kind = "right" if right else "wrong"
    square = tag("rect", x=x + 1, y=y + 1, width=size - 2, height=size - 2, rx=3, class_="empty")
    colour = tag(
        "rect", x=x + 1, y=y + 1, width=size - 2, height=size - 2, rx=3, fill_opacity=round(share, 3), class_=kind
    )
    middle, centre = x + size / 2, y + size / 2
    both = size >= 48 and count
    texts = [
        tag("text", f"{count:,}", x=middle, y=centre + (0 if both else 5), class_=f"count middle {strength}"),
        tag("text", percent(share), x=middle, y=centre + 15, class_=f"share middle {strength}") if both else None,
    ]
    return tag(
        "g",
        tag("title", f"{words}: {count:,}, {percent(share)}"),
        square,
        colour if count else None,
        *(texts if count or size >= 48 else ()),
    )


def _column_name(name: str, x: float, y: float, *, turned: bool) -> Html:
    if turned:
        return tag("text", name, transform=f"translate({x:.1f} {y - 4:.1f}) rotate(-45)", class_="tick end")
    return tag("text", name, x=x, y=y + 2, class_="tick middle")


def _per_class(classes: tuple[str, ...], matrix: Array, unit: str) -> Html:
    counts = (f"{unit}s", "precision", "recall", "F1")
    heads = tag("tr", tag("th", "class"), *(tag("th", head, class_="n") for head in counts))
    said, true, hits = matrix.sum(axis=0), matrix.sum(axis=1), np.diag(matrix)
    rows = (
        tag(
            "tr",
            tag("td", name),
            tag("td", f"{int(true[i]):,}", class_="n"),
            *(
                tag("td", percent(float(top) / float(below)) if below else "–", class_="n")
                for top, below in ((hits[i], said[i]), (hits[i], true[i]), (2 * hits[i], said[i] + true[i]))
            ),
        )
        for i, name in enumerate(classes)
    )
    return tag("div", tag("table", tag("thead", heads), tag("tbody", *rows)), class_="scroll")


def _mistakes(classes: tuple[str, ...], matrix: Array) -> Html:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    heads = tag("tr", tag("th", "true"), tag("th", "predicted"), tag("th", "times", class_="n"))
    rows = (
        tag(
            "tr",
            tag("td", classes[row]),
            tag("td", classes[column]),
            tag("td", f"{int(wrong[row, column]):,}", class_="n"),
        )
        for row, column in (divmod(int(flat), len(classes)) for flat in order)
        if wrong[row, column]
    )
    return tag("div", tag("table", tag("thead", heads), tag("tbody", *rows)), class_="scroll")
