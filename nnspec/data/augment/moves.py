"""Augmentations that move pixels: mirrored, shifted, turned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.data.augment.base import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[Any]

AT_ONCE = 2**16
"""Elements that are worked on at once: large images stay in the cache, small ones share the cost of a call."""


def chunks(pixels: Pixels) -> Iterator[slice]:
    """Rows that are worked on at once."""
    step = max(1, AT_ONCE // (pixels[0].size or 1))
    return (slice(start, start + step) for start in range(0, len(pixels), step))


def flip(pixels: Pixels, chosen: NDArray[np.bool_], axis: int) -> None:
    """Mirror the chosen rows along an axis."""
    for row in np.flatnonzero(chosen).tolist():
        pixels[row] = np.flip(pixels[row], axis - 1).copy()


def crop(
    picture: Picture,
    padding: tuple[int, int],
    tops: NDArray[np.int64],
    lefts: NDArray[np.int64],
    fill: int | str,
) -> None:
    """Widen by `padding`, and keep what is `tops` and `lefts` from the corner."""
    pixels = picture.pixels
    height, width = pixels.shape[2:]
    down, across = padding
    wide = _padded(picture, pixels, ((down, down), (across, across)), fill)
    for row, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):
        pixels[row] = wide[row, :, top : top + height, left : left + width]


def rotate(picture: Picture, degrees: NDArray[np.float64], fill: int | str) -> None:
    """Turn about the middle, against the clock."""
    angles = np.deg2rad(degrees).astype(np.float32)
    for rows in chunks(picture.pixels):
        _rotate(picture, picture.pixels[rows], angles[rows], fill)


def _rotate(picture: Picture, pixels: Pixels, angles: NDArray[np.float32], fill: int | str) -> None:
    y, x = _sources(angles, pixels.shape[2:], fill == "reflect")
    wide = _padded(picture, pixels, ((1, 2), (1, 2)), fill)  # so that neighbours outside of the image exist
    images = np.arange(wide.shape[0] * wide.shape[1]).reshape(*wide.shape[:2], 1, 1) * (wide.shape[2] * wide.shape[3])
    flat, across = wide.reshape(-1), wide.shape[3]
    if picture.target or (pixels.dtype.kind in "iub" and pixels.dtype != np.uint8):
        nearest = np.rint(y + 1).astype(np.int64) * across + np.rint(x + 1).astype(np.int64)
        pixels[...] = flat.take(images + nearest)
        return
    top, left = np.floor(y), np.floor(x)
    corner = images + ((top.astype(np.int64) + 1) * across + left.astype(np.int64) + 1)
    down, right = y - top, x - left
    upper = _between(flat, corner, right)
    lower = _between(flat[across:], corner, right)
    lower -= upper
    lower *= down
    upper += lower
    if pixels.dtype == np.uint8:
        upper += np.float32(0.5)
    pixels[...] = upper


def _between(flat: Pixels, places: NDArray[np.int64], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """What lies between an element and the next one, float32."""
    found: NDArray[np.float32] = flat.take(places).astype(np.float32)
    ahead = flat[1:].take(places).astype(np.float32)
    ahead -= found
    ahead *= right
    found += ahead
    return found


def _sources(
    angles: NDArray[np.float32], size: tuple[int, ...], reflect: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of the turned images comes from: y and x, float32 [n, 1, H, W], at most 1 outside."""
    cos, sin = np.cos(angles)[:, None, None, None], np.sin(angles)[:, None, None, None]
    down, across = (np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2) for length in size)
    y = cos * down[:, None] + sin * across
    x = cos * across - sin * down[:, None]
    return _inside(y, size[0], reflect), _inside(x, size[1], reflect)


def _inside(places: NDArray[np.float32], length: int, reflect: bool) -> NDArray[np.float32]:
    places += np.float32((length - 1) / 2)
    if reflect:
        period = max(2 * (length - 1), 1)
        places = np.abs((places + (length - 1)) % period - (length - 1))
    return np.clip(places, np.float32(-1), np.float32(length), out=places)


def _padded(picture: Picture, pixels: Pixels, widths: tuple[tuple[int, int], ...], fill: int | str) -> Pixels:
    around = ((0, 0), (0, 0), *widths)
    if isinstance(fill, str):
        return np.pad(pixels, around, mode="edge" if fill == "edge" else "reflect")
    return np.pad(pixels, around, constant_values=0 if picture.target else fill)
