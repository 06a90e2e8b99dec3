"""Folders of images: classes, links, clutter, sizes, and what is decoded when."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import COLOURS, make_folder
from PIL import Image

from nnspec.data.ahead import Ahead, reading
from nnspec.data.dataset import Splits, load
from nnspec.data.images import column
from nnspec.data.images.folder import find_images
from nnspec.data.sources import SOURCES, ImageFolder
from nnspec.diagnostics.errors import DataError, Fault, RunWarning
from nnspec.ir.fields import OptionError
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]
FEEDS = {"image": "image", "colour": "label"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_folder(tmp_path / "colours")
    return tmp_path


@pytest.fixture
def spec(make_spec: MakeSpec) -> Callable[..., Spec]:
    def made(image: str = "uint8[N, 3, 8, 6]", options: dict[str, Any] | None = None, **more: Any) -> Spec:
        source = ("images", {"path": "colours", **(options or {})})
        targets = more.pop("targets", {"colour": "label[N]"})
        return make_spec({"image": image}, targets, more.pop("feeds", FEEDS), source, classes=3, **more)

    return made


def loaded(spec: Spec, folder: Path, **more: Any) -> Splits:
    return load(spec, {"source": SOURCES}, folder, **more)


def pixels(folder: Path, name: str) -> np.ndarray[Any, Any]:
    with Image.open(folder / name) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def test_classes_are_the_names_of_folders(spec: Callable[..., Spec], folder: Path) -> None:
    splits = loaded(spec(validation=0.25), folder)
    assert splits.train and splits.validation
    assert (splits.train.rows, splits.validation.rows) == (14, 4)
    assert splits.classes == {"colour": ("blue", "green", "red")}
    for part in (splits.train, splits.validation):
        assert part.late["image"].shape == (part.rows, 3, 8, 6) and set(part.arrays) == {"colour"}
        batch = part.batch(np.arange(part.rows)[::-1])
        for place, row in enumerate(range(part.rows - 1, -1, -1)):
            name = part.where(row)
            assert name.split("/")[:2] == ["colours", splits.classes["colour"][batch["colour"][place]]]
            np.testing.assert_array_equal(batch["image"][place], pixels(folder, name))


@pytest.mark.parametrize(
    ("type", "shape", "dtype"),
    [
        ("uint8[N, 1, 8, 6]", (1, 8, 6), "uint8"),
        ("uint8[N, 8, 6]", (8, 6), "uint8"),
        ("uint8[N, 4, 8, 6]", (4, 8, 6), "uint8"),
        ("uint8[N, C, 8*H, W]", (3, 8, 6), "uint8"),
        ("float32[N, 3, H, W]", (3, 8, 6), "float32"),
        ("int64[N, 3, 8, 6]", (3, 8, 6), "int64"),
    ],
)
def test_the_input_says_what_an_image_becomes(
    type: str, shape: tuple[int, ...], dtype: str, spec: Callable[..., Spec], folder: Path
) -> None:
    train = loaded(spec(type), folder).train
    assert train
    image = train.batch(np.array([0]))["image"][0]
    assert image.shape == shape and image.dtype == dtype
    if shape[0] == 3:
        np.testing.assert_array_equal(image, pixels(folder, "colours/blue/00.png"))


def test_without_classes_images_lie_anywhere(spec: Callable[..., Spec], folder: Path) -> None:
    (folder / "colours/blue/00.png").rename(folder / "colours/loose.png")
    train = loaded(spec(targets={}, feeds={"image": "image"}), folder).train
    assert train and train.rows == 18
    assert train.where(17) == "colours/red/05.png" and train.where(5) == "colours/green/00.png"
    assert "colours/loose.png" in {train.where(row) for row in range(18)}


def test_a_picture_can_be_a_target(spec: Callable[..., Spec], folder: Path) -> None:
    """Colours from grey: two forms of one file."""
    targets, feeds = {"rgb": "float32[N, 3, 8, 6]"}, {"image": "image", "rgb": "image"}
    train = loaded(spec("uint8[N, 1, 8, 6]", targets=targets, feeds=feeds), folder).train
    assert train and {name: late.shape for name, late in train.late.items()} == {
        "image": (18, 1, 8, 6),
        "rgb": (18, 3, 8, 6),
    }


def test_numbers_as_classes_are_numbers(make_spec: MakeSpec, tmp_path: Path) -> None:
    """As in a CSV file, so that 10 comes after 9, and another source may have them as integers."""
    make_folder(tmp_path / "colours", 1, classes={str(n): (n, n, n) for n in range(11)})
    spec = make_spec({"image": "uint8[N, 3, 8, 6]"}, {"digit": "label[N]"}, {"image": "image", "digit": "label"},
                     ("images", {"path": "colours"}))  # fmt: skip
    assert loaded(spec, tmp_path).classes == {"digit": tuple(range(11))}


def test_folders_in_folders_links_and_clutter(folder: Path) -> None:
    root = folder / "colours"
    (root / "red/more/deep").mkdir(parents=True)
    (root / "red/00.png").rename(root / "red/more/deep/a.PNG")
    (folder / "elsewhere").mkdir()
    (root / "blue/00.png").rename(folder / "elsewhere/b.png")
    (root / "violet").symlink_to(folder / "elsewhere")
    (root / "blue/link.png").symlink_to(folder / "elsewhere/b.png")
    for clutter in (".DS_Store", "blue/.hidden.png", "red/Thumbs.db", "red/._01.png"):
        (root / clutter).write_bytes(b"x")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX/a.png").write_bytes(b"x")
    found = find_images(root, "colours", classes=True)
    assert len(found.files) == 19 and set(found.labels) == {"blue", "green", "red", "violet"}
    assert "red/more/deep/a.PNG" in found.files and "violet/b.png" in found.files and "blue/link.png" in found.files


def test_other_files_are_counted(folder: Path) -> None:
    (folder / "colours/README.md").write_text("x")
    with pytest.warns(RunWarning, match=r"^colours: 1 file is no image and was left out: README\.md$"):
        find_images(folder / "colours", "colours", classes=True)
    (folder / "colours/blue/notes.txt").write_text("x")
    with pytest.warns(RunWarning, match=r"^colours: 2 files are no images and were left out: README\.md, …$"):
        find_images(folder / "colours", "colours", classes=True)


def test_names_that_are_no_text(make_spec: MakeSpec, tmp_path: Path) -> None:
    root = tmp_path / "colours"
    make_folder(root, 1)
    (root / "red").rename(root / os.fsdecode(b"r\xffd"))
    spec = make_spec({"image": "uint8[N, 3, 8, 6]"}, {"colour": "label[N]"}, FEEDS, ("images", {"path": "colours"}))
    splits = loaded(spec, tmp_path)
    assert splits.classes["colour"] == ("blue", "green", "r\\udcffd")
    assert splits.train
    splits.train.batch(np.arange(3))
    assert splits.train.where(2) == "colours/r\\udcffd/00.png"


def broken(folder: Path, what: str) -> None:
    root = folder / "colours"
    match what:
        case "loose":
            (root / "x.png").write_bytes((root / "red/00.png").read_bytes())
        case "empty class":
            (root / "pink").mkdir()
        case "cycle":
            (root / "red/again").symlink_to(root)
        case "broken link":
            (root / "red/x.png").symlink_to(root / "nowhere.png")
        case "pipe":
            os.mkfifo(root / "red/x.png")
        case "other size":
            Image.new("RGB", (6, 9)).save(root / "red/03.png")
        case "no image":
            (root / "red/03.png").write_text("<html>")
        case "no images":
            (root / "red/03.png").write_text("<html>")
            (root / "blue/01.png").write_bytes(b"")
        case "file":
            shutil.rmtree(root)
            root.write_text("x")
        case "nothing":
            for path in root.rglob("*.png"):
                path.unlink()
        case "gone":
            root.rename(folder / "colour")


OTHER_SIZE = (
    r"colours/red/03.png has the height and width \[9, 6\], and image takes uint8\[N, 3, 8, 6\]"
    r"\n.*images\(\"colours\", size = \[8, 6\]\)"
)
TWO = "2 of 18 files: colours/blue/01.png is empty, colours/red/03.png is no image of a known kind"


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("loose", "E602", "colours/x.png lies in no folder of a class\n.*an image of a cat is colours/cat/1.png"),
        ("empty class", "E609", "colours/pink holds no image"),
        ("cycle", "E601", "colours/red/again leads back to colours/"),
        ("broken link", "E601", "colours/red/x.png is a broken link or no plain file"),
        ("pipe", "E601", "colours/red/x.png is a broken link or no plain file"),
        ("other size", "E607", OTHER_SIZE),
        ("no image", "E608", "colours/red/03.png is no image of a known kind"),
        ("no images", "E608", TWO),
        ("file", "E601", "colours is a file, a folder of images is needed"),
        ("nothing", "E609", "colours holds no image\n.*images end with .jpg"),
        ("gone", "E601", "there is no folder colours in .*\n.*did you mean colour?"),
    ],
)
def test_folders_that_do_not_fit(what: str, code: str, message: str, spec: Callable[..., Spec], folder: Path) -> None:
    broken(folder, what)
    with pytest.raises(DataError, match=rf"{code}.*{message}"):
        loaded(spec(), folder)


@pytest.mark.parametrize(
    ("type", "options", "message"),
    [
        ("uint8[N, 8, 6, 3]", {}, r"E607.*has 8 channels.*\n.*channels come first: uint8\[N, 3, 64, 64\]"),
        ("uint8[N, 3, 16, 16]", {}, r"E607.*colours/blue/00.png has the height and width \[8, 6\]"),
        (
            "uint8[N, 3, 16, 16]",
            {"size": 8},
            r"E607.*image takes .*colours gives \[18, 3, 8, 8\]: 16 against 8.*\n.*size = \[16, 16\] brings",
        ),
        ("uint8[N, 3, 5*H, W]", {}, r"E607.*8 is not of the form 5\*H"),
        ("uint8[N, 144]", {}, r"E607.*2 dimensions against 4"),
        ("bool[N, 3, 8, 6]", {}, r"E603.*image is bool\[N, 3, 8, 6\], and images are numbers"),
    ],
)
def test_inputs_that_do_not_fit(
    type: str, options: dict[str, Any], message: str, spec: Callable[..., Spec], folder: Path
) -> None:
    with pytest.raises(DataError, match=message):
        loaded(spec(type, options), folder)


def test_feeds_that_do_not_fit(spec: Callable[..., Spec], folder: Path) -> None:
    with pytest.raises(DataError, match=r"E603.*colour is label\[N\], and `image` gives images\n.*class of each"):
        loaded(spec(feeds={"image": "image", "colour": "image"}), folder)
    with pytest.raises(DataError, match=r"E602.*colours has no array 'picture'\n.*its arrays are: 'image', 'label'"):
        loaded(spec(feeds={"image": "picture", "colour": "label"}), folder)


def test_an_unknown_class_in_another_split(spec: Callable[..., Spec], folder: Path) -> None:
    make_folder(folder / "more", 2, classes={**COLOURS, "grene": (0, 250, 0)})
    with pytest.raises(
        DataError, match=r"E606.*more/grene/00\.png: array 'label' is 'grene'.*\n.*did you mean 'green'"
    ):
        loaded(spec(validation=("images", {"path": "more"})), folder)


def test_sizes_on_load(spec: Callable[..., Spec], folder: Path) -> None:
    Image.new("RGB", (60, 90)).save(folder / "colours/red/03.png")
    for fit in ("stretch", "crop", "pad"):
        train = loaded(spec("uint8[N, 3, 4, 5]", {"size": (4, 5), "fit": fit}), folder).train
        assert train and train.batch(np.arange(18))["image"].shape == (18, 3, 4, 5)
    assert loaded(spec("uint8[N, 3, H, H]", {"size": 7}), folder).train


@pytest.mark.parametrize("options", [{"size": 0}, {"size": (1, 2, 3)}, {"size": 2**15}, {"fit": "crop"}, {"cache": -1}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        ImageFolder(path="x", **options)


def test_images_change_after_they_were_looked_at(spec: Callable[..., Spec], folder: Path) -> None:
    train = loaded(spec(options={"cache": 0}), folder).train
    assert train
    whole = (folder / "colours/red/03.png").read_bytes()
    (folder / "colours/red/03.png").write_bytes(whole[:-30])
    with pytest.raises(DataError, match=r"spec\.nn:20:3: error\[E608\]: colours/red/03\.png is a damaged image"):
        train.batch(np.arange(18))
    Image.new("RGB", (6, 9)).save(folder / "colours/red/03.png")
    with pytest.raises(DataError, match=r"E607.*colours/red/03\.png has the height and width \[9, 6\]"):
        train.batch(np.arange(18))
    (folder / "colours/red/03.png").unlink()
    with pytest.raises(DataError, match=r"E601.*colours/red/03\.png cannot be read: No such file"):
        train.batch(np.arange(18))


def test_pillow_is_asked_for(spec: Callable[..., Spec], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError, match=r"E612.*decoded by Pillow.*\n.*pip install pillow"):
        loaded(spec(), folder)


# Memory and threads


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is decoded, one after another."""
    names: list[str] = []
    real = column.decode
    monkeypatch.setattr(column, "decode", lambda file, name, *rest: (names.append(name), real(file, name, *rest))[1])
    return names


