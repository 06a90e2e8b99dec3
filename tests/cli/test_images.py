"""From a folder of images to the class of a photograph, on the command line."""

from __future__ import annotations

import csv
import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]

SPEC = """nnspec 1

model shades(units = 8) {
  input image: uint8[N, 3, 6, 6]

  rescale(1 / 255)
  flatten -> dense(units) -> tanh
  logits = dense(3)
  output probability = logits -> softmax
}

data {
  train      = images("shades", size = 6, fit = "crop")
  validation = 0.25
  test       = images("more", size = 6, fit = "crop")
  image      = "image"
  shade      = "label"
  augment    = [flip, crop(1), brightness(0.1), mixup]
}

train {
  target shade: label[N]
  loss       = cross_entropy(logits, shade)
  optimizer  = adamw(lr = 0.03)
  metrics    = [accuracy(logits, shade)]
  epochs     = 25
  batch_size = 8
  seed       = 5
}
"""


@pytest.fixture
def photos(folder: Path) -> Path:
    """Dark, grey and light images of many sizes, away from the spec."""
    (folder / "shades.nn").write_text(SPEC)
    random = np.random.default_rng(1)
    for split, count in (("shades", 16), ("more", 5)):
        for shade, mean in (("dark", 40), ("grey", 128), ("light", 215)):
            (folder / "photos" / split / shade).mkdir(parents=True)
            for number in range(count):
                height, width = random.integers(8, 30, 2)
                pixels = random.normal(mean, 12, (height, width, 3)).clip(0, 255).astype(np.uint8)
                ending = ("png", "jpg", "bmp", "webp")[number % 4]
                Image.fromarray(pixels).save(folder / f"photos/{split}/{shade}/{number:02}.{ending}")
    return folder


def test_from_photographs_to_classes(nnspec: Command, photos: Path) -> None:
    assert nnspec("check", "shades.nn").code == 0
    done = nnspec("train", "shades.nn", "--out", "run", "--data", "photos")
    assert done.code == 0 and "epoch 25/25" in done.out and not done.err
    facts = json.loads((photos / "run/run.json").read_text())
    assert facts["classes"] == {"shade": ["dark", "grey", "light"]} and set(facts["data"]) == {"shades", "more"}
    report = (photos / "run/report.html").read_text()
    assert "light" in report and "flip(direction" in report

    done = nnspec(*["eval", "shades.nn", "--weights", "run", "--data", "photos", "--split", "test", "--format", "json"])
    assert json.loads(done.out)["accuracy"] == 1.0

    done = nnspec("run", "run/model.onnx", "--input", "image=photos/more/light/03.webp")
    assert done.out.splitlines()[1].endswith(",light")
    done = nnspec("run", "run/model.onnx", "--input", "image=photos/more")
    rows = list(csv.DictReader(done.out.splitlines()))
    assert [row["file"] for row in rows][:2] == ["dark/00.png", "dark/01.jpg"] and len(rows) == 15
    assert all(row["probability.class"] == row["file"].split("/")[0] for row in rows)
    done = nnspec(
        *["run", "run/model.onnx", "--input", "image=photos/more", "--head", "2", "--format", "json", "--fit", "pad"]
    )
    assert [row["file"] for row in json.loads(done.out)] == ["dark/00.png", "dark/01.jpg"]
    done = nnspec("run", "shades.nn", "--weights", "run", "--input", "image=photos/more/grey")
    assert [row["probability.class"] for row in csv.DictReader(done.out.splitlines())] == ["grey"] * 5


