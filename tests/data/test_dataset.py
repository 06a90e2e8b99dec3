"""From a spec's data section to the arrays of its splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.dataset import Splits, load
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]
Library = dict[str, Any]
IRIS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def csv(path: str) -> tuple[str, dict[str, Any]]:
    return "csv", {"path": path}


def npz(path: str) -> tuple[str, dict[str, Any]]:
    return "npz", {"path": path}


def iris(make_spec: MakeSpec, **changes: Any) -> Spec:
    options = {
        "inputs": {"features": "float32[N, 4]"},
        "targets": {"species": "label[N]"},
        "feeds": {"features": IRIS, "species": "species"},
        "train": csv("iris.csv"),
        "validation": 0.2,
        "classes": 3,
    }
    return make_spec(**{**options, **changes})


def tiny(make_spec: MakeSpec, **changes: Any) -> Spec:
    options = {
        "inputs": {"x": "float32[N, 2]"},
        "targets": {"y": "label[N]"},
        "feeds": {"x": ["a", "b"], "y": "y"},
        "train": csv("t.csv"),
    }
    return make_spec(**{**options, **changes})


def findings(spec: Spec, library: Library, folder: Path, **options: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        load(spec, library, folder, **options)
    return [f"{found.span and found.span.line}: {found.code}: {found.message}" for found in caught.value.diagnostics]


def helps(spec: Spec, library: Library, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(spec, library, folder)
    return caught.value.diagnostics[0].help


def test_iris(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    splits = load(iris(make_spec), library, acceptance)
    train, validation = splits.train, splits.validation
    assert train is not None
    assert validation is not None
    assert (train.rows, validation.rows, splits.test) == (120, 30, None)
    assert splits.classes == train.classes == {"species": ("setosa", "versicolor", "virginica")}
    features, species = train.arrays["features"], train.arrays["species"]
    assert (str(features.dtype), features.shape) == ("float32", (120, 4))
    assert (str(species.dtype), species.shape) == ("int64", (120,))
    line = int(train.where(5).removeprefix("iris.csv, line "))
    cells = (acceptance / "iris.csv").read_text().splitlines()[line - 1].split(",")
    np.testing.assert_array_equal(features[5], np.array(cells[:4], np.float32))
    assert splits.classes["species"][species[5]] == cells[4]


def test_digits(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    spec = make_spec(
        {"image": "uint8[N, 1, 8, 8]"},
        {"digit": "label[N]"},
        {"image": "image", "digit": "label"},
        npz("digits_train.npz"),
        validation=0.15,
        test=npz("digits_test.npz"),
        classes=10,
    )
    splits = load(spec, library, acceptance)
    assert [split and split.rows for split in splits[:3]] == [1272, 225, 300]
    assert splits.classes == {"digit": tuple(range(10))}
    assert splits.train is not None
    assert splits.train.arrays["image"].dtype == np.uint8


def test_diabetes_has_a_target_of_one_column(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    spec = make_spec(
        {"x": "float32[N, 1]"}, {"y": "float32[N, 1]"}, {"x": ["bmi"], "y": ["progression"]}, csv("diabetes.csv")
    )
    train = load(spec, library, acceptance).train
    assert train is not None
    assert train.arrays["y"].shape == (442, 1)


def lines(splits: Splits, name: str) -> set[str]:
    split = getattr(splits, name)
    return {split.where(row) for row in range(split.rows)}


def test_fractions_are_disjoint_and_drawn_by_the_seed(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    spec = iris(make_spec, test=0.1)
    splits = load(spec, library, acceptance)
    parts = [lines(splits, name) for name in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [105, 30, 15]
    assert len(set.union(*parts)) == 150
    again, other = load(spec, library, acceptance), load(spec, library, acceptance, seed=8)
    assert [lines(again, name) for name in ("train", "validation", "test")] == parts
    assert lines(other, "validation") != parts[1]
    fewer = load(iris(make_spec, validation=0.3, test=0.1), library, acceptance)
    assert lines(fewer, "test") == parts[2]


def test_the_split_of_a_seed_never_changes(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    """A golden value: runs of released versions resume only if this stays."""
    validation = load(iris(make_spec), library, acceptance).validation
    assert validation is not None
    assert [validation.where(row) for row in range(3)] == GOLDEN


GOLDEN = ["iris.csv, line 14", "iris.csv, line 17", "iris.csv, line 19"]


def test_without_shuffle_fractions_are_the_tail(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    splits = load(iris(make_spec, shuffle=False, test=0.1, validation=0.1), library, acceptance)
    assert lines(splits, "test") == {f"iris.csv, line {line}" for line in range(137, 152)}
    assert lines(splits, "validation") == {f"iris.csv, line {line}" for line in range(122, 137)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": 0.1}, "11: E609: validation = 0.1 of 4 rows is no row"),
        ({"validation": 0.5, "test": 0.5}, "9: E609: the fractions leave no row of 4 for training"),
        ({"test": 1.5}, "12: E609: test = 1.5 of 4 rows is not a part of them"),
        ({"train": 0.5}, '10: E601: train is a source, such as csv("data.csv"), not a fraction'),
        ({"train": csv("u.csv")}, "10: E601: there is no file u.csv in {folder}"),
        ({"train": csv("../t")}, "10: E601: there is no file ../t in {folder}"),
        ({"train": csv(".")}, "10: E601: . is a folder, a plain file is needed"),
        ({"train": csv("a\0b")}, "10: E601: there is no file a\0b in {folder}"),
        ({"train": csv("n" * 300)}, f"10: E601: '{'n' * 300}' is not a usable path: File name too long"),
        ({"feeds": {"x": ["a", "b"]}}, "30: E602: nothing in the data section feeds y, label[N]"),
        (
            {"feeds": {"x": ["a", "bb"], "y": "z"}},
            "20: E602: t.csv has no column 'bb'|21: E602: t.csv has no column 'z'",
        ),
        ({"feeds": {"x": ["a", "y"], "y": "y"}}, "20: E603: t.csv, line 2: column 'y' holds 'p', a number is needed"),
        ({"feeds": {"x": "a", "y": "y"}}, "20: E607: x takes float32[N, 2], t.csv gives [4]: 2 dimensions against 1"),
        ({"feeds": {"x": ["a"], "y": "y"}}, "20: E607: x takes float32[N, 2], t.csv gives [4, 1]: 2 against 1"),
        ({"classes": 3}, "21: E607: y has 2 classes in t.csv, the loss expects 3"),
        (
            {"feeds": {"x": ["a", "b"], "y": "b"}},
            "21: E603: t.csv, line 3: column 'b' is 0.5, and a label is text or a whole number",
        ),
        ({"inputs": {"x": "int64[N, 2]"}}, "20: E603: t.csv, line 3: column 'b' holds '0.5', a whole number is needed"),
        (
            {"inputs": {"x": "uint8[N]"}, "feeds": {"x": "c", "y": "y"}},
            "20: E603: t.csv, line 5: column 'c' holds 300, which is outside uint8, 0 to 255",
        ),
        (
            {"targets": {"y": "int64[N]"}, "feeds": {"x": ["a", "b"], "y": "a"}, "classes": 3},
            "21: E606: t.csv, line 4: column 'a' holds 3, and the loss expects classes 0 to 2",
        ),
        (
            {"validation": csv("v.csv")},
            "21: E606: v.csv, line 3: column 'y' is 'Q', which is none of the known classes",
        ),
        ({"validation": csv("nan.csv")}, "20: E605: nan.csv, line 2: column 'a' is nan, a finite number is needed"),
        ({"validation": csv("blank.csv")}, "21: E603: blank.csv, line 2: column 'y' is empty, a class is needed"),
        ({"train": csv("blank.csv")}, "21: E603: blank.csv, line 2: column 'y' is empty, a class is needed"),
    ],
)
def test_findings_with_their_places(
    make_spec: MakeSpec, library: Library, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    (tmp_path / "t.csv").write_text("a,b,c,y\n1,1,1,p\n2,0.5,2,q\n3,1,3,p\n4,1,300,q\n")
    (tmp_path / "v.csv").write_text("a,b,y\n1,2,p\n1,2,Q\n")
    (tmp_path / "nan.csv").write_text("a,b,y\nnan,2,p\n")
    (tmp_path / "blank.csv").write_text("a,b,y\n1,2,\n")
    assert findings(tiny(make_spec, **changes), library, tmp_path) == message.format(folder=tmp_path).split("|")


def test_help_names_what_was_meant(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    assert helps(iris(make_spec, train=csv("Iris.csv")), library, acceptance) == "did you mean iris.csv?"
    spec = iris(make_spec, feeds={"features": [*IRIS[:3], "petal_with"], "species": "species"})
    assert helps(spec, library, acceptance) == (
        "did you mean 'petal_width'? its columns are: "
        "'sepal_length', 'sepal_width', 'petal_length', 'petal_width', 'species'"
    )
    one = make_spec({"x": "float32[N, 1]"}, None, {"x": "sepal_width"}, csv("iris.csv"))
    assert helps(one, library, acceptance) == 'x = ["sepal_width"] makes it [N, 1]'
    flat = make_spec({"x": "float32[N]"}, None, {"x": ["sepal_width"]}, csv("iris.csv"))
    assert helps(flat, library, acceptance) == 'x = "sepal_width" makes it [N]'
    missing = iris(make_spec, train=csv("nowhere/iris.csv"))
    assert helps(missing, library, acceptance) == (
        f"the folder {acceptance}/nowhere does not exist; paths are relative to the spec's folder, or to --data"
    )


def test_arrays_side_by_side(make_spec: MakeSpec, library: Library, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", a=np.array([1, 2]), b=np.array([0.5, 1]), y=np.array([0, 1]), image=np.zeros((2, 3)))
    train = load(tiny(make_spec, train=npz("t.npz")), library, tmp_path).train
    assert train is not None
    assert train.arrays["x"].tolist() == [[1, 0.5], [2, 1]]
    spec = tiny(make_spec, train=npz("t.npz"), feeds={"x": ["a", "image"], "y": "y"})
    assert findings(spec, library, tmp_path) == [
        "20: E607: x puts columns side by side, but 'image' of t.npz is [2, 3]"
    ]


def test_only_needed_files_are_read(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    spec = iris(make_spec, train=csv("absent.csv"), validation=None, test=csv("iris.csv"))
    known = {"species": ("setosa", "versicolor", "virginica")}
    splits = load(spec, library, acceptance, classes=known, splits=["test"])
    assert splits.test is not None
    assert (splits.train, splits.test.rows, splits.classes) == (None, 150, known)
    assert len(findings(spec, library, acceptance, splits=["test"])) == 1


def test_a_spec_without_data(make_spec: MakeSpec, library: Library, tmp_path: Path) -> None:
    assert findings(make_spec({"x": "float32[N]"}), library, tmp_path) == ["None: E601: the spec has no data section"]


def test_paths_start_at_the_folder_of_the_spec(make_spec: MakeSpec, library: Library, acceptance: Path) -> None:
    assert load(iris(make_spec, path=str(acceptance / "spec.nn")), library).train is not None
