"""`compile --layout triton`: read by the schema that Triton's own client brings, and the model in it answers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient
from google.protobuf import json_format, text_format

from nnspec.compiler.deployed import Deployed
from nnspec.serving.model import Model
from nnspec.serving.settings import Limits
from nnspec.serving.triton import config_of, text
from tests.cli.conftest import Command, folder, nnspec
from tests.serving.conftest import NAMES, Running, compiled

__all__ = ["folder", "nnspec"]  # fixtures of the command line


@pytest.fixture(scope="module")
def schema() -> Any:
    """Triton's ModelConfig message."""
    path = Path(tritonclient.__path__[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ModelConfig


@pytest.mark.parametrize("name", NAMES)
def test_the_configuration_is_one_of_triton_s(schema: Any, server: Running, name: str) -> None:
    model = server.service.models[name]
    found = text_format.Parse(text(config_of(model)), schema())
    assert found == json_format.ParseDict(server.get(f"/v2/models/{name}/config").json, schema())
    assert found.max_batch_size == (32 if model.batch else 0) and found.HasField("dynamic_batching") == bool(
        model.batch
    )
    assert [item.name for item in found.input] == list(model.inputs)
    assert [item.name for item in found.output] == list(model.outputs)


def test_the_first_axis_is_the_batch_and_no_tensor_is_without_axes(schema: Any) -> None:
    found = text_format.Parse(text(config_of(Model("tokens", compiled("tokens"), Limits()))), schema())
    ids, scale = found.input
    assert (list(ids.dims), ids.data_type, ids.HasField("reshape")) == ([-1], 9, False)
    assert (list(scale.dims), list(scale.reshape.shape), scale.HasField("reshape")) == ([1], [], True)
    found = text_format.Parse(text(config_of(Model("fixed", compiled("fixed"), Limits()))), schema())
    assert (found.max_batch_size, list(found.input[0].dims)) == (0, [2, 3])


def test_a_repository(nnspec: Command, folder: Path, schema: Any) -> None:
    assert nnspec("train", "specs/iris.nn", "--out", "run", "--epochs", "1").code == 0
    done = nnspec("compile", "specs/iris.nn", "--weights", "run", "-o", "models", "--layout", "triton")
    assert done.code == 0, done.err
    assert "models/iris: species.txt, config.pbtxt; batches of up to 32" in done.out
    assert sorted(str(p.relative_to("models")) for p in Path("models").rglob("*") if p.is_file()) == [
        "iris/1/model.golden.npz",
        "iris/1/model.onnx",
        "iris/config.pbtxt",
        "iris/species.txt",
    ]
    assert Path("models/iris/species.txt").read_text() == "setosa\nversicolor\nvirginica\n"
    found = text_format.Parse(Path("models/iris/config.pbtxt").read_text(), schema())
    assert (found.name, found.backend, found.output[0].label_filename) == ("iris", "onnxruntime", "species.txt")
    row = {"features": np.array([[5.1, 3.5, 1.4, 0.2]], np.float32)}
    wanted = Deployed.load("run/model.onnx").run(row)["probability"]
    np.testing.assert_array_equal(Deployed.load("models/iris/1/model.onnx").run(row)["probability"], wanted)
    done = nnspec("compile", "specs/iris.nn", "-o", "iris.onnx", "--layout", "triton")
    assert done.code == 1 and "error[E706]: iris.onnx is no folder, and a model repository is one" in done.err
