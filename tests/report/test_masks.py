"""Images beside their masks, true and predicted."""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.report.masks import COLOURS, Masks, draw, iou, masks
from nnspec.report.png import png
from nnspec.report.write import write_report
from tests.report.conftest import Page

SPEC = """nnspec 1
model m {{
  input photo: uint8[N, {photo}]
  output z = rescale(1 / 255) -> {layers}
}}
data {{
  train = npz("a.npz")
  validation = 0.5
  photo = "photo"
  mask = "mask"
}}
train {{
  target mask: {mask}
  loss = {loss}
  optimizer = sgd(lr = 0.01)
  epochs = 1
}}
"""


def pixels(data: bytes) -> Any:
    """A PNG file as [H, W] or [H, W, 3]."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        chunks[kind], at = content, at + 12 + length
    width, height, depth, colour = struct.unpack(">2I2B", chunks[b"IHDR"][:10])
    planes = {0: 1, 2: 3}[colour]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * planes)
    assert depth == 8 and not lines[:, 0].any()
    return lines[:, 1:].reshape((height, width) if planes == 1 else (height, width, 3))


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3), (1, 1)])
def test_an_image_is_itself_again(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(pixels(png(image)), image)


def run(folder: Path, rows: int = 20, **parts: Any) -> Path:
    """A run over random images [rows, …], with its report."""
    random = np.random.default_rng(1)
    photo, mask = parts.pop("arrays")(random, rows)
    np.savez(folder / "a.npz", photo=photo, mask=mask)
    (folder / "m.nn").write_text(SPEC.format(**parts))
    trainer = nnspec.Trainer(nnspec.load(folder / "m.nn"))
    trainer.fit(run=folder / "run")
    write_report(folder / "run", rows=trainer.rows)
    return folder / "run"


CASES: dict[str, dict[str, Any]] = {
    "classes of grey images": {
        "photo": "1, 12, 8", "layers": "conv2d(3, 1)", "mask": "label[N, 12, 8]",
        "loss": "cross_entropy(z, mask, axis = 1)",
        "arrays": lambda r, n: (r.integers(0, 256, (n, 1, 12, 8)).astype(np.uint8), r.integers(0, 3, (n, 12, 8))),
    },
    "classes of photos": {
        "photo": "3, 6, 6", "layers": "conv2d(2, 1)", "mask": "int64[N, 6, 6]",
        "loss": "cross_entropy(z, mask, axis = 1, ignore = 255)",
        "arrays": lambda r, n: (
            r.integers(0, 256, (n, 3, 6, 6)).astype(np.uint8), r.choice([0, 1, 255], (n, 6, 6)).astype(np.int64)
        ),
    },
    "yes or no": {
        "photo": "3, 6, 6", "layers": "conv2d(1, 1)", "mask": "float32[N, 1, 6, 6]",
        "loss": "binary_cross_entropy(z, mask)",
        "arrays": lambda r, n: (
            r.integers(0, 256, (n, 3, 6, 6)).astype(np.uint8), r.integers(0, 2, (n, 1, 6, 6)).astype(np.float32)
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_page_has_three_pictures_of_some_rows(tmp_path: Path, name: str) -> None:
    text = (run(tmp_path, **CASES[name]) / "report.html").read_text("utf-8")
    page = Page(text)
    sources = [value for tag, key, value in page.attributes if (tag, key) == ("img", "src")]
    assert len(sources) == 6 * 3 and all(source.startswith("data:image/png;base64,") for source in sources)
    assert "Masks" in page.text and "pixels" in page.text
    shapes = {pixels(b64decode(source.partition(",")[2])).shape[:2] for source in sources}
    assert shapes == {(12, 8) if "12" in CASES[name]["photo"] else (6, 6)}
    assert not re.search(r"https?:|url\(|@import", text)


def test_what_is_shown_is_the_row_and_what_the_model_says_of_it(tmp_path: Path) -> None:
    case = CASES["classes of grey images"]
    folder = run(tmp_path, **case)
    trainer = nnspec.Trainer.resume(folder)
    rows = trainer.rows("validation")
    (found,) = masks(trainer.spec, folder, trainer.classes, rows)
    chosen = [0, 1, 3, 5, 7, 9]
    assert found.classes == ("0", "1", "2") and len(found.places) == 6 and "a.npz" in found.places[0]
    assert np.array_equal(found.true, rows.arrays["mask"][chosen])
    logits = trainer.predict({"photo": rows.arrays["photo"][chosen]})["z"]
    assert np.array_equal(found.predicted, logits.argmax(1))
    photo = rows.arrays["photo"][chosen, 0].astype(float)
    wanted = np.round((photo - photo.min()) * 255 / (photo.max() - photo.min()))
    assert np.array_equal(found.images, wanted)


def test_masks_have_the_colours_of_the_legend() -> None:
    true = np.array([[[0, 1], [2, 255]]])
    html = draw(Masks("mask", ("a", "b", "c"), ("row 1",), np.zeros((1, 2, 2), np.uint8), true, true))
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    painted = pixels(b64decode(sources[1]))
    assert ["#" + bytes(painted[y, x]).hex() for y, x in ((0, 0), (0, 1), (1, 0))] == list(COLOURS[:3])
    assert all(f"background:{colour}" in html for colour in COLOURS[:3])


def test_large_images_are_thinned_out(tmp_path: Path) -> None:
    large = CASES["classes of grey images"] | {
        "photo": "1, 330, 20", "mask": "label[N, 330, 20]",
        "arrays": lambda r, n: (r.integers(0, 9, (n, 1, 330, 20)).astype(np.uint8), r.integers(0, 3, (n, 330, 20))),
    }  # fmt: skip
    folder = run(tmp_path, rows=4, **large)
    trainer = nnspec.Trainer.resume(folder)
    (found,) = masks(trainer.spec, folder, trainer.classes, trainer.rows("validation"))
    assert found.images.shape == found.true.shape == found.predicted.shape == (2, 110, 7)


def test_iou_of_one_image() -> None:
    true, predicted = np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]])
    assert iou(true, predicted, 3) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert iou(true, np.array([[0, 0, 1, 1]]), 3) == 1
    assert iou(np.array([[0, 255, 1, 1]]), predicted, 2) == 1
