"""The file that `nnspec page` writes; what it does in a browser is in tests/web."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.browser.pictures import look
from nnspec.browser.write import ASSETS, MODULES, write_page
from nnspec.cli.main import main
from nnspec.diagnostics.errors import RunError

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "tests" / "acceptance" / "digits_cnn.nn"
RUNTIME = {"package.json": '{"version": "1.30.0"}', "dist/ort.wasm.bundle.min.mjs": "/* module */"}


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """What has the files of onnxruntime-web, where npm would put them."""
    folder = tmp_path / "node_modules" / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    for name, text in RUNTIME.items():
        (folder / name).write_text(text)
    (folder / "dist" / "ort-wasm-simd-threaded.wasm").write_bytes(b"\0asm")
    return folder


def held(page: str, name: str) -> str:
    found = re.search(rf'<script [^>]*id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


def test_the_page_holds_everything(runtime: Path, tmp_path: Path) -> None:
    trainer = nnspec.Trainer(nnspec.load(DIGITS))
    write_page(trainer, tmp_path / "digits.html", runtime)
    page = (tmp_path / "digits.html").read_text("utf-8")
    raw = gzip.decompress(b64decode(held(page, "files")))
    start = 8 + int.from_bytes(raw[:8], "little")
    files = {name: raw[start + a : start + b] for name, (a, b) in json.loads(raw[8:start]).items()}
    assert files["ort.binary"] == b"\0asm" and files["worker"] == (ASSETS / "worker.js").read_bytes()
    rows = trainer.rows("train")
    assert len(files["train.images"]) == rows.arrays["image"].nbytes
    labels = np.frombuffer(files["held.labels"], np.uint16)
    assert sorted(labels) == sorted(trainer.rows("validation").arrays["digit"])
    facts = json.loads(held(page, "facts"))
    assert facts["classes"] == [str(digit) for digit in range(10)] and facts["shape"] == [1, 8, 8]
    assert not re.findall(r"(?:src|href)=\"(?!data:,)", page), "nothing from elsewhere"


def test_it_is_always_the_same(runtime: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_page(nnspec.Trainer(nnspec.load(DIGITS)), tmp_path / name, runtime)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_text_from_elsewhere_cannot_become_markup(runtime: Path, tmp_path: Path) -> None:
    text = DIGITS.read_text("utf-8").replace("# Convolution", "# </script><script>alert(1)</script><!-- Convolution")
    text = re.sub(r'"data/', f'"{DIGITS.parent}/data/', text)
    (tmp_path / "spec.nn").write_text(text)
    write_page(nnspec.Trainer(nnspec.load(tmp_path / "spec.nn"), folder=DIGITS.parent), tmp_path / "a", runtime)
    page = (tmp_path / "a").read_text("utf-8")
    assert "alert(1)" in page and "<script>alert" not in page and "<!--" not in page


def test_the_runtime_of_npm_is_found_from_below(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert main(["page", str(DIGITS), "-o", "digits.html"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("digits.html: 1,272 pictures to learn from, 225 held out, ")


@pytest.mark.parametrize(
    "name, change, said",
    [
        ("iris", "", "features is float32.N, 4., which is no image"),
        ("diabetes", "", "is no image classifier"),
        ("digits_cnn", "unlink", "does not hold onnxruntime-web"),
        ("digits_cnn", '{"version": "1.17.3"}', "holds onnxruntime-web 1.17.3, 1.20 is needed"),
        ("digits_cnn", "[]", "does not hold onnxruntime-web"),
    ],
)
def test_what_no_page_can_train(name: str, change: str, said: str, runtime: Path, tmp_path: Path) -> None:
    if change == "unlink":
        (runtime / "dist" / "ort-wasm-simd-threaded.wasm").unlink()
    elif change:
        (runtime / "package.json").write_text(change)
    with pytest.raises(RunError, match=rf"E730.*{said}"):
        write_page(nnspec.Trainer(nnspec.load(DIGITS.parent / f"{name}.nn")), tmp_path / "page.html", runtime)
    assert not (tmp_path / "page.html").exists()


def test_without_the_runtime_it_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"E730.*not installed here") as raised:
        write_page(nnspec.Trainer(nnspec.load(DIGITS)), tmp_path / "page.html")
    assert "npm install onnxruntime-web" in str(raised.value)


def test_how_lines_look_is_found_out() -> None:
    """A bar of 3 by 14 pixels in a frame of 20, dark on light: its middle, its size and its width."""
    images = np.full((8, 1, 20, 20), 1.0, np.float32)
    images[:, :, 3:17, 9:12] = -1.0
    found = look(images)
    assert found["background"] == [1.0] and found["ink"] == -1.0 and (found["low"], found["high"]) == (-1.0, 1.0)
    assert found["size"] == pytest.approx(0.7) and found["center"] == pytest.approx([0.525, 0.5])
    assert found["pen"] == pytest.approx(2 * 42 / (np.pi / 4 * 34) / 20)  # 3.1 pixels


def test_photographs_have_no_ink() -> None:
    images = np.random.default_rng(1).integers(0, 256, (8, 1, 16, 16), dtype=np.uint8)
    assert "ink" not in look(images) and "pen" not in look(images)


def test_the_files_of_the_page_stay_short() -> None:
    assert {path.stem for path in ASSETS.glob("*.js")} == {*MODULES, "worker"}
    for path in ASSETS.iterdir():
        lines = path.read_text("utf-8").splitlines()
        assert len(lines) <= 300 and max(map(len, lines)) <= 180, path.name
