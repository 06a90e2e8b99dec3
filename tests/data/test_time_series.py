"""Time series: windows over the rows of a table, split by time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.dataset import Splits, load
from nnspec.diagnostics.errors import DataError
from nnspec.ir.spec import Spec
from nnspec.library import registries

MakeSpec = Callable[..., Spec]


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Twenty rows: a counts from 0, b from 100."""
    (tmp_path / "s.csv").write_text("a,b\n" + "".join(f"{t},{100 + t}\n" for t in range(20)))
    return tmp_path


def loaded(make_spec: MakeSpec, folder: Path, past: str, following: str, **changes: Any) -> Splits:
    options: dict[str, Any] = {"path": "s.csv", "window": 4, "horizon": changes.pop("horizon", 1)}
    feeds = changes.pop("feeds", {"past": ["a", "b"], "next": "a"})
    spec = make_spec(
        **{
            "inputs": {"past": past},
            "targets": {"next": following},
            "feeds": feeds,
            "train": ("csv", options),
            **changes,
        }
    )
    return load(spec, registries(), folder)


def test_a_row_is_a_window_and_what_follows(make_spec: MakeSpec, series: Path) -> None:
    train = loaded(make_spec, series, "float32[N, 4, 2]", "float32[N]").train
    assert train is not None and train.rows == 16
    batch = train.batch(np.array([0, 15]))
    assert batch["past"].tolist() == [[[t, 100 + t] for t in range(s, s + 4)] for s in (0, 15)]
    assert batch["next"].tolist() == [4, 19]
    assert train.shapes(3) == {"past": (3, 4, 2), "next": (3,)}
    assert train.where(15) == "s.csv, line 17"


def test_several_rows_follow(make_spec: MakeSpec, series: Path) -> None:
    train = loaded(make_spec, series, "float32[N, T, 2]", "float32[N, 3]", horizon=3).train
    assert train is not None and train.rows == 14
    assert train.batch(np.array([1]))["next"].tolist() == [[5, 6, 7]]


def test_one_column_has_no_axis_of_its_own(make_spec: MakeSpec, series: Path) -> None:
    feeds = {"past": "a", "next": ["a", "b"]}
    train = loaded(make_spec, series, "float32[N, 4]", "float32[N, 2, 2]", horizon=2, feeds=feeds).train
    assert train is not None
    batch = train.batch(np.array([2]))
    assert batch["past"].tolist() == [[2, 3, 4, 5]]
    assert batch["next"].tolist() == [[[6, 106], [7, 107]]]


def test_splits_follow_one_another_in_time_and_share_no_row(make_spec: MakeSpec, series: Path) -> None:
    for shuffle in (True, False):
        found = loaded(make_spec, series, "float32[N, 4, 2]", "float32[N]", validation=0.3, test=0.25, shuffle=shuffle)
        rows = []
        for split in (found.train, found.validation, found.test):
            assert split is not None
            batch = split.batch(np.arange(split.rows))
            rows.append({*batch["past"][..., 0].ravel().tolist(), *batch["next"].tolist()})
        assert rows == [set(range(9)), set(range(9, 15)), set(range(15, 20))]


@pytest.mark.parametrize(
    ("past", "following", "changes", "said"),
    [
        ("float32[N, 5, 2]", "float32[N]", {}, "past takes float32[N, 5, 2], and the rows of a window are 4"),
        (
            "float32[N, 4, 2]",
            "float32[N, 3]",
            {"horizon": 2},
            "next takes float32[N, 3], and the rows that follow are 2",
        ),
        ("float32[N, 4, 2]", "float32[N]", {"horizon": 2}, "next takes float32[N], and the rows that follow are 2"),
        (
            "float32[N, 4, 2]",
            "float32[N, 17]",
            {"horizon": 17},
            "begins 20 rows, and a window with what follows takes 21",
        ),
        (
            "float32[N, 4, 2]",
            "float32[N]",
            {"validation": 0.2},
            "validation gets 4 rows, and a window with its horizon",
        ),
    ],
)
def test_what_does_not_fit_is_said(
    make_spec: MakeSpec, series: Path, past: str, following: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        loaded(make_spec, series, past, following, **changes)
    assert said in str(caught.value)
