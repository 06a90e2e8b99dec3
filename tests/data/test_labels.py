"""Classes of label targets in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.arrays import dataset_from_arrays
from nnspec.data.dataset import load
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]
Library = dict[str, Any]


def tiny(make_spec: MakeSpec, **changes: Any) -> Spec:
    options = {
        "inputs": {"x": "float32[N, 2]"},
        "targets": {"y": "label[N]"},
        "feeds": {"x": ["a", "b"], "y": "y"},
        "train": ("csv", {"path": "t.csv"}),
    }
    return make_spec(**{**options, **changes})


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["10", "9", "-1"], (-1, 9, 10)),
        (["b", "a", "B"], ("B", "a", "b")),
        (["1", "x"], ("1", "x")),
        (["07", "7"], ("07", "7")),
        (["true", "false"], ("false", "true")),
    ],
)
def test_classes_of_text(make_spec: MakeSpec, library: Library, tmp_path: Path, cells: list[str], classes: Any) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"1,2,{cell}\n" for cell in cells))
    splits = load(tiny(make_spec), library, tmp_path)
    assert splits.classes == {"y": classes}
    assert splits.train is not None
    assert [str(classes[number]) for number in splits.train.arrays["y"]] == cells


@pytest.mark.parametrize(
    ("values", "classes"), [([True, False], (False, True)), (["b", "a"], ("a", "b")), ([5, 3], (3, 5))]
)
def test_classes_of_arrays(
    make_spec: MakeSpec, library: Library, tmp_path: Path, values: list[Any], classes: Any
) -> None:
    np.savez(tmp_path / "t.npz", x=np.zeros((2, 2)), y=np.array(values))
    spec = tiny(make_spec, feeds={"x": "x", "y": "y"}, train=("npz", {"path": "t.npz"}), classes=2)
    splits = load(spec, library, tmp_path)
    assert splits.classes == {"y": classes}
    assert splits.train is not None
    assert splits.train.arrays["y"].tolist() == [1, 0]


def test_several_label_columns(make_spec: MakeSpec, library: Library, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y,z\n1,2,p,q\n1,2,q,r\n")
    spec = tiny(make_spec, targets={"y": "label[N, 2]"}, feeds={"x": ["a", "b"], "y": ["y", "z"]})
    splits = load(spec, library, tmp_path)
    assert splits.train is not None
    assert (splits.train.arrays["y"].tolist(), splits.classes) == ([[0, 1], [1, 2]], {"y": ("p", "q", "r")})


@pytest.mark.parametrize("cell", ["nan", "NaN"])
def test_a_missing_value_is_no_class(make_spec: MakeSpec, library: Library, tmp_path: Path, cell: str) -> None:
    (tmp_path / "t.csv").write_text(f"a,b,y\n1,2,p\n1,2,{cell}\n")
    with pytest.raises(
        DataError, match=rf"E603.*t.csv, line 3: column 'y' is {cell}, which stands for a missing value"
    ):
        load(tiny(make_spec), library, tmp_path)


@pytest.mark.parametrize("missing", [float("nan"), None, 3])
@pytest.mark.parametrize("kind", [list, lambda values: np.array(values, dtype=object)])
def test_text_is_not_made_of_other_values(make_spec: MakeSpec, missing: Any, kind: Any) -> None:
    with pytest.raises(DataError, match=r"E60[35].*y(, index 1 is| holds object| mixes text)"):
        dataset_from_arrays(tiny(make_spec), {"x": np.zeros((2, 2)), "y": kind(["p", missing])})
