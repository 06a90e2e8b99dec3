"""One image file to pixels. The only file that imports Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from nnspec.data.files import unreadable
from nnspec.data.images.formats import FORMATS, Resizing, Size
from nnspec.diagnostics.errors import Fault

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow's name for so many channels: gray, gray with alpha, RGB, RGB with alpha."""
MAX_PIXELS = 2**30 // 4 // 3
"""256 MiB as RGB: from here on Pillow, too, takes an image for a decompression bomb."""
GAP = 2.0
"""Before it is resampled, an image is shrunk by whole factors to no less than so many times its final size: as good to
the eye, and of large photographs a part of the work."""
ORIENTATION = 0x0112
"""EXIF's tag for how the camera was held."""
TURNS = (
    "",
    "",
    "FLIP_LEFT_RIGHT",
    "ROTATE_180",
    "FLIP_TOP_BOTTOM",
    "TRANSPOSE",
    "ROTATE_270",
    "TRANSVERSE",
    "ROTATE_90",
)
"""What undoes each orientation."""


def require_pillow() -> None:
    """Raise E612 where Pillow is not installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise Fault("E612", "images are decoded by Pillow, which is not installed", "pip install pillow") from error


def size_of(file: str, name: str) -> Size:
    """The size of an image as its camera was held, from the head of the file alone. Raises E601 and E608."""
    with _opened(file, name) as image:
        turned = _orientation(image) > 4
        return (image.width, image.height) if turned else (image.height, image.width)


def decode(file: str | BinaryIO, name: str, channels: int, resizing: Resizing | None = None) -> NDArray[np.uint8]:
    """The pixels of an image, uint8 [channels, height, width]: of an animation the first picture.

    `name` is what messages call it. 16 bits are reduced to the upper 8. Raises E601, E603 and E608.
    """
    with _opened(file, name) as image:
        turn = _orientation(image)
        if resizing:
            _draft(image, resizing.size[::-1] if turn > 4 else resizing.size)
        image.load()
        found = _converted(image, channels, name)
        turn = _orientation(image) if turn == 1 else turn  # a PNG may say so behind its pixels
        if TURNS[turn]:
            from PIL.Image import Transpose

            found = found.transpose(Transpose[TURNS[turn]])
        if resizing:
            found = _resized(found, resizing)
        pixels = np.asarray(found)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@contextmanager
def _opened(file: str | BinaryIO, name: str) -> Iterator[Image]:
    """An image whose head was read. Decoders raise whatever they like for damaged files, hence the last clause."""
    import PIL.Image

    try:
        with PIL.Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _bomb(name, f"{image.width} x {image.height}")
            yield image
    except Fault:
        raise
    except PIL.UnidentifiedImageError as error:
        raise _no_image(file, name) from error
    except PIL.Image.DecompressionBombError as error:
        raise _bomb(name, "too many") from error
    except MemoryError as error:
        raise Fault("E608", f"{name} does not fit in memory") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(name, error) from error
        raise Fault("E608", f"{name} is a damaged image: {error or type(error).__name__}") from error


def _bomb(name: str, pixels: str) -> Fault:
    return Fault(
        "E608",
        f"{name} announces {pixels} pixels, as a decompression bomb does",
        help=f"images have at most {MAX_PIXELS:,} pixels; if it is meant, scale it down first",
    )


def _no_image(file: str | BinaryIO, name: str) -> Fault:
    if isinstance(file, str) and not Path(file).stat().st_size:
        return Fault("E608", f"{name} is empty")
    return Fault("E608", f"{name} is no image of a known kind", help=f"known are {', '.join(FORMATS)}")


def _orientation(image: Image) -> int:
    """1 to 8, as EXIF counts; 1, upright, where nothing or nonsense is said."""
    if "exif" not in image.info and image.format not in ("TIFF", "MPO"):
        return 1  # looking further would decode a whole PNG
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged note on an image does not damage the image
        return 1
    return found if isinstance(found, int) and 0 < found < len(TURNS) else 1


def _draft(image: Image, size: Size) -> None:
    """Let a JPEG be decoded at an eighth, a quarter or half of its size where that is more than enough."""
    height, width = size
    image.draft(None, (int(width * GAP), int(height * GAP)))


def _converted(image: Image, channels: int, name: str) -> Image:
    """The image with so many channels of 8 bits, alpha dropped or added."""
    mode = MODES[channels]
    if image.mode == "F":
        raise Fault("E603", f"{name} holds fractions, and pixels are whole numbers", help="save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _upper_bits(image, name)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)


def _upper_bits(image: Image, name: str) -> Image:
    from PIL.Image import fromarray

    values: NDArray[Any] = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise Fault("E603", f"{name} holds {values.max()}, and pixels have 8 or 16 bits")
    return fromarray((values >> 8).astype(np.uint8))


def _resized(image: Image, resizing: Resizing) -> Image:
    from PIL.Image import Resampling, new

    (height, width), method = resizing.size, Resampling[resizing.resample.upper()]
    gap = GAP if resizing.resample != "nearest" else None
    if image.size == (width, height):
        return image
    if resizing.fit == "stretch":
        return image.resize((width, height), method, reducing_gap=gap)
    across, down = width / image.width, height / image.height
    if resizing.fit == "crop":
        scale = max(across, down)
        left, top = (image.width - width / scale) / 2, (image.height - height / scale) / 2
        box = (
            max(left, 0.0),
            max(top, 0.0),
            min(left + width / scale, image.width),
            min(top + height / scale, image.height),
        )
        return image.resize((width, height), method, box, reducing_gap=gap)
    scale = min(across, down)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    canvas = new(image.mode, (width, height))
    canvas.paste(image.resize(inner, method, reducing_gap=gap), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas
