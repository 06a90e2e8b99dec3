"""Image files to pixels: modes, orientation, sizes, and damage."""

from __future__ import annotations

import random
import struct
import time
import zlib
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import smooth
from PIL import Image

from nnspec.data.images.formats import Resizing
from nnspec.data.images.picture import TURNS, decode, size_of
from nnspec.diagnostics.errors import Fault

RGB = smooth(12, 20)
GRAY = np.asarray(Image.fromarray(RGB).convert("L"))


def saved(folder: Path, image: Image.Image, name: str = "x.png", **more: Any) -> str:
    image.save(folder / name, **more)
    return str(folder / name)


def least_time(call: Callable[[], object]) -> float:
    """Seconds, the best of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def pixels(path: str, channels: int = 3, resizing: Resizing | None = None) -> np.ndarray[Any, Any]:
    return decode(path, Path(path).name, channels, resizing)


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "tif", "webp", "gif", "jpg"])
def test_kinds_of_files(ending: str, tmp_path: Path) -> None:
    lossless = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(ending, {})
    path = saved(tmp_path, Image.fromarray(RGB), f"x.{ending}", **lossless)
    found = pixels(path)
    assert found.dtype == np.uint8 and found.shape == (3, 12, 20) and size_of(path, "x") == (12, 20)
    gap = np.abs(found.astype(int) - RGB.transpose(2, 0, 1)).max()
    assert gap <= {"jpg": 4, "gif": 40}.get(ending, 0)


def test_the_ending_of_a_name_decides_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(RGB), "x.jpg", format="PNG")
    assert np.array_equal(pixels(path), RGB.transpose(2, 0, 1))


def colours_of(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(GRAY.astype(np.uint16) * 256 + 77)
    if mode == "transparent":
        image = Image.fromarray(RGB).quantize(16)
        image.info["transparency"] = bytes([0, *[255] * 15])
        return image
    return Image.fromarray(RGB).convert(mode)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        *(("1", "png"), ("L", "png"), ("LA", "png"), ("P", "png"), ("transparent", "png"), ("RGBA", "png")),
        *(("I;16", "png"), ("CMYK", "tif"), ("YCbCr", "tif"), ("I;16", "tif"), ("CMYK", "jpg")),
    ],
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_modes_and_channels(mode: str, ending: str, channels: int, tmp_path: Path) -> None:
    image = colours_of(mode)
    more = {"transparency": image.info["transparency"]} if mode == "transparent" else {}
    found = pixels(saved(tmp_path, image, f"x.{ending}", **more), channels)
    assert found.shape == (channels, 12, 20) and found.dtype == np.uint8
    seen = Image.fromarray(GRAY) if mode == "I;16" else image.convert("RGBA").convert("RGB")
    wanted = np.asarray(seen.convert("RGB" if channels > 2 else "L")).reshape(12, 20, -1).transpose(2, 0, 1)
    near = 12 if ending == "jpg" or mode in ("transparent", "P") else 1
    assert np.abs(found[: len(wanted)].astype(int) - wanted).max() <= near
    if channels in (2, 4) and mode not in ("transparent",):
        assert (found[-1] == 255).all()


def test_sixteen_bits_are_reduced_to_the_upper_eight(tmp_path: Path) -> None:
    for ending in ("png", "tif", "pgm"):
        values = np.linspace(0, 65535, 240).astype(np.uint16).reshape(12, 20)
        path = saved(tmp_path, Image.fromarray(values), f"x.{ending}", **({"format": "PPM"} if ending == "pgm" else {}))
        np.testing.assert_array_equal(pixels(path, 1)[0], values >> 8)


def test_fractions_and_whole_numbers_beyond_16_bits_are_no_pixels(tmp_path: Path) -> None:
    for values in (GRAY.astype(np.float32), GRAY.astype(np.int32) * 1000, GRAY.astype(np.int32) - 100):
        path = saved(tmp_path, Image.fromarray(values), "x.tif")
        with pytest.raises(Fault, match=r"x\.tif holds") as found:
            pixels(path)
        assert found.value.code == "E603"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_images_are_upright(orientation: int, ending: str, tmp_path: Path) -> None:
    """As the camera was held: what a viewer shows, and the size with it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    undo = {5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}.get(orientation, TURNS[orientation])
    image = Image.fromarray(RGB)
    stored = image.transpose(Image.Transpose[undo]) if undo else image
    quality = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(ending, {})
    path = saved(tmp_path, stored, f"x.{ending}", exif=exif, **quality)
    assert size_of(path, "x") == (12, 20)
    assert np.abs(pixels(path).astype(int) - RGB.transpose(2, 0, 1)).max() <= 4
    for fit in ("stretch", "crop", "pad"):
        assert pixels(path, 3, Resizing((6, 10), fit)).shape == (3, 6, 10)


