"""The page to try a model: what it is filled from, that it loads nothing, and that no model can end its script."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import nnspec
from nnspec.compiler.deployed import Deployed
from nnspec.compiler.export import compile_model
from nnspec.compiler.golden import golden_path, write_golden
from nnspec.serving.forms import form_of
from nnspec.serving.model import Model
from nnspec.serving.page import page
from nnspec.serving.settings import Limits
from tests.serving.conftest import NAMES, Running, compiled


def said(text: str) -> Any:
    """What the page knows of its models."""
    found = re.search(r'<script id="said" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_loads_nothing_and_asks_this_server_alone(server: Running) -> None:
    reply = server.get("/")
    text = reply.body.decode()
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/html")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//(?!github\.com/open-inference)""", text)
    assert "@import" not in text and "url(" not in text
    assert [model["name"] for model in said(text)["models"]] == list(NAMES)


def test_each_input_has_a_form_that_suits_it(server: Running) -> None:
    kinds = {
        model["name"]: [item["kind"] for item in model["inputs"]]
        for model in said(server.get("/").body.decode())["models"]
    }
    assert kinds == {
        "flowers": ["fields"],
        "digits": ["image"],
        "tokens": ["list", "fields"],
        "words": ["fields", "fields"],
        "half": ["fields"],
        "fixed": ["json"],
        "centred": ["json"],
    }


def test_what_is_recorded_beside_the_model_can_be_tried(tmp_path: Path) -> None:
    path = tmp_path / "flowers.onnx"
    nnspec.graph.onnx_file.save(compiled("flowers"), path)
    rows = np.arange(64, dtype=np.float32).reshape(16, 4)
    write_golden(Deployed.load(path), {"features": rows}, golden_path(path))
    form = form_of(Model.load("flowers", path, Limits()))
    assert len(form["examples"]) == 8
    assert form["examples"][1] == {"features": {"shape": [1, 4], "data": [4.0, 5.0, 6.0, 7.0]}}
    assert form["outputs"][0]["classes"] == ["setosa", "versicolor", "virginica"]
    golden_path(path).write_bytes(b"torn")
    assert form_of(Model.load("flowers", path, Limits()))["examples"] == []


def test_the_number_of_a_white_pixel() -> None:
    white = form_of(Model("digits", compiled("digits"), Limits()))["inputs"][0]["white"]
    assert white == 16  # rescale(1 / 16)


def test_no_name_of_a_class_ends_the_script() -> None:
    from tests.serving.conftest import SPECS

    wicked = "</script><script>alert(1)</script>"
    spec = nnspec.loads(SPECS["flowers"])
    model = Model("flowers", compile_model(spec, classes={"species": (wicked, "b", "c")}).onnx, Limits())
    text = page([model])
    assert wicked not in text and said(text)["models"][0]["outputs"][0]["classes"][0] == wicked
