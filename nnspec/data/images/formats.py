"""Which images are read, and how they come to one size. Import-light."""

from __future__ import annotations

from typing import Literal, NamedTuple

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""What is decoded, whatever a file is called. Others that Pillow knows run programs or are rarely attacked."""
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")

Size = tuple[int, int]
"""Height and width."""
Fit = Literal["stretch", "crop", "pad"]
Resample = Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Resizing(NamedTuple):
    """How images come to one size on load."""

    size: Size
    fit: Fit = "stretch"
    resample: Resample = "bilinear"
