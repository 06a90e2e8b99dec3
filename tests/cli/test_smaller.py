"""`compile --precision float16` and `--quantize int8`: measured before and after, and refused where they lose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest

from tests.cli.conftest import Command

SPEC = "specs/iris.nn"


@pytest.fixture
def run(nnspec: Command) -> str:
    assert nnspec("train", SPEC, "--out", "run", "--epochs", "10", "--quiet").code == 0
    return "run"


@pytest.mark.parametrize(
    "options, form",
    [
        (["--precision", "float16"], "float16"),
        (["--quantize", "int8"], "int8-dynamic"),
        (["--quantize", "int8-static"], "int8-static"),
    ],
)
def test_it_says_what_it_costs(nnspec: Command, run: str, folder: Path, options: list[str], form: str) -> None:
    before = json.loads(nnspec("eval", SPEC, "--weights", run, "--format", "json").out)
    done = nnspec("compile", SPEC, "--weights", run, "-o", "m.onnx", *options, "--max-drop", "0.05")
    assert done.code == 0, done.err
    assert f"metric   validation.accuracy {before['accuracy']:.6g} in float32" in done.out and form in done.out
    said = {entry.key: entry.value for entry in onnx.load(folder / "m.onnx").metadata_props}
    measured = json.loads(said["nnspec.smaller"])
    assert measured["form"] == form and measured["rows"] == 30
    assert measured["before"]["loss"] == pytest.approx(before["loss"], rel=1e-5)
    assert measured["after"]["loss"] == pytest.approx(before["loss"], rel=0.2)
    assert [output.name for output in onnx.load(folder / "m.onnx").graph.output] == ["probability"]
    assert nnspec("verify", "m.onnx", "m.golden.npz").code == 0
    assert nnspec("show", "m.onnx").code == 0


def test_a_file_that_loses_too_much_is_not_written(nnspec: Command, run: str, folder: Path) -> None:
    asked = ["compile", SPEC, "--weights", run, "-o", "m.onnx", "--quantize", "int8"]
    done = nnspec(*asked, "--max-drop", "-1")
    assert done.code == 1 and "error[E722]: validation.accuracy is" in done.err
    assert not (folder / "m.onnx").exists() and not (folder / "m.golden.npz").exists()
    shutil.rmtree(folder / "specs" / "data")
    assert "error[E722]: iris cannot be measured" in nnspec(*asked, "--max-drop", "1").err
    done = nnspec(*asked)
    assert done.code == 0 and "metric   not measured" in done.out


def test_options_that_exclude_each_other(nnspec: Command, run: str) -> None:
    asked = ["compile", SPEC, "--weights", run, "-o", "m.onnx"]
    assert "error[E721]" in nnspec(*asked, "--quantize", "int8", "--precision", "float16").err
    assert "error[E722]: --max-drop is for" in nnspec(*asked, "--max-drop", "1").err
