"""Small image files for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = {"blue": (0, 0, 250), "green": (0, 250, 0), "red": (250, 0, 0)}


def make_folder(
    root: Path, per_class: int = 6, size: tuple[int, int] = (8, 6), ending: str = "png", classes: Any = COLOURS
) -> Path:
    """A folder of noisy images of one colour each, in a folder per colour; every pixel tells them apart."""
    random = np.random.default_rng(3)
    for name, colour in classes.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            pixels = np.clip(np.array(colour) + random.integers(-60, 60, (*size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:02d}.{ending}")
    return root


def smooth(height: int, width: int) -> np.ndarray[Any, Any]:
    """A smooth colour image, uint8 [height, width, 3], that looks alike at any size."""
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width]).reshape(2, 1, 1)
    return np.stack([255 * x, 255 * y, 255 * (1 - x * y)], axis=-1).round().astype(np.uint8)
