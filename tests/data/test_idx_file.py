"""MNIST's format: what is read, and what is refused before memory is asked for."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.dataset import load
from nnspec.data.idx_file import read_idx_file
from nnspec.data.sources import SOURCES
from nnspec.diagnostics.errors import DataError, Fault
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]
CODES = {"uint8": 8, "int8": 9, "int16": 0xB, "int32": 0xC, "float32": 0xD, "float64": 0xE}
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 4, 5), np.uint8)
DIGITS = np.arange(20, dtype=np.uint8) % 10


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """An array as the format has it."""
    head = bytes([0, 0, CODES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def refusal(folder: Path, data: bytes, name: str = "x.idx") -> str:
    (folder / name).write_bytes(data)
    with pytest.raises(Fault) as found:
        read_idx_file(folder, name)
    assert name in found.value.message
    return f"{found.value.code} {found.value.message}"


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 1, 3, 4)])
@pytest.mark.parametrize("packed", [False, True])
def test_all_types_and_ranks(dtype: str, shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.random.default_rng(1).normal(0, 50, shape).astype(dtype)
    data = idx(array)
    (tmp_path / "x").write_bytes(gzip.compress(data) if packed else data)
    found = read_idx_file(tmp_path, "x")
    assert found.dtype == array.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(("type", "shape"), [("uint8[N, 1, 4, 5]", (1, 4, 5)), ("uint8[N, 4, 5]", (4, 5))])
def test_images_feed_inputs_with_and_without_a_channel(
    type: str, shape: tuple[int, ...], make_spec: MakeSpec, tmp_path: Path
) -> None:
    (tmp_path / "images").write_bytes(idx(PIXELS))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(idx(DIGITS)))
    source = ("idx", {"images": "images", "labels": "labels.gz"})
    feeds = {"image": "image", "digit": "label"}
    spec = make_spec({"image": type}, {"digit": "label[N]"}, feeds, source, validation=0.25, classes=10)
    splits = load(spec, {"source": SOURCES}, tmp_path)
    assert splits.train is not None and splits.validation is not None
    assert (splits.train.rows, splits.validation.rows) == (15, 5)
    assert splits.classes == {"digit": tuple(range(10))}
    assert splits.train.arrays["image"].shape == (15, *shape)
    assert splits.train.arrays["image"].dtype == np.uint8
    both = {bytes(image.ravel()): int(digit) for image, digit in zip(PIXELS, DIGITS, strict=True)}
    for part in (splits.train, splits.validation):
        for image, digit in zip(part.arrays["image"], part.arrays["digit"], strict=True):
            assert both[bytes(image.ravel())] == digit


def test_only_what_is_needed_is_read(make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx(PIXELS))
    spec = make_spec({"image": "float32[N, 1, 4, 5]"}, {}, {"image": "image"}, ("idx", {"images": "images"}))
    train = load(spec, {"source": SOURCES}, tmp_path).train
    assert train is not None
    np.testing.assert_array_equal(train.arrays["image"][:, 0], PIXELS)


@pytest.mark.parametrize(
    ("images", "labels", "type", "message"),
    [
        (PIXELS, DIGITS[:19], "uint8[N, 4, 5]", "E607.*images has 20 images and labels has 19 labels"),
        (PIXELS, DIGITS, "uint8[N, 28, 28]", r"E607.*takes uint8\[N, 28, 28\], images gives \[20, 4, 5\]"),
        (DIGITS, DIGITS, "uint8[N, 4, 5]", r"E607.*images gives \[20\]: 3 dimensions against 1"),
        (PIXELS, PIXELS, "uint8[N, 4, 5]", r"E607.*digit takes label\[N\], labels gives \[20, 4, 5\]"),
        (PIXELS, DIGITS.astype("f4"), "uint8[N, 4, 5]", "E603.*labels: array 'label' holds float32, and a label is"),
        (PIXELS, DIGITS, "bool[N, 4, 5]", "E603.*images, index 0: array 'image' holds"),
    ],
)
def test_files_that_do_not_fit(
    images: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    type: str,
    message: str,
    make_spec: MakeSpec,
    tmp_path: Path,
) -> None:
    (tmp_path / "images").write_bytes(idx(images))
    (tmp_path / "labels").write_bytes(idx(labels))
    feeds = {"image": "image", "digit": "label"}
    source = ("idx", {"images": "images", "labels": "labels"})
    with pytest.raises(DataError, match=message):
        load(make_spec({"image": type}, {"digit": "label[N]"}, feeds, source), {"source": SOURCES}, tmp_path)


def test_a_column_that_it_does_not_have(make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx(PIXELS))
    feeds = {"image": "image", "digit": "label"}
    spec = make_spec({"image": "uint8[N, 4, 5]"}, {"digit": "label[N]"}, feeds, ("idx", {"images": "images"}))
    with pytest.raises(DataError, match=r"E602.*images has no array 'label'\n.*its arrays are: 'image'"):
        load(spec, {"source": SOURCES}, tmp_path)
    with pytest.raises(DataError, match=r"E601.*there is no file t10k-images in .*\n.*did you mean t10k-images\.gz"):
        (tmp_path / "t10k-images.gz").write_bytes(b"")
        spec = make_spec({"image": "uint8[N, 4, 5]"}, {}, {"image": "image"}, ("idx", {"images": "t10k-images"}))
        load(spec, {"source": SOURCES}, tmp_path)


def head(code: int, *dims: int) -> bytes:
    return bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "E608 x.idx: the file is cut off or damaged: it has 0 bytes"),
        (b"\0\0\x08", "E608 x.idx: the file is cut off or damaged: it has 3 bytes"),
        (b"\x89PNG\r\n", "E608 x.idx is no IDX file: it begins with 89 50 4e 47"),
        (head(7, 2) + b"12", "E608 x.idx is no IDX file: it begins with 00 00 07 01"),
        (head(8), "E608 x.idx is no IDX file: it begins with 00 00 08 00"),
        (head(8, 2, 3)[:9], "E608 x.idx: the file is cut off or damaged: it ends in its header"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x", "E608 x.idx is no IDX file: it begins with 00 00 08 ff"),
        (head(8, 4, 5) + bytes(19), "E608 x.idx announces 20 bytes, but 19 bytes follow its header"),
        (head(8, 4, 5) + bytes(21), "E608 x.idx announces 20 bytes, but 21 bytes follow its header"),
        (head(8, 40, 5000) + bytes(200_003), "E608 x.idx announces 200,000 bytes, but 200,003 bytes follow its header"),
        (head(8, *[2**32 - 1] * 4), "E608 x.idx announces 309485009533114692673732607 TiB, but 0 bytes follow"),
        (head(14, 0, 28, 28), "E609 x.idx is empty: its shape is [0, 28, 28]"),
        (gzip.compress(head(8, 4, 5) + bytes(19)), "E608 x.idx: the file is cut off or damaged: 20 bytes announced, "),
        (gzip.compress(head(8, 4, 5) + bytes(21)), "E608 x.idx goes on behind the 20 bytes that it announces"),
        (gzip.compress(head(8, 4, 5) + bytes(20))[:-9], "E608 x.idx: the gzip file is cut off"),
        (gzip.compress(head(8, 4, 5) + bytes(20))[:-8] + bytes(8), "E608 x.idx is a damaged gzip file: CRC check"),
        (gzip.compress(head(8, 2**20, 2**20)), "E608 x.idx announces 1.0 TiB, packed in"),
        (gzip.compress(b"\x1f\x8b" * 20), "E608 x.idx is no IDX file: it begins with 1f 8b"),
    ],
)
def test_bad_files(data: bytes, message: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, data).startswith(message)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(head(8, 2**28, 2) + bytes(2**20)) + gzip.compress(bytes(2**20))
    assert "as a bomb does" in refusal(tmp_path, packed + bytes(600_000))


def test_damage_anywhere_is_a_message(tmp_path: Path) -> None:
    """Random cuts and flipped bytes: the array, or a fault that names the file."""
    whole = {"x": idx(PIXELS), "x.gz": gzip.compress(idx(PIXELS))}
    chance, refused = random.Random(5), 0
    for round in range(400):
        name = "x" if round % 2 else "x.gz"
        data = bytearray(whole[name])
        if round % 4 < 2:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(1, 4) if round % 4 else 0):
            if data:
                data[chance.randrange(min(len(data), 40 if chance.random() < 0.5 else 10**6))] = chance.randrange(256)
        (tmp_path / name).write_bytes(data)
        try:
            assert read_idx_file(tmp_path, name).nbytes <= 2**20
        except Fault as fault:
            assert fault.code in ("E608", "E609") and name in fault.message
            refused += 1
    assert refused > 250
