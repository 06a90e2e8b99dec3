"""`nnspec run`: models, inputs and outputs as they are given on the command line."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command

WORDS = """nnspec 1
model words {
  input word: int64[N]
  input pair: int64[N, 2]
  output y = (word -> embedding(4, 2)) + (pair -> embedding(3, 2) -> mean(axis = 1))
}
"""


@pytest.fixture
def model(nnspec: Command) -> str:
    assert nnspec("compile", "specs/iris.nn", "-o", "iris.onnx").code == 0
    return "iris.onnx"


def test_a_run_directory_is_no_model(nnspec: Command, folder: Path) -> None:
    nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1", "--quiet")
    asked = ("run", "run", "--input", "features=specs/data/iris.csv")
    assert nnspec(*asked).err.splitlines()[:2] == [
        "error[E707]: run is a run directory",
        f"  help: its model is {Path('run/model.onnx')}",
    ]
    (folder / "run" / "model.onnx").unlink()
    assert "give its spec, with --weights run" in nnspec(*asked).err
    assert "specs is a folder" in nnspec("run", "specs", "--input", "features=x.csv").err


def test_a_missing_file_is_not_looked_for_below_data(nnspec: Command, model: str) -> None:
    done = nnspec("run", model, "--input", "features=nowhere/x.csv")
    assert "error[E601]: there is no file nowhere/x.csv" in done.err
    assert "--data" not in done.err
    assert "--data" not in nnspec("run", model, "--input", "features=x.csv").err


def test_arrays_on_standard_input(nnspec: Command, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.save("x.npy", x)
    np.savez("x.npz", features=x)
    outputs = set()
    for name in ("x.npy", "x.npz"):
        outputs.add(nnspec("run", model, "--input", f"features={name}").out)
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(Path(name).read_bytes())))
        outputs.add(nnspec("run", model, "--input", "features=-").out)
    assert len(outputs) == 1 and outputs.pop().count("\n") == 3


def test_o_is_output(nnspec: Command, model: str, folder: Path) -> None:
    assert nnspec("run", model, "--input", "features=specs/data/iris.csv", "-o", "y.csv").code == 0
    assert len((folder / "y.csv").read_text().splitlines()) == 151


def test_semicolons_are_named(nnspec: Command, model: str, folder: Path) -> None:
    table = (folder / "specs/data/iris.csv").read_text().replace(",", ";")
    (folder / "x.csv").write_text(table)
    done = nnspec("run", model, "--input", "features=x.csv")
    assert "the names are separated by semicolons" in done.err and "a .csv file is separated by commas" in done.err


@pytest.mark.parametrize("bad", [4, -1])
def test_ids_that_an_embedding_does_not_have(nnspec: Command, folder: Path, bad: int) -> None:
    (folder / "words.nn").write_text(WORDS)
    nnspec("compile", "words.nn", "-o", "words.onnx")
    (folder / "pair.csv").write_text("a,b\n0,1\n2,2\n")
    (folder / "word.csv").write_text(f"word\n3\n{bad}\n")
    done = nnspec("run", "words.onnx", "--input", "word=word.csv", "--input", "pair=pair.csv")
    assert done.code == 1
    assert f"error[E611]: word.csv, line 3: word holds {bad}, and the embedding has the ids 0 to 3" in done.err
    (folder / "word.csv").write_text("word\n3\n0\n")
    assert nnspec("run", "words.onnx", "--input", "word=word.csv", "--input", "pair=pair.csv").code == 0
