"""Makes shapes.npz: grey images of circles, squares and triangles under noise, and which pixel belongs to what.

    image  uint8 [n, 1, 32, 32], 0 to 15        mask  uint8 [n, 32, 32]: 0 nothing, 1 circle, 2 square, 3 triangle

Run with `python specs/data/make_shapes.py`; the same numbers come out each time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIZE, COUNT, LEVELS = 32, 400, 15
KINDS = {"circle": 1, "square": 2, "triangle": 3}


def circle(random: np.random.Generator, y: Any, x: Any) -> Any:
    """Everything nearer to the centre than the radius."""
    return y**2 + x**2 <= random.uniform(6, 9) ** 2


def polygon(corners: int, low: float, high: float) -> Any:
    """A regular polygon, turned at random: what lies on the inner side of all edges."""

    def draw(random: np.random.Generator, y: Any, x: Any) -> Any:
        turn, inner = random.uniform(0, 2 * np.pi), random.uniform(low, high)
        angles = turn + 2 * np.pi * np.arange(corners) / corners
        return np.all([y * np.sin(a) + x * np.cos(a) <= inner for a in angles], axis=0)

    return draw


DRAW = {"circle": circle, "square": polygon(4, 5.5, 8), "triangle": polygon(3, 4.5, 6.5)}


def picture(random: np.random.Generator) -> tuple[Any, Any]:
    """One or two shapes before a background that grows brighter to one side."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    slope, turn = random.uniform(0, 0.25), random.uniform(0, 2 * np.pi)
    image = 0.25 + slope * (y * np.sin(turn) + x * np.cos(turn)) / SIZE
    for kind in random.choice(list(KINDS), random.integers(1, 3)):
        centre = random.uniform(8, SIZE - 8, 2)
        inside = DRAW[kind](random, y - centre[0], x - centre[1])
        if mask[inside].any():
            continue  # nothing lies before anything else
        mask[inside] = KINDS[kind]
        image[inside] = random.uniform(0.55, 0.95)
    noisy = image + random.normal(0, 0.05, image.shape)
    return np.clip(np.round(noisy * LEVELS), 0, LEVELS).astype(np.uint8), mask


def main() -> None:
    random = np.random.default_rng(7)
    images, masks = zip(*(picture(random) for _ in range(COUNT)), strict=True)
    np.savez_compressed(Path(__file__).with_name("shapes.npz"), image=np.stack(images)[:, None], mask=np.stack(masks))


if __name__ == "__main__":
    main()
