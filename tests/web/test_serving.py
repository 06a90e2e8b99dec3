"""The page of `nnspec serve` in Chromium: examples, a drawing, fields, and what is wrong in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnspec.cli.main import main
from nnspec.compiler.deployed import Deployed
from tests.serving.test_ending import served
from tests.web.node import ROOT, node
from tests.web.test_browser import chromium

pytestmark = pytest.mark.web


def test_models_can_be_tried_by_hand(tmp_path: Path) -> None:
    for spec, name in ((ROOT / "tests/acceptance/digits_cnn.nn", "digits"), (ROOT / "specs/iris.nn", "flowers")):
        run, file = str(tmp_path / name), str(tmp_path / f"{name}.onnx")
        assert main(["train", str(spec), "--out", run, "--quiet"]) == 0
        assert main(["compile", str(spec), "--weights", run, "-o", file]) == 0
    with served(tmp_path / "digits.onnx", tmp_path / "flowers.onnx") as (_, port, _):
        found = node("serving.mjs", chromium(), f"http://127.0.0.1:{port}", tmp_path / "page.png")
    assert found["errors"] == [] and found["overflow"] == [0, 0]
    recorded = np.load(tmp_path / "digits.golden.npz")
    model = Deployed.load(tmp_path / "digits.onnx")
    (answers,) = model.run({"image": recorded["image"][:4]}).values()
    assert found["examples"] == [str(digit) for digit in answers.argmax(axis=1)]
    assert found["drawn"] == "1"
    sent = json.loads(found["request"].partition(" -d '")[2].rstrip("'"))["inputs"][0]
    assert sent["shape"] == [1, 1, 8, 8] and min(sent["data"]) == 0 and 6 < max(sent["data"]) <= 16
    assert found["labels"] == ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    assert found["problem"] == "features: nothing is no number"
