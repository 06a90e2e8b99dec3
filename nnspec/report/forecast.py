"""A forecast and what came, over time, as SVG."""

from __future__ import annotations

import numpy as np

from nnspec.report.charts import WHOLE, Chart, Line, draw_over
from nnspec.report.markup import Html
from nnspec.report.numbers import number
from nnspec.report.predictions import Numbers

MOST_STEPS = 400
"""Points of time in a picture: the last ones of a longer split."""


def draw(numbers: Numbers) -> Html:
    """Both curves, and the error of the forecast beside that of saying what was last seen."""
    true, predicted = numbers.true, numbers.predicted
    first = max(0, len(true) - MOST_STEPS)
    lines = (
        Line("true", "train", [(float(t), float(true[t])) for t in range(first, len(true))]),
        Line("forecast", "validation", [(float(t), float(predicted[t])) for t in range(first, len(true))]),
    )
    said = f"MAE {number(float(np.mean(np.abs(predicted - true))))}"
    if len(true) > 1:
        said += f" · the value before would be off by {number(float(np.mean(np.abs(np.diff(true)))))}"
    return draw_over(Chart(f"Forecast: {numbers.target}", lines), "row of the split", said, WHOLE)
