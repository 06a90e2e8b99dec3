"""The pictures that a page holds, and how a drawing becomes one of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnspec.data.randomness import permutation
from nnspec.data.rows import Dataset
from nnspec.diagnostics.errors import Fault, NnspecError
from nnspec.ir.spec import Spec
from nnspec.report.predictions import Pair, pairs
from nnspec.training.trainer import Trainer

Array = np.ndarray[Any, Any]

MOST_BYTES = 16_000_000
"""Of the training pictures in a page; a sample of more."""
MOST_HELD = 1000
"""Pictures that measure the accuracy."""
DTYPES = ("uint8", "float32")
HELD_OUT = 0x9A6E
"""The place of this draw among those of a seed."""


class Task(NamedTuple):
    """What an image classifier sees and says."""

    input: str
    target: str
    scores: str
    """The value of the spec that has a score for every class, before softmax."""


class Pictures(NamedTuple):
    """Pictures and their class numbers: those that are learned from, and those that are not."""

    images: Array
    """[rows, channels, height, width], uint8 or float32."""
    labels: Array
    """[rows], uint16."""
    held_images: Array
    held_labels: Array
    available: int
    """Training pictures that there are."""


def task(spec: Spec) -> Task:
    """Raises E730 for anything but an image classifier."""
    if spec.data is None or spec.train is None:
        raise Fault("E730", f"{spec.name} has no data and train sections to train by", help="nnspec new image")
    pair = _classes(spec)
    if len(spec.inputs) != 1 or len(spec.train.targets) != 1 or pair is None:
        raise Fault("E730", f"{spec.name} is no image classifier: one image in, one class out by its logits")
    image = spec.inputs[0]
    if len(image.shape) != 4 or image.shape[1] not in (1, 3) or image.dtype not in DTYPES:
        raise Fault(
            "E730",
            f"{image.name} is {image.type}, which is no image",
            help="a page takes uint8 or float32 [N, 1, H, W], grey, or [N, 3, H, W], colours",
        )
    return Task(image.name, pair.target.name, pair.prediction)


def _classes(spec: Spec) -> Pair | None:
    """The comparison of a row's logits [N, classes] with its class."""
    shapes = {value.name: value.shape for value in spec.values}
    found = (pair for pair in pairs(spec) if pair.kind == "classes" and len(pair.target.shape) == 1)
    return next((pair for pair in found if len(shapes.get(pair.prediction, ())) == 2), None)


def pictures(trainer: Trainer, task: Task) -> Pictures:
    """Those of the data section, as many as fit into a page; the same whenever they are asked for. Raises DataError."""
    train = trainer.rows("train")
    held = _held(trainer)
    if held is None:  # every tenth
        order = permutation(train.rows, trainer.seed, HELD_OUT)
        cut = max(train.rows // 10, 1)
        train, held = train.subset(order[cut:]), train.subset(order[:cut])
    each = int(np.prod(train.shapes(1)[task.input])) * np.dtype(_dtype(trainer.spec)).itemsize
    rows = min(train.rows, max(MOST_BYTES // each, 1))
    learned = train.batch(np.sort(permutation(train.rows, trainer.seed, HELD_OUT, 1)[:rows]))
    measured = held.batch(np.sort(permutation(held.rows, trainer.seed, HELD_OUT, 2)[:MOST_HELD]))
    return Pictures(
        learned[task.input],
        learned[task.target].astype(np.uint16),
        measured[task.input],
        measured[task.target].astype(np.uint16),
        train.rows,
    )


def _dtype(spec: Spec) -> str:
    return spec.inputs[0].dtype


def _held(trainer: Trainer) -> Dataset | None:
    """The split that nothing is learned from, where there is one that can be read."""
    assert trainer.spec.data
    for name in ("validation", "test"):
        if getattr(trainer.spec.data, name) is not None:
            try:
                return trainer.rows(name)
            except (NnspecError, Fault):
                continue
    return None


def look(images: Array) -> dict[str, Any]:
    """How the pictures look, so that a drawing can look like them.

    `low` and `high` are the extremes, `background` is the colour of the border, and where the background is plain,
    `ink` is the value farthest from it, `size` how much of the frame the larger side of the ink takes, `center` the
    middle of the ink in parts of the frame, and `pen` the width of its lines in parts of the frame.
    """
    sample = images[:1000].astype(np.float64)
    low, high = float(images.min()), float(images.max())
    span = (high - low) or 1.0
    border = np.concatenate([sample[:, :, 0], sample[:, :, -1], sample[:, :, :, 0], sample[:, :, :, -1]], axis=2)
    background = np.median(border, axis=(0, 2))
    found: dict[str, Any] = {"low": low, "high": high, "background": background.tolist()}
    off = np.abs(border - background[:, None]) > 0.2 * span
    if images.shape[1] != 1 or off.mean() > 0.3:
        return found
    far = high if background[0] - low <= high - background[0] else low
    ink = np.clip((sample[:, 0] - background[0]) / ((far - background[0]) or 1), 0, 1)
    return {**found, "ink": far, **_strokes(ink)}


def _strokes(ink: Array) -> dict[str, Any]:
    """Size, place and width of the lines, from the amount of ink in each pixel [N, H, W], 0 to 1."""
    height, width = ink.shape[1:]
    rows, columns = ink.max(axis=2) > 0.25, ink.max(axis=1) > 0.25
    some = rows.any(axis=1)
    if not some.any():
        return {"size": 0.8, "center": [0.5, 0.5], "pen": 0.1}
    top, bottom = rows[some].argmax(1), height - rows[some][:, ::-1].argmax(1)
    left, right = columns[some].argmax(1), width - columns[some][:, ::-1].argmax(1)
    size = np.median(np.maximum((bottom - top) / height, (right - left) / width))
    center = [float(np.mean(left + right)) / 2 / width, float(np.mean(top + bottom)) / 2 / height]
    # A line is twice its area by its outline wide; that of pixels, step by step, is 4/pi of one in all directions.
    framed = np.pad(ink[some], ((0, 0), (1, 1), (1, 1)))
    outline = np.pi / 4 * (np.abs(np.diff(framed, axis=1)).sum() + np.abs(np.diff(framed, axis=2)).sum())
    pen = 2 * ink[some].sum() / outline / height
    return {"size": float(size), "center": center, "pen": float(np.clip(pen, 0.03, 0.2))}
