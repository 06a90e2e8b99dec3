"""Images beside what is true of each of their pixels and what the model says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnspec.data.rows import Dataset
from nnspec.ir.spec import Spec
from nnspec.report.markup import Html, join, tag
from nnspec.report.numbers import percent
from nnspec.report.png import data_url
from nnspec.report.predictions import Array, Pair, class_names, decided, pairs, predictor

SHOWN = 6
"""Images on the page, evenly spread over the rows."""
SIDE = 160
"""Pixels of the longer side; of larger images every second, third, … pixel is shown."""
COLOURS = ("#3b4252", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2", "#ffffff")
"""Of the classes, from Okabe and Ito, which all who see colours differently can tell apart; the first is the ground."""
IGNORED = "#8a8f98"


class Masks(NamedTuple):
    """Some rows of a split."""

    target: str
    classes: tuple[str, ...]
    places: tuple[str, ...]
    """Where each row came from."""
    images: Array
    """uint8 [n, H, W] or [n, H, W, 3]."""
    true: Array
    """Class numbers [n, H, W]; what is no class does not count."""
    predicted: Array


def masks(spec: Spec, run: Path, classes: Mapping[str, Sequence[Any]], split: Dataset) -> list[Masks]:
    """The masks that a spec has, with some rows of a split; none where nothing is said of pixels."""
    found = [pair for pair in pairs(spec) if pair.kind != "numbers" and len(pair.target.shape) > 2]
    if not found or not split.rows:
        return []
    rows = np.unique(np.linspace(0, split.rows - 1, min(SHOWN, split.rows)).astype(np.int64))
    arrays = split.batch(rows)
    values = predictor(spec, run, [pair.prediction for pair in found])(arrays)
    places = tuple(split.where(int(row)) for row in rows)
    made = (_mask(spec, pair, classes, arrays, values[pair.prediction], places) for pair in found)
    return [mask for mask in made if mask]


def _mask(
    spec: Spec,
    pair: Pair,
    classes: Mapping[str, Sequence[Any]],
    arrays: Mapping[str, Array],
    value: Array,
    places: tuple[str, ...],
) -> Masks | None:
    true, predicted = _flat(arrays[pair.target.name]), _flat(decided(pair, value))
    image = next((arrays[item.name] for item in spec.inputs if _is_image_of(arrays[item.name], true)), None)
    if image is None or true.shape != predicted.shape:
        return None
    step = -(-max(true.shape[1:]) // SIDE)
    true, predicted, image = (array[..., ::step, ::step] for array in (true, predicted, image))
    names = class_names(pair, classes, true, predicted)
    return Masks(pair.target.name, names, places, _visible(image), true.astype(np.int64), predicted.astype(np.int64))


def _flat(mask: Array) -> Array:
    """[n, 1, H, W] as [n, H, W]."""
    return mask[:, 0] if mask.ndim == 4 and mask.shape[1] == 1 else mask


def _is_image_of(image: Array, mask: Array) -> bool:
    """Whether an input is [n, H, W], [n, 1, H, W] or [n, 3, H, W] for a mask [n, H, W]."""
    planes = image.shape[1:-2]
    return mask.ndim == 3 and image.shape[-2:] == mask.shape[1:] and planes in ((), (1,), (3,))


def _visible(image: Array) -> Array:
    """An input as bytes, its smallest number black and its greatest white."""
    numbers = image.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    shown = np.round((numbers - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    if shown.ndim == 3:
        return shown
    return shown[:, 0] if shown.shape[1] == 1 else np.moveaxis(shown, 1, -1)


def draw(item: Masks) -> Html:
    """A figure with three pictures for each row: the image, the truth, the prediction."""
    said = f"{item.target}: image, truth and prediction of {len(item.places)} rows"
    heading = tag("figcaption", tag("strong", "Masks"), tag("small", said), _legend(item.classes))
    return tag("figure", heading, tag("div", *_rows(item), class_="masks"), class_="wide")


def _rows(item: Masks) -> Iterator[Html]:
    for index, place in enumerate(item.places):
        true, predicted = item.true[index], item.predicted[index]
        pictures = (
            (item.images[index], "image"),
            (_painted(true, len(item.classes)), "truth"),
            (
                _painted(predicted, len(item.classes)),
                f"prediction, IoU {percent(iou(true, predicted, len(item.classes)))}",
            ),
        )
        images = (
            tag("div", tag("img", src=data_url(pixels), alt=f"{what} of {place}"), tag("small", what))
            for pixels, what in pictures
        )
        yield tag("div", *images, title=place, class_="mask")


def _painted(mask: Array, classes: int) -> Array:
    """A mask [H, W] in the colours of its classes."""
    table = np.array([_rgb(_colour(number)) for number in range(classes)] + [_rgb(IGNORED)], np.uint8)
    return table[np.where((mask >= 0) & (mask < classes), mask, classes)]


def iou(true: Array, predicted: Array, classes: int) -> float:
    """The mean over the classes that are in one of the masks."""
    kept = (true >= 0) & (true < classes)
    one, two = (np.eye(classes, dtype=bool)[np.clip(mask[kept], 0, classes - 1)] for mask in (true, predicted))
    both, either = (one & two).sum(axis=0), (one | two).sum(axis=0)
    return float(np.mean(both[either > 0] / either[either > 0])) if kept.any() else float("nan")


def _legend(classes: tuple[str, ...]) -> Html:
    entries = (
        tag("span", tag("i", style=f"background:{_colour(number)}"), name)
        for number, name in enumerate(classes[: len(COLOURS)])
    )
    more = tag("span", "…") if len(classes) > len(COLOURS) else None
    return tag("span", join(*entries), more, class_="legend")


def _colour(number: int) -> str:
    return COLOURS[number] if number < len(COLOURS) else COLOURS[1 + (number - 1) % (len(COLOURS) - 1)]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
