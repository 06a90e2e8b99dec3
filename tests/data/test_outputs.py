"""What `nnspec run` writes."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnspec.data.io import write_outputs
from nnspec.diagnostics.errors import Fault


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


PROBABILITY = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], np.float32)
NAMES = {"probability": ("setosa", "versicolor", "class")}


def test_csv_names_classes() -> None:
    write_outputs({"probability": PROBABILITY, "score": np.array([1.5, 2], np.float32)}, "out.csv", NAMES)
    assert Path("out.csv").read_text().splitlines() == [
        "probability.setosa,probability.versicolor,probability.class,probability.class_,score",
        "0.1,0.7,0.2,versicolor,1.5",
        "0.5,0.25,0.25,setosa,2.0",
    ]


def test_csv_numbers_what_has_no_name() -> None:
    write_outputs(
        {"y": np.arange(4).reshape(1, 2, 2), "ok": np.array([True]), "t": np.array(["a,b"], object)}, "out.csv"
    )
    assert Path("out.csv").read_text() == 'y_0_0,y_0_1,y_1_0,y_1_1,ok,t\n0,1,2,3,true,"a,b"\n'


def test_json_rows() -> None:
    write_outputs({"probability": PROBABILITY[:1], "n": np.array([np.nan])}, "out.json", {"probability": (0, 1, 2)})
    assert json.loads(Path("out.json").read_text()) == [
        {"probability": [0.1, 0.7, 0.2], "probability.class": 1, "n": None}
    ]


def test_npz_keeps_arrays_and_classes() -> None:
    write_outputs({"probability": PROBABILITY, "file": np.array(3)}, "out.npz", NAMES)
    with np.load("out.npz") as found:
        np.testing.assert_array_equal(found["probability"], PROBABILITY)
        assert found["probability.class"].tolist() == ["versicolor", "setosa"]
        assert found["probability.classes"].tolist() == list(NAMES["probability"])
        assert found["file"] == 3


@pytest.mark.parametrize(
    ("outputs", "path", "message"),
    [
        ({"y": np.ones(2)}, "out.txt", "results cannot be written as 'txt'"),
        ({"y": np.ones(2)}, "out", "results cannot be written as a file whose name has no ending"),
        ({"y": np.ones(2), "z": np.ones((3, 1))}, "out.csv", "the outputs have no rows in common: y [2], z [3, 1]"),
        ({"y": np.array(1)}, "out.json", "the outputs have no rows in common: y []"),
        ({"y": np.ones(2)}, "no/out.csv", "no/out.csv cannot be written: No such file or directory"),
    ],
)
def test_outputs_that_cannot_be_written(outputs: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        write_outputs(outputs, path)
    assert (caught.value.code, caught.value.message) == ("E610", message)


def test_an_old_file_survives_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.csv").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Fault, match=r"out\.csv cannot be written: No space left on device"):
        write_outputs({"y": np.ones(2)}, "out.csv")
    assert Path("out.csv").read_text() == "old"
    assert [entry.name for entry in Path().iterdir()] == ["out.csv"]


def test_a_written_table_is_a_table() -> None:
    write_outputs({"p": PROBABILITY}, "out.csv", {"p": ('say "x"', "a,b", "c")})
    with Path("out.csv").open(newline="") as stream:
        assert next(csv.reader(stream)) == ['p.say "x"', "p.a,b", "p.c", "p.class"]


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_outputs({"y": np.array([1, 2])})
    assert capfdbinary.readouterr().out == b"y\n1\n2\n"
