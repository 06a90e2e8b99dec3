"""Rows from Python code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnspec.data.dataset import dataset_from_arrays
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec

MakeSpec = Callable[..., Spec]
X = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class Foreign:
    """Like a tensor of another framework."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.array(X, np.float32)


class Unreadable:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        raise RuntimeError("detach it first")


@pytest.fixture
def spec(make_spec: MakeSpec) -> Spec:
    return make_spec({"features": "float32[N, 2]"}, {"species": "label[N]"}, classes=3)


def test_lists_arrays_and_foreign_arrays(spec: Spec) -> None:
    for value in (X, np.array(X), Foreign(), np.array(X, object), tuple(map(tuple, X))):
        dataset = dataset_from_arrays(spec, {"features": value, "species": ["c", "a", "b"]})
        assert dataset.arrays["features"].dtype == np.float32
        assert dataset.arrays["features"].tolist() == X
        assert (dataset.rows, dataset.where(1)) == (3, "index 1")
        assert dataset.classes == {"species": ("a", "b", "c")}
        assert dataset.arrays["species"].tolist() == [2, 0, 1]


def test_known_classes_are_used(spec: Spec) -> None:
    known = {"species": ("a", "b", "c")}
    assert dataset_from_arrays(spec, {"features": X[:1], "species": ["c"]}, known).arrays["species"].tolist() == [2]
    assert dataset_from_arrays(spec, {"features": X}, targets=False).rows == 3


def test_a_batch_of_class_numbers_need_not_hold_every_class(spec: Spec) -> None:
    dataset = dataset_from_arrays(spec, {"features": X, "species": [2, 2, 0]})
    assert (dataset.classes, dataset.arrays["species"].tolist()) == ({"species": (0, 1, 2)}, [2, 2, 0])


@pytest.mark.parametrize(
    ("arrays", "messages"),
    [
        ([1], ["E602: a batch is a dictionary of arrays by name or a table, got list"]),
        (
            {"feature": X, "species": [0, 1, 2]},
            ["E602: the model takes no array 'feature' here", "E602: features is missing from the batch"],
        ),
        ({}, ["E602: features, species are missing from the batch"]),
        (
            {"features": X, "species": [0, 1]},
            ["E607: the arrays differ in their numbers of rows: features has 3, species has 2"],
        ),
        (
            {"features": X[0], "species": [0]},
            ["E607: features takes float32[N, 2], the array gives [2]: 2 dimensions against 1"],
        ),
        (
            {"features": [[1, 2], [3]], "species": [0, 1]},
            ["E604: features cannot be read as an array: its parts differ in length"],
        ),
        ({"features": Unreadable(), "species": [0]}, ["E603: features cannot be read as an array: detach it first"]),
        (
            {"features": [[1, None]], "species": [0]},
            ["E605: features, index 0 is missing, a value is needed"],
        ),
        (
            {"features": np.zeros((0, 2)), "species": []},
            ["E609: features is empty: its shape is [0, 2]", "E609: species is empty: its shape is [0]"],
        ),
        (
            {"features": X, "species": np.array(["a", np.nan, "b"], object)},
            ["E605: species, index 1 is missing, a value is needed"],
        ),
        ({"features": X, "species": np.array(["a", 1, "b"], object)}, ["E603: species mixes text and other values"]),
        (
            {"features": np.full((3, 2), 1j), "species": [0, 1, 2]},
            ["E603: features holds complex128, and numbers, booleans or text are needed"],
        ),
        ({"features": [["1", "2"]], "species": [0]}, ["E603: features holds text, float32 is needed"]),
        ({"features": [[1, np.nan]], "species": [0]}, ["E605: features, index 0 is nan, a finite number is needed"]),
        ({"features": X, "species": [0, 1, 3]}, ["E606: species, index 2 is 3, which is none of the known classes"]),
        (
            {"features": X, "species": ["a", "b", "d"]},
            ["E606: species, index 0 is 'a', which is none of the known classes"],
        ),
        (
            {"features": X, "species": [0.0, 1.0, 2.0]},
            ["E603: species holds float64, and a label is text or a whole number"],
        ),
    ],
)
def test_findings(spec: Spec, arrays: Any, messages: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        dataset_from_arrays(spec, arrays, {"species": (0, 1, 2)})
    assert [f"{found.code}: {found.message}" for found in caught.value.diagnostics] == messages


def test_unknown_classes_must_be_as_many_as_the_loss_expects(spec: Spec) -> None:
    with pytest.raises(DataError, match=r"E607\]: species has 2 classes in the array, the loss expects 3"):
        dataset_from_arrays(spec, {"features": X, "species": ["a", "b", "a"]})


def test_unknown_label_is_answered_with_the_nearest(spec: Spec) -> None:
    with pytest.raises(DataError) as caught:
        dataset_from_arrays(spec, {"features": X[:1], "species": ["setsoa"]}, {"species": ("setosa", "b", "c")})
    assert caught.value.diagnostics[0].help == "did you mean 'setosa'? the classes are 'setosa', 'b', 'c'"


def test_integer_targets_stay_as_they_are(make_spec: MakeSpec) -> None:
    spec = make_spec({"tokens": "int64[N, T]"}, {"following": "int64[N, T]"}, classes=10)
    dataset = dataset_from_arrays(spec, {"tokens": [[1, 2]], "following": [[2, 9]]})
    assert dataset.arrays["following"].tolist() == [[2, 9]]
    with pytest.raises(DataError, match="following, index 1 holds 10, and the loss expects classes 0 to 9"):
        dataset_from_arrays(spec, {"tokens": [[1, 2]] * 2, "following": [[2, 9], [0, 10]]})
    with pytest.raises(DataError, match="2 against 1, since T is 2 in tokens"):
        dataset_from_arrays(spec, {"tokens": [[1, 2]], "following": [[2]]})