def test_what_fits_in_memory_is_decoded_once(spec: Callable[..., Spec], folder: Path, decoded: list[str]) -> None:
    splits = loaded(spec(validation=0.5), folder)
    assert splits.train and splits.validation and not decoded
    first = splits.train.batch(np.arange(9))
    splits.validation.batch(np.arange(9))
    assert len(decoded) == len(set(decoded)) == 18
    np.testing.assert_array_equal(splits.train.batch(np.arange(9))["image"], first["image"])
    assert len(decoded) == 18
    train = loaded(spec(options={"cache": 0}), folder).train
    assert train
    for _ in range(2):
        train.batch(np.arange(18))
    assert len(decoded) == 18 + 36


def test_a_part_that_fits_is_kept() -> None:
    kept = column.Kept((3, 2, 2), 12 * 5 + 11, 10)
    for number in range(10):
        kept.keep(number, np.full((3, 2, 2), number, np.uint8))
    assert [number for number in range(10) if kept.get(number) is not None] == [0, 1, 2, 3, 4]
    assert all((kept.get(number) == number).all() for number in range(5))  # type: ignore[union-attr]


def test_reading_ahead_gives_the_same_in_the_same_order(spec: Callable[..., Spec], folder: Path) -> None:
    train = loaded(spec(options={"cache": 0}), folder).train
    assert train
    wanted = [np.array(rows) for rows in ([17, 3], [0], [5, 5, 1], *([row] for row in range(18)))]
    with reading(train, wanted, threads=5) as found:
        for batch, (arrays, rows) in zip(wanted, found, strict=True):
            np.testing.assert_array_equal(arrays["image"][rows], train.batch(batch)["image"])
    assert not any(thread.name.startswith("nnspec-ahead") for thread in threading.enumerate())


