"""A newcomer's path: check, train, eval, compile, run; and the file without nnspec."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnspec.cli.new import STARTERS
from nnspec.cli.settings import literal
from tests.cli.conftest import Command, Done

ALONE = """
import json, sys
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("iris.onnx")
rows = np.array(json.loads(sys.argv[1]), dtype=np.float32)
result = session.run(["probability"], {"features": rows})[0]
assert "nnspec" not in sys.modules
print(json.dumps([[float(x) for x in row] for row in result]))
"""


def test_from_spec_to_class_names(nnspec: Command, folder: Path) -> None:
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--seed", "1").code == 0
    expected = {"spec.nn", "weights.safetensors", "model.onnx", "metrics.jsonl", "checkpoints", "run.json"}
    assert expected <= {path.name for path in (folder / "run").iterdir()}

    measured = json.loads(nnspec("eval", "specs/iris.nn", "--weights", "run", "--format", "json").out)
    records = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    assert measured["loss"] == pytest.approx(min(record["validation.loss"] for record in records), rel=1e-6)

    compiled = nnspec("compile", "specs/iris.nn", "--weights", "run", "-o", "iris.onnx")
    assert compiled.code == 0
    assert compiled.out.endswith("opset 21, verified\n")

    done = nnspec("run", "iris.onnx", "--input", "features=specs/data/iris.csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    table = (folder / "specs/data/iris.csv").read_text().splitlines()
    truth = [row["species"] for row in csv.DictReader(table)]
    assert len(rows) == 150
    assert np.mean([row["probability.class"] == species for row, species in zip(rows, truth, strict=True)]) >= 0.9


def test_the_file_needs_onnxruntime_alone(nnspec: Command, folder: Path) -> None:
    nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "2", "--quiet")
    nnspec("compile", "specs/iris.nn", "--weights", "run", "-o", "iris.onnx")
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 3.0, 4.2, 1.5]]
    (folder / "rows.json").write_text(json.dumps(rows))
    ours = json.loads(nnspec("run", "iris.onnx", "--input", "features=rows.json", "--format", "json").out)
    alone = subprocess.run([sys.executable, "-c", ALONE, json.dumps(rows)], capture_output=True, text=True, check=True)
    assert np.array([row["probability"] for row in ours]) == pytest.approx(np.array(json.loads(alone.stdout)), rel=1e-6)


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_iris_reaches_its_accuracy(nnspec: Command, seed: str) -> None:
    nnspec("train", "specs/iris.nn", "--out", "run", "--seed", seed, "--quiet")
    measured = json.loads(nnspec("eval", "specs/iris.nn", "--weights", "run", "--format", "json").out)
    assert measured["accuracy"] >= 0.9


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_diabetes_learns(nnspec: Command, seed: str) -> None:
    nnspec("train", "specs/diabetes.nn", "--out", "run", "--seed", seed, "--quiet")
    measured = json.loads(nnspec("eval", "specs/diabetes.nn", "--weights", "run", "--format", "json").out)
    assert measured["r2"] >= 0.3


def test_a_run_is_not_overwritten_by_accident(nnspec: Command) -> None:
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1").code == 0
    again = nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1")
    assert (again.code, again.err.splitlines()[0]) == (1, "error[E714]: run holds a run already")
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1", "--overwrite").code == 0


def test_overwriting_removes_the_run_alone(nnspec: Command, folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "thesis.txt").write_text("mine")
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1").code == 0
    weights = (folder / "run" / "weights.safetensors").read_bytes()

    text = (folder / "specs/iris.nn").read_text()
    (folder / "specs/iris.nn").write_text(text.replace("petal_width", "petal_widht"))
    assert "error[E602]" in nnspec("train", "specs/iris.nn", "--out", "run", "--overwrite").err
    assert (folder / "run" / "weights.safetensors").read_bytes() == weights

    (folder / "specs/iris.nn").write_text(text)
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "2", "--seed", "9", "--overwrite").code == 0
    assert (folder / "run" / "weights.safetensors").read_bytes() != weights
    assert (folder / "run" / "thesis.txt").read_text() == "mine"


def test_files_of_others_are_not_replaced(nnspec: Command, folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "model.onnx").write_text("mine")
    assert "error[E714]: own is no run, and holds model.onnx" in nnspec("train", "specs/iris.nn", "--out", "own").err
    assert (folder / "own" / "model.onnx").read_text() == "mine"


@pytest.mark.parametrize("content", ["[1]", "{}", None])
def test_a_folder_that_is_no_run(nnspec: Command, folder: Path, content: str | None) -> None:
    (folder / "nowhere").mkdir()
    if content:
        (folder / "nowhere" / "run.json").write_text(content)
    done = nnspec("report", "nowhere")
    assert done.code == 1
    assert ("nowhere/run.json is damaged" if content else "nowhere is no run directory") in done.err


def test_resume_goes_on(nnspec: Command, folder: Path) -> None:
    nnspec("train", "specs/iris.nn", "--out", "whole", "--epochs", "6", "--quiet")
    nnspec("train", "specs/iris.nn", "--out", "parts", "--epochs", "3", "--quiet")
    nnspec("train", "specs/iris.nn", "--out", "parts", "--epochs", "6", "--resume", "--quiet")
    for name in ("weights.safetensors", "metrics.jsonl"):
        assert (folder / "whole" / name).read_bytes() == (folder / "parts" / name).read_bytes()


@pytest.mark.parametrize("kind", STARTERS)
def test_a_starter_trains_as_it_stands(nnspec: Command, folder: Path, kind: str) -> None:
    assert nnspec("new", kind).code == 0
    assert nnspec("check", f"{kind}.nn").code == 0
    done = nnspec("train", f"{kind}.nn", "--out", "run")
    assert done.code == 0
    records = [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
    assert records[-1]["validation.loss"] < 0.6 * records[0]["validation.loss"]
    assert nnspec("new", kind).code == 1


def test_errors_have_codes(nnspec: Command, folder: Path) -> None:
    assert "error[E601]" in nnspec("train", "specs/iris.nn", "--out", "run", "--data", "nowhere").err
    assert "error[E610]" in nnspec("run", "specs/iris.nn", "--input", "features=x.csv").err
    assert "error[E707]" in nnspec("run", "missing.onnx", "--input", "features=x.csv").err
    (folder / "bad.onnx").write_bytes(b"no model")
    assert "error[E731]" in nnspec("run", "bad.onnx", "--input", "features=specs/data/iris.csv").err
    assert nnspec("eval", "specs/iris.nn", "--weights", "nowhere").code == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-3", 1e-3),
        ("true", True),
        ("none", None),
        ('"3"', "3"),
        ("same", "same"),
        ("[1, 2]", (1, 2)),
        ("[]", ()),
        ("1_000", 1000),
    ],
)
def test_set_reads_literals(text: str, value: object) -> None:
    assert literal(text) == value


def train(nnspec: Command, *more: str) -> Done:
    return nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "2", "--quiet", *more)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("adamw(lr = 0.01", "adamw(lr = 0.02", "train.optimizer"),
        ("epochs     = 60", "epochs     = 70", "train.epochs"),
        ("dense(hidden)", "dense(hidden + 1)", "the model"),
        ("validation = 0.2", "validation = 0.3", "data.validation"),
        ("hidden = 16", "hidden = 12", "the default of hidden"),
    ],
)
def test_a_changed_spec_is_not_gone_on_with(nnspec: Command, folder: Path, old: str, new: str, changed: str) -> None:
    train(nnspec)
    spec = folder / "specs/iris.nn"
    assert old in spec.read_text()
    spec.write_text(spec.read_text().replace(old, new))
    done = train(nnspec, "--resume")
    assert done.code == 1 and "error[E714]" in done.err and f"started with: {changed} changed" in done.err


def test_a_changed_default_is_none_for_a_run_that_did_not_take_it(nnspec: Command, folder: Path) -> None:
    train(nnspec, "--set", "hidden=8")
    spec = folder / "specs/iris.nn"
    spec.write_text(spec.read_text().replace("hidden = 16", "hidden = 12"))
    assert train(nnspec, "--resume").code == 0


def test_a_run_of_another_model(nnspec: Command, folder: Path) -> None:
    train(nnspec)
    spec = folder / "specs/iris.nn"
    spec.write_text(spec.read_text().replace("hidden", "units"))
    said = "error[E702]: run is a run of another model: specs/iris.nn has no parameter hidden"
    assert nnspec("eval", "specs/iris.nn", "--weights", "run").err.startswith(said)
    assert "error[E307]" in nnspec("eval", "specs/iris.nn", "--weights", "run", "--set", "depth=2").err


def test_a_moved_or_commented_line_changes_nothing(nnspec: Command, folder: Path) -> None:
    train(nnspec)
    spec = folder / "specs/iris.nn"
    spec.write_text(spec.read_text().replace("model iris", "\n# more\n\nmodel iris"))
    assert train(nnspec, "--resume").code == 0


def test_another_seed_is_another_run(nnspec: Command) -> None:
    train(nnspec)
    assert "the seed changed" in train(nnspec, "--resume", "--seed", "99").err


def test_a_run_that_was_killed_before_it_was_one_begins_anew(nnspec: Command, folder: Path) -> None:
    assert "error[E707]" in train(nnspec, "--resume").err
    (folder / "run/checkpoints").mkdir(parents=True)
    done = train(nnspec, "--resume")
    assert done.code == 0 and done.err == "run holds no run yet: beginning it\n"


def test_a_damaged_checkpoint_is_a_line(nnspec: Command, folder: Path) -> None:
    train(nnspec)
    newest = max((folder / "run/checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    done = train(nnspec, "--resume")
    assert done.code == 0
    assert done.err.startswith(
        f"warning: refused run/checkpoints/{newest.name}: its content does not match its SHA-256"
    )


@pytest.mark.parametrize("text", ["0", "-3", "often", "1d", ""])
def test_how_often_to_save_is_a_number_or_a_time(nnspec: Command, text: str) -> None:
    done = train(nnspec, f"--checkpoint-every={text}")
    assert done.code == 2 and "is neither a number of steps (100) nor a time" in done.err


def test_names_in_another_order_than_the_classes_are_warned_of(nnspec: Command, folder: Path) -> None:
    spec = folder / "specs/iris.nn"
    names = (
        'output probability = logits -> softmax\n  output answer = logits -> argmax -> lookup(["{}"], invert = true)'
    )
    text, right = spec.read_text(), '", "'.join(("setosa", "versicolor", "virginica"))
    spec.write_text(text.replace("output probability = logits -> softmax", names.format(right)))
    assert train(nnspec).err == ""
    spec.write_text(spec.read_text().replace(right, '", "'.join(("setosa", "virginica", "versicolor"))))
    said = "warning: lookup_1: entry 1 is 'virginica', and class 1 of species is 'versicolor'"
    assert train(nnspec, "--overwrite").err.count(said) == 1
    assert nnspec("compile", "specs/iris.nn", "--weights", "run", "-o", "iris.onnx").err.startswith(said)
