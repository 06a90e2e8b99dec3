"""Images and MNIST's files as inputs of `nnspec run`."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import make_folder
from PIL import Image
from test_idx_file import DIGITS, PIXELS, idx
from test_io import typed

from nnspec.data.images.formats import Resizing
from nnspec.data.images.given import recorded
from nnspec.data.io import Given, Meaning, read_inputs, write_outputs
from nnspec.diagnostics.errors import DataError


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_folder(Path("colours"), 2)


def given(path: str, type: str = "uint8[N, 3, 8, 6]", **more: Any) -> Given:
    return read_inputs([f"image={path}"], {"image": typed(type)}, **more)


def pixels(found: Given) -> np.ndarray[Any, Any]:
    return found.rows.batch(np.arange(found.rows.rows))["image"]


def test_an_image() -> None:
    found = given("colours/red/01.png")
    assert found.files is None and found.rows.rows == 1
    with Image.open("colours/red/01.png") as image:
        np.testing.assert_array_equal(pixels(found)[0], np.asarray(image).transpose(2, 0, 1))
    assert pixels(given("colours/red/01.png", "float32[N, 8, 6]")).shape == (1, 8, 6)


def test_a_folder() -> None:
    found = given("colours")
    assert found.files == ("blue/00.png", "blue/01.png", "green/00.png", "green/01.png", "red/00.png", "red/01.png")
    np.testing.assert_array_equal(pixels(found)[5], pixels(given("colours/red/01.png"))[0])
    assert given("colours/red").files == ("00.png", "01.png")
    assert pixels(Given(found.rows.head(2))).shape == (2, 3, 8, 6)


def test_sizes_are_those_of_training() -> None:
    meaning = Meaning(images={"image": Resizing((4, 4), "crop")})
    assert pixels(given("colours", "uint8[N, 3, 4, 4]", meaning=meaning)).shape == (6, 3, 4, 4)
    for fit in ("stretch", "crop", "pad"):
        assert pixels(given("colours", "uint8[N, 3, 5, 9]", meaning=meaning, fit=fit)).shape == (6, 3, 5, 9)


@pytest.mark.parametrize(
    ("path", "type", "more", "message"),
    [
        ("colours/red/01.png", "uint8[N, 3, 9, 9]", {},
         r"E607.*: colours/red/01.png has the height and width \[8, 6\], and image takes .*\n.*--fit stretch"),
        ("colours", "uint8[N, 3, 9, 9]", {}, r"E607.*: colours/blue/00.png has the height"),
        ("colours", "uint8[N, 3, H, H]", {"fit": "crop"}, r"E610.*--fit brings images to the size of their"),
        ("colours", "uint8[N, 144]", {}, "E607.*2 dimensions against 4"),
        ("colours/red/02.png", "uint8[N, 3, 8, 6]", {}, r"E601.*no file colours/red/02.png .*\n.*did you mean"),
        ("notes.txt", "uint8[N, 3, 8, 6]", {}, r"E610.*files of kind '.txt' cannot be an input\n.*a folder of images"),
        ("bad.png", "uint8[N, 3, 8, 6]", {}, "E608.*: bad.png is no image of a known kind"),
        ("empty", "uint8[N, 3, 8, 6]", {}, "E609.*: empty holds no image"),
    ],
)  # fmt: skip
def test_what_does_not_fit(path: str, type: str, more: dict[str, Any], message: str) -> None:
    Path("bad.png").write_text("x")
    Path("empty").mkdir()
    with pytest.raises(DataError, match=message):
        given(path, type, **more)


def test_an_image_beside_other_inputs() -> None:
    Path("age.csv").write_text("age\n3\n4\n")
    signature = {"image": typed("uint8[N, 3, 8, 6]"), "age": typed("float32[N]")}
    found = read_inputs(["image=colours/red", "age=age.csv"], signature)
    assert found.rows.batch(np.array([1]))["age"].tolist() == [4]
    with pytest.raises(DataError, match=r"E607.*age\.csv has 2 for age, colours has 6 for image"):
        read_inputs(["image=colours", "age=age.csv"], signature)


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "x-ubyte.gz", "X.IDX", "x.idx.gz"])
@pytest.mark.parametrize("type", ["uint8[N, 1, 4, 5]", "uint8[N, 4, 5]"])
def test_files_of_mnist(name: str, type: str) -> None:
    data = idx(PIXELS)
    Path(name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    found = given(name, type).rows.arrays["image"]
    np.testing.assert_array_equal(found.reshape(PIXELS.shape), PIXELS)
    with pytest.raises(DataError, match=r"E607.*3 dimensions against 1"):
        Path(name).write_bytes(idx(DIGITS))
        given(name, "uint8[N, 4, 5]")


@pytest.mark.parametrize("said", [None, [], 3, {}, {"size": 0}, {"size": "x"}, {"size": 3, "path": "x"}, {"sise": 3}])
def test_a_foreign_note_says_nothing(said: Any) -> None:
    assert recorded(said) is None


def test_a_note_of_ours() -> None:
    note = {"size": [3, 4], "fit": "pad", "resample": "lanczos"}
    assert recorded(note) == Resizing((3, 4), "pad", "lanczos")


def test_rows_are_named_by_their_files() -> None:
    outputs = {"p": np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)}
    for name in ("out.csv", "out.json", "out.npz"):
        write_outputs(outputs, name, {"p": ("a", "b")}, files=["x.png", 'a,"b.png'])
    assert Path("out.csv").read_text() == 'file,p.a,p.b,p.class\nx.png,0.25,0.75,b\n"a,""b.png",1.0,0.0,a\n'
    assert '[{"file": "x.png", "p": [0.25, 0.75], "p.class": "b"},' in Path("out.json").read_text()
    with np.load("out.npz") as found:
        assert found["file"].tolist() == ["x.png", 'a,"b.png']
    write_outputs({"file": np.array([1, 2])}, "out.csv", files=["x.png", "y.png"])
    assert Path("out.csv").read_text() == "file_,file\nx.png,1\ny.png,2\n"
    write_outputs({"total": np.array([1])}, "out.csv", files=["x.png", "y.png"])
    assert Path("out.csv").read_text() == "total\n1\n"