def test_nonsense_in_exif_is_no_damage(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    path = saved(tmp_path, Image.fromarray(RGB), "x.png", exif=exif)
    assert np.array_equal(pixels(path), RGB.transpose(2, 0, 1))


def test_the_first_picture_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.fromarray(GRAY), Image.fromarray(255 - GRAY)
    for ending in ("gif", "png", "webp", "tif"):
        more = {"lossless": True} if ending == "webp" else {}
        path = saved(tmp_path, first, f"x.{ending}", save_all=True, append_images=[second], **more)
        np.testing.assert_array_equal(pixels(path, 1)[0], GRAY)


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(24, 40), (30, 10), (97, 211)])
def test_stretching_keeps_all_of_the_image(resample: Any, size: tuple[int, int], tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(smooth(240, 400)))
    found = pixels(path, 3, Resizing(size, "stretch", resample)).transpose(1, 2, 0)
    assert np.abs(found.astype(int) - smooth(*size)).max() <= 8


def test_cropping_keeps_the_middle(tmp_path: Path) -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = smooth(100, 100)
    found = pixels(saved(tmp_path, Image.fromarray(wide)), 3, Resizing((20, 20), "crop")).transpose(1, 2, 0)
    assert np.abs(found.astype(int) - smooth(20, 20))[1:-1, 1:-1].max() <= 8
    tall = pixels(saved(tmp_path, Image.fromarray(wide.transpose(1, 0, 2))), 3, Resizing((20, 20), "crop"))
    assert np.abs(tall.transpose(2, 1, 0).astype(int) - smooth(20, 20))[1:-1, 1:-1].max() <= 8


def test_padding_keeps_the_proportions(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.fromarray(np.full((50, 100, 3), 200, np.uint8)))
    found = pixels(path, 3, Resizing((40, 40), "pad"))
    assert (found[:, 10:30] == 200).all() and (found[:, :10] == 0).all() and (found[:, 30:] == 0).all()
    thin = saved(tmp_path, Image.fromarray(np.full((1, 500, 3), 200, np.uint8)))
    assert pixels(thin, 3, Resizing((8, 8), "pad")).any(axis=(0, 2)).sum() == 1


def test_large_photographs_are_shrunk_while_they_are_decoded(tmp_path: Path) -> None:
    """An eighth of the size is decoded from the start: a tenth of the time, and to the eye the same."""
    path = saved(tmp_path, Image.fromarray(smooth(1500, 2000)), "x.jpg", quality=90)
    small, whole = (partial(pixels, path, 3, resizing) for resizing in (Resizing((60, 80)), None))
    assert whole().shape == (3, 1500, 2000) and least_time(small) < least_time(whole) / 2
    found = small()
    assert np.abs(found.transpose(1, 2, 0).astype(int) - smooth(60, 80)).max() <= 6


# Damage


def png(width: int, height: int, body: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_500, 50_000, 2**31 - 1])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_by_its_head(side: int, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(side, side, zlib.compress(bytes(1000))))
    for read in (lambda path: size_of(path, "x.png"), pixels):
        with pytest.raises(Fault, match=r"x\.png .*(bomb|damaged)") as found:
            read(str(tmp_path / "x.png"))
        assert found.value.code == "E608"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "E608 x.png is empty"),
        (b"<html>not found</html>", "E608 x.png is no image of a known kind"),
        (b"\x89PNG\r\n\x1a\n", "E608 x.png is"),
        (b"\xff\xd8\xff\xe0", "E608 x.png is"),
        (png(4, 4, b"junk"), "E608 x.png is a damaged image"),
    ],
)
def test_files_that_are_no_images(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(Fault) as found:
        pixels(str(tmp_path / "x.png"))
    assert f"{found.value.code} {found.value.message}".startswith(message)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"x\.png cannot be read: No such file"):
        pixels(str(tmp_path / "x.png"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
@pytest.mark.filterwarnings("ignore")
def test_cut_off_files_are_named(kind: str, tmp_path: Path) -> None:
    data = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(data, kind)
    whole = data.getvalue()
    for part in (0.1, 0.5, 0.9):
        (tmp_path / "x.png").write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(Fault, match=r"x\.png"):
            pixels(str(tmp_path / "x.png"))


@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_is_pixels_or_a_message(tmp_path: Path) -> None:
    """Random cuts and flipped bytes of every kind of file; what Pillow raises is not foreseeable, what we raise is."""
    chance, refused = random.Random(8), 0
    files = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        for mode in ("RGB", "L"):
            data = BytesIO()
            Image.fromarray(RGB).convert(mode).save(data, kind)
            files.append(data.getvalue())
    path = tmp_path / "x.png"
    for _ in range(700):
        data = bytearray(chance.choice(files))
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(5)):
            if data:
                data[chance.randrange(min(len(data), 60 if chance.random() < 0.5 else 10**6))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            size_of(str(path), "x.png")
            found = pixels(str(path), chance.choice((1, 3, 4)), chance.choice((None, Resizing((5, 5), "crop"))))
            assert found.dtype == np.uint8 and found.ndim == 3
        except Fault as fault:
            assert fault.code in ("E601", "E603", "E608") and "x.png" in fault.message
            refused += 1
    assert refused > 200
