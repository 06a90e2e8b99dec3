"""The page of `nnspec page` in Chromium: it trains, reads what is drawn, keeps and goes on."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nnspec
from nnspec.cli.main import main
from nnspec.runtime.tensor_file import read_tensors
from tests.web.node import ROOT, RUNTIME, node

pytestmark = pytest.mark.web
SPEC = ROOT / "tests" / "acceptance" / "digits_cnn.nn"
PICTURE = ROOT / "docs" / "training-in-the-browser.png"
TEN = {str(digit): str(digit) for digit in range(10)}
COLORED = """nnspec 1
model colors {
  input photo: float32[N, 3, 12, 12]
  conv2d(24, kernel = 3) -> batch_norm -> relu -> global_avg_pool
  output logits = dense(14)
}
data {
  train = npz("colors.npz")
  photo = "photo"
  color = "color"
}
train {
  target color: label[N]
  loss       = cross_entropy(logits, color)
  optimizer  = adam(lr = cosine(0.03))
  accumulate = 2
  epochs     = 20
  batch_size = 8
}
"""


def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "Chromium is needed: apt-get install chromium"
    return found


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert main(["page", str(SPEC), "-o", str(folder / "digits.html"), "--runtime", str(RUNTIME)]) == 0
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/digits.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def said(address: str, folder: Path, request: pytest.FixtureRequest) -> Any:
    """What the page says to somebody who trains, draws, teaches, pauses, closes and comes back."""
    said = node("page.mjs", chromium(), address, folder)
    if request.config.getoption("--update-golden"):
        with Image.open(folder / "light.png") as shown:
            shown.quantize(64).save(PICTURE, optimize=True)
    return said


def part(text: str) -> float:
    return float(text.removesuffix(" %")) / 100


def test_it_learns_the_digits(said: Any) -> None:
    assert said["errors"] == []
    assert part(said["before"]) < 0.3 and part(said["after"]) >= 0.95 and said["epoch"] == "15.0"
    assert float(said["loss"]) < 0.6


def test_it_reads_what_is_drawn(said: Any) -> None:
    """Ten digits that a hand could have drawn; one that it takes for another would be no defect."""
    assert sum(said["drawn"][digit] == digit for digit in TEN) >= 9
    assert said["keys"] == "1"


def test_it_learns_from_drawings_alone(said: Any) -> None:
    assert said["own"] == 10 and said["redrawn"] == TEN


def test_it_goes_on_where_it_was_closed(said: Any, folder: Path) -> None:
    assert 4 < float(said["paused"]) < 15 and said["resumed"] == said["paused"] and said["end"] == "15.0"
    assert (folder / "resumed.safetensors").read_bytes() == (folder / "whole.safetensors").read_bytes()


def test_its_weights_are_those_of_the_spec(said: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = folder / "whole.safetensors"
    found = nnspec.Trainer(nnspec.load(SPEC))
    found.load_parameters(weights)
    assert found.evaluate("validation")["accuracy"] == pytest.approx(part(said["after"]), abs=0.0005)
    images = np.load(SPEC.parent / "data" / "digits_test.npz")["image"]
    np.save(folder / "image.npy", images[:4])
    arguments = ["run", str(SPEC), "--weights", str(weights), "--input", f"image={folder / 'image.npy'}"]
    assert main([*arguments, "--output", str(folder / "found.npz")]) == 0
    with np.load(folder / "found.npz") as answers:
        np.testing.assert_allclose(
            answers["probability"], found.predict({"image": images[:4]})["probability"], atol=1e-6
        )
    assert set(read_tensors(weights)[0]) == set(found.parameters)


def test_a_file_that_holds_no_weights_is_refused(said: Any) -> None:
    assert said["refused"] == "none.safetensors: this is no safetensors file"


def test_it_asks_for_nothing_and_fits_a_phone(said: Any, address: str, folder: Path) -> None:
    assert set(said["requests"]) == {address} and said["overflow"] == 0
    with Image.open(folder / "phone.png") as phone:
        assert phone.width == 375


def test_the_documentation_shows_it(said: Any, folder: Path) -> None:
    with Image.open(PICTURE) as shown, Image.open(folder / "light.png") as now:
        assert shown.size == now.size and PICTURE.stat().st_size < 100_000


def test_it_opens_without_a_server_and_takes_pictures_in_colours(tmp_path: Path) -> None:
    """float32, three channels, more classes than bars, two batches for an update, no split that is held out."""
    random, labels = np.random.default_rng(1), np.arange(280) % 14
    colors = random.uniform(-1, 1, (14, 3, 1, 1))
    photos = np.clip(colors[labels] + random.normal(0, 0.1, (280, 3, 12, 12)), -1, 1).astype(np.float32)
    np.savez(tmp_path / "colors.npz", photo=photos, color=np.array([f"colour {i}" for i in range(14)])[labels])
    (tmp_path / "colors.nn").write_text(COLORED)
    page, photo = tmp_path / "colors.html", tmp_path / "photo.png"
    assert main(["page", str(tmp_path / "colors.nn"), "-o", str(page), "--runtime", str(RUNTIME)]) == 0
    pixels = np.broadcast_to((colors[3] + 1) * 127.5, (3, 40, 60)).transpose(1, 2, 0)
    Image.fromarray(pixels.round().astype(np.uint8)).save(photo)
    said = node("open.mjs", chromium(), page.as_uri(), photo)
    assert said["errors"] == [] and said["epoch"] == "20.0" and said["shown"] == 28 and said["overflow"] == 0
    assert said["said"] == said["bars"][0] == "colour 3" and len(said["bars"]) == 12
    assert part(said["accuracy"]) > 0.8
