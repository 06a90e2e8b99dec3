"""`report.html`: one file, well-formed, complete, offline, safe."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.cli import report as command
from nnspec.cli.main import main
from nnspec.report.numbers import number
from nnspec.report.predictions import Labels, Numbers, compared, pairs
from nnspec.report.story import read_story
from nnspec.report.write import write_report
from tests.report.conftest import Page, trained

EVIL = "\"><script>alert('x')</script>&\x01"


def read(run: Path) -> Page:
    return Page((run / "report.html").read_text("utf-8"))


def test_the_numbers_are_there(iris: Path) -> None:
    page = read(iris)
    records = [json.loads(line) for line in (iris / "metrics.jsonl").read_text().splitlines()]
    best = min(records, key=lambda record: record["validation.loss"])
    for name in ("validation.loss", "validation.accuracy"):
        assert number(best[name]) in page.text
    for record in records:
        assert number(record["train.loss"]) in page.text
    assert f"epoch {best['epoch']}" in page.text
    assert "403 and 8 statistics, 1,644 bytes" in page.text
    for words in (
        "setosa",
        "versicolor",
        "virginica",
        "Confusion matrix",
        "120 rows",
        "30 rows",
        "seed 7",
        "onnxruntime",
    ):
        assert words in page.text
    assert page.text.count("best: ") == 4


def test_a_regression_is_drawn_against_the_truth(diabetes: Path) -> None:
    page = read(diabetes)
    records = [json.loads(line) for line in (diabetes / "metrics.jsonl").read_text().splitlines()]
    best = min(records, key=lambda record: record["validation.loss"])
    assert f"R² {number(best['validation.r2'])}" in page.text
    assert "Predicted against true: progression" in page.text
    assert page.text.count("planned") >= 1


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_nothing_comes_from_elsewhere(name: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(name)
    text = (run / "report.html").read_text("utf-8")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not [entry for entry in page.attributes if entry[1] in ("src", "href", "xlink:href", "srcset")]
    assert not [entry for entry in page.attributes if entry[1].startswith("on")]
    assert not re.search(r"https?:|url\(|@import", text)
    assert len(text) < 400_000
    assert "prefers-color-scheme" in text


def test_the_confusion_matrix_counts(iris: Path) -> None:
    story = read_story(iris)
    trainer = nnspec.Trainer.resume(iris)
    rows = trainer.rows("validation")
    (found,) = compared(story.spec, iris, story.facts["classes"], rows)
    assert isinstance(found, Labels)
    assert found.classes == ("setosa", "versicolor", "virginica")
    assert found.matrix.sum() == 30
    assert np.trace(found.matrix) / 30 == pytest.approx(story.history.best["validation.accuracy"])  # type: ignore[index]


def test_the_regression_is_that_of_the_best_epoch(diabetes: Path) -> None:
    story = read_story(diabetes)
    rows = nnspec.Trainer.resume(diabetes).rows("validation")
    (found,) = compared(story.spec, diabetes, {}, rows)
    assert isinstance(found, Numbers)
    assert found.r2 == pytest.approx(story.history.best["validation.r2"], rel=1e-5)  # type: ignore[index]


def test_text_of_specs_and_data_stays_text(tmp_path: Path) -> None:
    rows = "\n".join(f'{i % 7},"{name}"' for i in range(20) for name in ("<u>one", "</svg><script>alert(1)</script>"))
    (tmp_path / "d.csv").write_text(f"x,<i>y\n{rows}\n")
    (tmp_path / "m.nn").write_text(
        "nnspec 1\n# <script>alert(2)</script> </style></pre>\nmodel m {\n  input x: float32[N]\n"
        '  z = x -> unsqueeze(1) -> dense(2)\n}\ndata {\n  train = csv("d.csv")\n  validation = 0.5\n'
        '  x = "x"\n  y = "<i>y"\n}\ntrain {\n  target y: label[N]\n  loss = cross_entropy(z, y)\n  optimizer = adam\n'
        "  epochs = 2\n}\n"
    )
    assert main(["train", str(tmp_path / "m.nn"), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    page = read(tmp_path / "run")
    assert not {"script", "u", "i"} & set(page.tags)
    assert page.tags.count("style") == 1
    assert "alert(2)" in page.text
    assert "</svg><script>alert(1)</script>" in page.text


def test_odd_facts_stay_text(iris: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    facts = json.loads((run / "run.json").read_text())
    facts |= {"seed": EVIL, "versions": {EVIL: EVIL}, "classes": {"species": [EVIL, "\ud800", "c" * 5000]}}
    (run / "run.json").write_text(json.dumps(facts))
    record = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    (run / "metrics.jsonl").write_text(json.dumps(record | {f"train.{EVIL}": 1.0, EVIL: 2.0}) + "\n")
    page = Page(write_report(run).read_text("utf-8"))
    assert "script" not in page.tags
    assert "data could not be read" in page.text


def test_a_run_without_its_data_has_a_report(iris: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"folder": str(tmp_path / "gone")}))
    page = Page(write_report(run).read_text("utf-8"))
    assert "The data could not be read" in page.text
    assert "Curves" in page.text
    assert "Confusion matrix" not in page.text


def test_records_that_are_not_finite(iris: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    records[3] |= {"validation.loss": None, "gradient_norm_max": None}
    records[-1] |= {"train.loss": None}
    (run / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert "not finite" in Page(write_report(run).read_text("utf-8")).text


def test_a_run_before_its_first_epoch(iris: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    for name in ("metrics.jsonl", "times.jsonl", "weights.safetensors"):
        (run / name).unlink()
    assert "No epoch is done yet" in Page(write_report(run).read_text("utf-8")).text


def test_a_resumed_run_is_one_run(tmp_path: Path) -> None:
    run = trained(tmp_path, "iris", "--epochs", "3")
    spec = str(tmp_path / "specs" / "iris.nn")
    assert main(["train", spec, "--out", str(run), "--epochs", "5", "--resume", "--quiet"]) == 0
    page = read(run)
    assert "Trained for 5 epochs" in page.text
    assert [json.loads(line)["epoch"] for line in (run / "times.jsonl").read_text().splitlines()] == [1, 2, 3, 4, 5]


def test_the_command_writes_it_again(iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert read(run).tags
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert "error[E707]" in capsys.readouterr().err


def test_a_failure_to_draw_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nnspec.report.write.page", lambda *_: 1 / 0)
    run = trained(tmp_path, "iris", "--epochs", "1")
    assert "warning: the report could not be written: division by zero" in capsys.readouterr().err
    assert (run / "model.onnx").exists()
    monkeypatch.undo()
    command.try_report(run)
    assert capsys.readouterr().out == f"report   {run / 'report.html'}\n"


PICTURED = [
    ("input x: float32[N, 4]\n  z = dense(1)", "target y: float32[N, 1]", "binary_cross_entropy(z, y)", "yes_or_no"),
    ("input x: float32[N, 4]\n  z = dense(3)", "target y: float32[N, 3]", "mse(z, y)", "numbers"),
    ("input x: float32[N, 5, 4]\n  z = dense(3)", "target y: label[N, 5]", "cross_entropy(z, y)", "classes"),
    ("input x: float32[N, 4]\n  z = dense(4)", "target y: int64[N]", "2 * cross_entropy(z, y)", "classes"),
    ("input x: float32[N, 4]\n  z = dense(4)", "", "mse(z, x)", None),
]


@pytest.mark.parametrize(("model", "target", "loss", "kind"), PICTURED)
def test_what_can_be_pictured(tmp_path: Path, model: str, target: str, loss: str, kind: str | None) -> None:
    spec = nnspec.loads(
        f"nnspec 1\nmodel m {{\n  {model}\n}}\ndata {{\n  train = synthetic(40)\n  validation = synthetic(24)\n}}\n"
        f"train {{\n  {target}\n  loss = {loss}\n  optimizer = adam\n  epochs = 1\n}}\n"
    )
    assert [pair.kind for pair in pairs(spec)] == ([kind] if kind else [])
    nnspec.Trainer(spec).fit(run=tmp_path / "run")
    page = Page(write_report(tmp_path / "run").read_text("utf-8"))
    assert "could not" not in page.text
    assert ("Predictions" in page.text) == (kind is not None)


def test_many_classes_are_a_list_of_mistakes(tmp_path: Path) -> None:
    spec = nnspec.loads(
        "nnspec 1\nmodel m {\n  input x: float32[N, 4]\n  z = dense(64)\n}\ndata {\n  train = synthetic(80)\n"
        "  validation = synthetic(80)\n}\n"
        "train {\n  target y: int64[N]\n  loss = cross_entropy(z, y)\n  optimizer = adam\n  epochs = 1\n}\n"
    )
    nnspec.Trainer(spec).fit(run=tmp_path / "run")
    text = write_report(tmp_path / "run").read_text("utf-8")
    assert "times" in Page(text).text
    assert len(text) < 200_000
