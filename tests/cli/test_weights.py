"""What eval and compile do with weights that mean something else, and with outputs that would do harm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Command

SPEC = "specs/iris.nn"
TABLE = "specs/data/iris.csv"


@pytest.fixture
def run(nnspec: Command) -> str:
    """A run of iris."""
    assert nnspec("train", SPEC, "--out", "run", "--epochs", "5", "--quiet").code == 0
    return "run"


def replace(folder: Path, path: str, old: str, new: str) -> None:
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))


def test_eval_uses_the_classes_of_the_run(nnspec: Command, run: str, folder: Path) -> None:
    before = json.loads(nnspec("eval", SPEC, "--weights", run, "--format", "json").out)
    assert before["accuracy"] > 0.8
    replace(folder, TABLE, "setosa", "zetosa")
    for weights in (run, "run/weights.safetensors"):
        renamed = nnspec("eval", SPEC, "--weights", weights)
        assert renamed.code == 1
        assert "error[E606]" in renamed.err and "is 'zetosa', which is none of the known classes" in renamed.err


def test_eval_does_not_ask_for_the_weights_that_training_started_from(nnspec: Command, run: str, folder: Path) -> None:
    shutil.copy(folder / run / "weights.safetensors", folder / "specs" / "pretrained.safetensors")
    replace(folder, SPEC, "train {", 'train {\n  init = "pretrained.safetensors"')
    assert nnspec("train", SPEC, "--out", "tuned", "--epochs", "1", "--quiet").code == 0
    before = nnspec("eval", SPEC, "--weights", "tuned", "--format", "json")
    (folder / "specs" / "pretrained.safetensors").unlink()
    after = nnspec("eval", SPEC, "--weights", "tuned", "--format", "json")
    assert before.code == after.code == 0
    assert json.loads(after.out) == json.loads(before.out)


@pytest.mark.parametrize("command", ["eval", "compile", "run"])
def test_columns_in_another_order_are_refused(nnspec: Command, run: str, folder: Path, command: str) -> None:
    replace(folder, SPEC, '"sepal_length", "sepal_width"', '"sepal_width", "sepal_length"')
    more = {"compile": ["-o", "m.onnx"], "run": ["--input", f"features={TABLE}"]}.get(command, [])
    done = nnspec(command, SPEC, "--weights", run, *more)
    assert done.code == 1 and "error[E702]" in done.err
    assert "features = ['sepal_length', 'sepal_width'" in done.err
    assert "iris feeds it with ['sepal_width', 'sepal_length'" in done.err


@pytest.mark.parametrize("command", ["eval", "compile", "run"])
def test_weights_that_are_not_there(nnspec: Command, run: str, command: str) -> None:
    more = {"compile": ["-o", "m.onnx"], "run": ["--input", f"features={TABLE}"]}.get(command, [])
    done = nnspec(command, SPEC, "--weights", "rum", *more)
    assert done.err.splitlines()[:2] == [
        "error[E707]: there is no run or weight file rum",
        "  help: did you mean run?",
    ]
    assert "specs is no run directory" in nnspec(command, SPEC, "--weights", "specs", *more).err


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (SPEC, "is a file of the spec"),
        ("specs/../specs/iris.nn", "is a file of the spec"),
        ("specs", "is a folder"),
        ("nowhere/x.onnx", "there is no folder nowhere"),
        ("iris.bin", "does not end with .onnx"),
    ],
)
def test_compile_writes_where_it_does_no_harm(nnspec: Command, folder: Path, output: str, said: str) -> None:
    before = (folder / SPEC).read_text()
    done = nnspec("compile", SPEC, "-o", output)
    assert done.code == 1 and done.err.startswith("error[E706]") and said in done.err
    assert (folder / SPEC).read_text() == before


@pytest.mark.parametrize("opset", ["16", "27"])
def test_opsets_have_a_range(nnspec: Command, opset: str) -> None:
    done = nnspec("compile", SPEC, "-o", "m.onnx", "--opset", opset)
    assert done.code == 1 and f"error[E710]: there is no model file of opset {opset}" in done.err


@pytest.mark.parametrize(
    ("output", "said"), [("sub/x.nn", "there is no folder sub"), ("x.csv", "x.csv does not end with .nn")]
)
def test_new_writes_specs_into_folders_that_exist(nnspec: Command, folder: Path, output: str, said: str) -> None:
    done = nnspec("new", "classifier", "-o", output)
    assert done.code == 1 and done.err.startswith(f"error[E706]: {said}")
    assert not (folder / output).exists()
