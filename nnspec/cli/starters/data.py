"""The data beside the starters, drawn when they are written: small, learnable, and the same each time."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import BytesIO, StringIO
from math import cos, pi, sin
from random import Random

Row = tuple[float | str, ...]


def spirals(random: Random) -> bytes:
    """Three arms of a spiral, 100 points each."""
    rows: list[Row] = []
    for arm, name in enumerate(("red", "green", "blue")):
        for i in range(100):
            radius, angle = i / 100, 2 * pi * arm / 3 + 4 * i / 100 + random.gauss(0, 0.15)
            rows.append((round(radius * sin(angle), 4), round(radius * cos(angle), 4), name))
    return _table(("x", "y", "color"), rows)


def wave(random: Random) -> bytes:
    """A damped wave with noise."""
    rows: list[Row] = []
    for _ in range(400):
        time, force = random.uniform(0, 6), random.uniform(0.5, 2)
        height = force * sin(2 * time) + 0.3 * time + random.gauss(0, 0.1)
        rows.append((round(time, 4), round(force, 4), round(height, 4)))
    return _table(("time", "force", "height"), rows)


def sensors(random: Random) -> bytes:
    """Eight sensors that see two hidden causes."""
    rows: list[Row] = []
    for _ in range(400):
        a, b = random.gauss(0, 1), random.gauss(0, 1)
        rows.append(
            tuple(round(a * cos(i * pi / 8) + b * sin(i * pi / 8) + random.gauss(0, 0.05), 4) for i in range(8))
        )
    return _table(tuple(f"s{i}" for i in range(1, 9)), rows)


def series(random: Random) -> bytes:
    """600 hours: a day, a slower swing, and noise."""
    rows: list[Row] = [
        (hour, round(10 + 3 * sin(2 * pi * hour / 24) + 2 * sin(2 * pi * hour / 150) + random.gauss(0, 0.2), 3))
        for hour in range(600)
    ]
    return _table(("hour", "value"), rows)


def messages(random: Random) -> bytes:
    """What customers write, in three topics."""
    starts = ("hello", "please help", "good morning", "hi there", "sorry to ask again", "quick question")
    ends = ("thanks", "what can I do", "this is urgent", "please answer soon", "kind regards", "any idea")
    topics = {
        "delivery": ("my parcel is late", "the box never arrived", "where is the order", "the courier left no card"),
        "billing": ("the invoice is wrong", "I was charged twice", "please refund the payment", "the price changed"),
        "defect": ("the screen stays black", "it does not start", "a button is broken", "it crashes every day"),
    }
    rows: list[Row] = []
    for _ in range(400):
        topic, said = random.choice(list(topics.items()))
        rows.append((f"{random.choice(starts)} {random.choice(said)} {random.choice(ends)}", topic))
    return _table(("text", "topic"), rows)


def tales(random: Random) -> bytes:
    """Sentences of a very small world."""
    who = ("The old miller", "A young fox", "The quiet queen", "My brother", "The baker's cat", "A tired sailor")
    does = ("sees", "follows", "hears", "forgets", "finds", "paints")
    what = (
        "a silver bell",
        "the long road",
        "seven white stones",
        "the sleeping town",
        "an open door",
        "the last ship",
    )
    where = ("by the river", "under the moon", "in the morning", "behind the hill", "before the rain", "at the fair")
    text = " ".join(
        f"{random.choice(who)} {random.choice(does)} {random.choice(what)} {random.choice(where)}."
        for _ in range(600)
    )  # fmt: skip
    return text.encode()


def shapes(random: Random) -> bytes:
    """600 gray pictures of 16x16 pixels: a disk, a square or a cross, somewhere, in some size, with noise."""
    import numpy as np

    draw = np.random.default_rng(random.randrange(2**32))
    names = ("cross", "disk", "square")
    rows, columns = np.mgrid[0:16, 0:16]
    images, labels = [], []
    for i in range(600):
        size, y, x = draw.uniform(3, 5), *draw.uniform(5, 11, 2)
        dy, dx = abs(rows - y), abs(columns - x)
        inside = {
            "cross": ((dy < 1.2) | (dx < 1.2)) & (dy < size) & (dx < size),
            "disk": dy**2 + dx**2 < size**2,
            "square": (dy < size) & (dx < size),
        }[names[i % 3]]
        picture = inside * draw.uniform(120, 220) + draw.normal(30, 15, (16, 16))
        images.append(picture.clip(0, 255).astype(np.uint8)[None])
        labels.append(names[i % 3])
    file = BytesIO()
    np.savez_compressed(file, image=np.stack(images), label=np.array(labels))
    return file.getvalue()


def _table(columns: Iterable[str], rows: Iterable[Row]) -> bytes:
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().encode()
