"""Augmentations that change values: brighter, blurred by noise, blanked out, blended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.augment.draws import Draws
from nnspec.data.augment.moves import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]


def stretch(pixels: Pixels, factors: NDArray[np.float64], *, around_mean: bool) -> None:
    """Multiply each row by its factor, or its distance from its mean."""
    each = factors.astype(np.float32)[:, None, None, None]
    for rows in chunks(pixels):
        images, factor = pixels[rows], each[rows]
        changed = images * factor
        if around_mean:
            changed += images.mean((1, 2, 3), np.float32, keepdims=True) * (1 - factor)
        _write(images, changed)


def add_noise(pixels: Pixels, deviation: float, random: Draws) -> None:
    """Add normal noise; its deviation is a part of 255 where pixels are bytes."""
    scale = np.float32(deviation * (255 if pixels.dtype == np.uint8 else 1))
    for rows in chunks(pixels):
        images = pixels[rows]
        noise = random.normal(images[0].size, rows).reshape(images.shape)
        noise *= scale
        noise += images
        _write(images, noise)
    random.skip(pixels[0].size)


def cut_out(pixels: Pixels, size: int, fill: int, chosen: NDArray[np.bool_], places: NDArray[np.float64]) -> None:
    """Blank out a square of the chosen rows; `places` [n, 2] in [0, 1) says where its middle is."""
    corners = (places * pixels.shape[2:]).astype(np.int64) - size // 2
    for row in np.flatnonzero(chosen).tolist():
        top, left = corners[row].tolist()
        pixels[row, :, max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = fill


def blend(pixels: Pixels, partners: NDArray[np.int64], shares: NDArray[np.float32]) -> None:
    """Each row as `share` parts of itself and 1 - share of its partner."""
    before, each = pixels.copy(), shares[:, None, None, None]
    for rows in chunks(pixels):
        mixed = before[rows] * each[rows]
        mixed += before[partners[rows]] * (1 - each[rows])
        _write(pixels[rows], mixed)


def _write(images: Pixels, values: Pixels) -> None:
    """Put floats in the place of pixels; into bytes rounded and cut off."""
    if images.dtype == np.uint8:
        values += np.float32(0.5)
        np.clip(values, 0, 255, out=values)
    images[...] = values