def test_no_more_is_prepared_than_is_said() -> None:
    made, most = [], 0
    taken = 0
    with Ahead(lambda item, stop: made.append(item) or item, range(100), threads=3) as ahead:
        for item, result in ahead:
            taken += 1
            most = max(most, len(made) - taken)
            assert item == result == taken - 1
    assert taken == 100 and most <= 3 + 2


def test_an_error_comes_where_its_turn_is() -> None:
    def work(item: int, stop: Callable[[], bool]) -> int:
        if item == 2:
            raise Fault("E608", "two")
        return item

    with Ahead(work, range(5), threads=2) as ahead:
        assert [next(ahead)[1], next(ahead)[1]] == [0, 1]
        with pytest.raises(Fault, match="two"):
            next(ahead)


def test_closing_breaks_off() -> None:
    """Who is at work hears of it, and what has not begun never does."""
    begun, release = threading.Event(), threading.Event()
    seen: list[int] = []

    def work(item: int, stop: Callable[[], bool]) -> None:
        seen.append(item)
        begun.set()
        while not stop():
            release.wait(0.001)

    ahead = Ahead(work, range(50), threads=2)
    begun.wait()
    ahead.close()
    assert len(seen) <= 2
    with pytest.raises(StopIteration):
        next(ahead)


def test_a_single_class_is_a_warning(tmp_path: Path) -> None:
    make_folder(tmp_path / "colours", 1)
    for name in ("green", "red"):
        shutil.rmtree(tmp_path / "colours" / name)
    with pytest.warns(RunWarning, match=r"colours holds the one class 'blue': there is nothing to tell apart"):
        find_images(tmp_path / "colours", "colours", classes=True)
    assert find_images(tmp_path / "colours", "colours", classes=False).labels == ("",)