def test_inference_sees_what_training_saw(nnspec: Command, photos: Path) -> None:
    """A model file resizes as the data section said, to the same bytes."""
    nnspec("train", "shades.nn", "--out", "run", "--data", "photos", "--epochs", "1", "--quiet")
    one = nnspec("run", "run/model.onnx", "--input", "image=photos/more/light/03.webp").out
    with Image.open(photos / "photos/more/light/03.webp") as image:
        rgb, side = image.convert("RGB"), min(image.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    small = rgb.resize((6, 6), Image.Resampling.BILINEAR, (left, top, left + side, top + side), reducing_gap=2.0)
    np.save(photos / "x.npy", np.asarray(small).transpose(2, 0, 1)[None])
    assert nnspec("run", "run/model.onnx", "--input", "image=x.npy").out == one


def test_a_run_on_changed_images_is_not_gone_on_with(nnspec: Command, photos: Path) -> None:
    nnspec("train", "shades.nn", "--out", "run", "--data", "photos", "--epochs", "1", "--quiet")
    again = ("train", "shades.nn", "--out", "run", "--data", "photos", "--epochs", "2", "--resume", "--quiet")
    assert nnspec(*again) == (0, "", "")
    Image.new("RGB", (9, 9)).save(photos / "photos/shades/dark/00.png")
    done = nnspec(*again)
    assert done.code == 1 and "E716" in done.err and "shades: not the data that the run was started with" in done.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root: (root / "dark/00.png").write_bytes(b"x"), "error[E608]: shades/dark/00.png is no image"),
        (lambda root: (root / "dark/00.png").rename(root / "00.png"), "error[E602]: shades/00.png lies in no folder"),
        (lambda root: (root / "black").mkdir(), "error[E609]: shades/black holds no image"),
        (lambda root: root.rename(root.parent / "shadows"), "error[E601]: there is no folder shades in "),
        (
            lambda root: (root / "dark").rename(root / "light/dark"),
            "error[E607]: shade has 2 classes in shades, the loss",
        ),
    ],
)
def test_what_does_not_fit_is_a_line_with_its_place(nnspec: Command, photos: Path, change: object, said: str) -> None:
    change(photos / "photos/shades")  # type: ignore[operator]
    done = nnspec("train", "shades.nn", "--out", "run", "--data", "photos")
    assert done.code == 1 and said in done.err and "shades.nn:1" in done.err
    assert not (photos / "run/run.json").exists()


def test_files_that_are_left_out_are_a_line(nnspec: Command, photos: Path) -> None:
    (photos / "photos/shades/dark/notes.txt").write_text("x")
    done = nnspec("train", "shades.nn", "--out", "run", "--data", "photos", "--epochs", "1")
    assert done.code == 0
    assert done.err == "warning: shades: 1 file is no image and was left out: dark/notes.txt\n"


def test_check_opens_no_image(folder: Path) -> None:
    (folder / "shades.nn").write_text(SPEC)
    code = (
        "import sys, nnspec.cli.main as m; m.main(['check', 'shades.nn']);"
        "print([n for n in ('numpy', 'PIL', 'onnx', 'concurrent.futures') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.splitlines() == ["1 file checked, no errors", "[]"]


def test_from_files_of_mnist_to_digits(nnspec: Command, folder: Path) -> None:
    """The scans of `acceptance/`, as MNIST would have them, packed."""
    for split in ("train", "test"):
        with np.load(ACCEPTANCE / f"digits_{split}.npz") as found:
            images, labels = found["image"].reshape(-1, 8, 8), found["label"].astype(np.uint8)
        (folder / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(labels))
    (folder / "digits.nn").write_text(DIGITS)
    assert nnspec("train", "digits.nn", "--out", "run").code == 0
    done = nnspec("eval", "digits.nn", "--weights", "run", "--split", "test", "--format", "json")
    assert json.loads(done.out)["accuracy"] > 0.95
    done = nnspec("run", "run/model.onnx", "--input", "image=test-images-idx3-ubyte.gz", "--format", "json")
    found = [row["probability.class"] for row in json.loads(done.out)]
    assert np.mean(np.array(found) == labels) > 0.95


ACCEPTANCE = Path(__file__).parents[1] / "acceptance/data"
DIGITS = """nnspec 1

model digits {
  input image: uint8[N, 1, 8, 8]

  rescale(1 / 16)
  flatten -> dense(64) -> relu
  logits = dense(10)
  output probability = logits -> softmax
}

data {
  train      = idx(images = "train-images-idx3-ubyte.gz", labels = "train-labels-idx1-ubyte")
  test       = idx(images = "test-images-idx3-ubyte.gz", labels = "test-labels-idx1-ubyte")
  image      = "image"
  digit      = "label"
  augment    = [rotation(5), noise(0.004)]
}

train {
  target digit: label[N]
  loss       = cross_entropy(logits, digit)
  optimizer  = adamw(lr = 0.005)
  metrics    = [accuracy(logits, digit)]
  epochs     = 15
  batch_size = 32
}
"""


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """Bytes as MNIST's files have them."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
