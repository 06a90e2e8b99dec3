"""Every path of the Open Inference Protocol, and every form of a tensor."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.serving.model import Model
from nnspec.serving.settings import Limits
from tests.serving.conftest import NAMES, SPECS, Running, flowers, tensor


def test_the_server_and_its_models_say_what_they_are(server: Running) -> None:
    assert server.get("/v2").json["name"] == "nnspec"
    assert "binary_tensor_data" in server.get("/v2/").json["extensions"]
    assert server.get("/v2/health/live").json == {"live": True}
    assert server.get("/v2/health/ready").json == {"ready": True}
    assert server.get("/v2/models").json == {"models": list(NAMES)}
    index = server.ask("POST", "/v2/repository/index", {}).json
    assert {"name": "flowers", "version": "1", "state": "READY"} in index
    for path in ("/v2/models/flowers", "/v2/models/flowers/versions/1"):
        assert server.get(f"{path}/ready").json == {"name": "flowers", "ready": True}
        assert server.get(path).json == {
            "name": "flowers",
            "versions": ["1"],
            "platform": "onnx_onnxv1",
            "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "probability", "datatype": "FP32", "shape": [-1, 3]}],
        }


def test_an_answer_is_what_the_model_computes(server: Running) -> None:
    rows = [[5.1, 3.5, 1.4, 0.2], [6, 3, 5, 2]]
    model = nnspec.compile(nnspec.loads(SPECS["flowers"]))
    wanted = model.run({"features": rows})["probability"]
    reply = server.infer("flowers", {"id": "a", **flowers(rows)})
    assert reply.status == 200 and reply.headers["content-type"] == "application/json"
    (output,) = reply.json.pop("outputs")
    assert output | {"data": 0} == {"name": "probability", "datatype": "FP32", "shape": [2, 3], "data": 0}
    assert {k: v for k, v in reply.json.items() if k != "outputs"} == {
        "model_name": "flowers",
        "model_version": "1",
        "id": "a",
    }
    np.testing.assert_array_equal(np.array(output["data"], np.float32).reshape(2, 3), wanted)


@pytest.mark.parametrize("data", [[5.1, 3.5, 1.4, 0.2], [[5.1, 3.5, 1.4, 0.2]]])
def test_data_may_be_nested(server: Running, data: Any) -> None:
    item = tensor("features", [[0, 0, 0, 0]]) | {"data": data}
    assert (
        server.infer("flowers", {"inputs": [item]}).json["outputs"]
        == (server.infer("flowers", flowers()).json["outputs"])
    )


def binary(server: Running, model: str, inputs: list[tuple[str, Any, str, bytes]], **more: Any) -> dict[str, Any]:
    """Ask with binary tensors, and for binary ones: the raw bytes of the outputs, by name."""
    said = [
        {"name": name, "shape": shape, "datatype": kind, "parameters": {"binary_data_size": len(content)}}
        for name, shape, kind, content in inputs
    ]
    head = json.dumps({"inputs": said, "parameters": {"binary_data_output": True}, **more}).encode()
    body = head + b"".join(content for *_, content in inputs)
    reply = server.infer(model, body, {"Inference-Header-Content-Length": str(len(head))})
    assert reply.status == 200, reply.body
    length = int(reply.headers["inference-header-content-length"])
    found, rest = {}, reply.body[length:]
    for output in json.loads(reply.body[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]], rest = (output["datatype"], output["shape"], rest[:size]), rest[size:]
    assert not rest and reply.headers["content-type"] == "application/octet-stream"
    return found


def test_binary_tensors(server: Running) -> None:
    x = np.array([[5.1, 3.5, 1.4, 0.2]], np.float32)
    kind, shape, content = binary(server, "flowers", [("features", [1, 4], "FP32", x.tobytes())])["probability"]
    assert (kind, shape) == ("FP32", [1, 3])
    as_json = server.infer("flowers", flowers()).json["outputs"][0]["data"]
    np.testing.assert_array_equal(np.frombuffer(content, np.float32), np.array(as_json, np.float32))


def test_half_precision_comes_in_json_and_in_bytes(server: Running) -> None:
    x = np.array([[0.1, 2, 30000]], np.float16)
    _, _, content = binary(server, "half", [("x", [1, 3], "FP16", x.tobytes())])["y"]
    np.testing.assert_array_equal(np.frombuffer(content, np.float16), (x * 2)[0])
    reply = server.infer("half", {"inputs": [tensor("x", [[0.1, 2, 3]], "FP16")]})
    assert reply.json["outputs"][0]["data"] == [0.2, 4.0, 6.0]


def test_what_is_no_number_is_null_in_json(server: Running) -> None:
    reply = server.infer("half", {"inputs": [tensor("x", [[40000, 1, -40000]], "FP16")]})
    assert reply.json["outputs"][0]["data"] == [None, 2.0, None]
    x = np.array([[np.nan, 1, 2]], np.float16)
    _, _, content = binary(server, "half", [("x", [1, 3], "FP16", x.tobytes())])["y"]
    assert np.isnan(np.frombuffer(content, np.float16)[0])


def test_strings_and_truth_values(server: Running) -> None:
    inputs = [
        {"name": "word", "shape": [3], "datatype": "BYTES", "data": ["green", "Ü", ""]},
        {"name": "flag", "shape": [3, 2], "datatype": "BOOL", "data": [True, False, True, True, False, False]},
    ]
    found = {item["name"]: item for item in server.infer("words", {"inputs": inputs}).json["outputs"]}
    assert found["index"]["data"] == [1, 3, 3]
    assert found["same"] == {"name": "same", "datatype": "BYTES", "shape": [3], "data": ["green", "Ü", ""]}
    assert found["turned"]["data"] == [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert found["flags"]["data"] == [True, False, True, True, False, False]
    word = b"\x03\0\0\0red" + b"\x02\0\0\0" + "Ü".encode()
    raw = binary(server, "words", [("word", [2], "BYTES", word), ("flag", [2, 2], "BOOL", b"\1\0\0\1")])
    assert np.frombuffer(raw["index"][2], np.int64).tolist() == [0, 3]
    assert raw["same"][2] == word and raw["flags"] == ("BOOL", [2, 2], b"\1\0\0\1")


def test_only_the_outputs_that_are_asked_for_each_in_its_form(server: Running) -> None:
    body = {
        "inputs": [tensor("ids", [[1, 2], [3, 4]], "INT64"), tensor("scale", [1.5, 2])],
        "outputs": [{"name": "scaled"}, {"name": "kept", "parameters": {"binary_data": True}}],
    }
    reply = server.infer("tokens", body)
    length = int(reply.headers["inference-header-content-length"])
    scaled, kept = json.loads(reply.body[:length])["outputs"]
    assert scaled == {"name": "scaled", "datatype": "FP32", "shape": [2], "data": [3.0, 4.0]}
    assert kept == {"name": "kept", "datatype": "INT64", "shape": [2, 2], "parameters": {"binary_data_size": 32}}
    assert np.frombuffer(reply.body[length:], np.int64).tolist() == [1, 2, 3, 4]


def test_classification_names_the_likeliest(server: Running) -> None:
    (plain,) = server.infer("flowers", flowers()).json["outputs"]
    body = flowers() | {"outputs": [{"name": "probability", "parameters": {"classification": 2}}]}
    (output,) = server.infer("flowers", body).json["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, 2])
    order = np.argsort(plain["data"])[::-1][:2]
    names = ("setosa", "versicolor", "virginica")
    assert output["data"] == [f"{plain['data'][i]}:{i}:{names[i]}" for i in order]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_packed_bodies(server: Running, encoding: str) -> None:
    content = json.dumps(flowers()).encode()
    packed = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    reply = server.infer("flowers", packed, {"Content-Encoding": encoding})
    assert reply.json["outputs"] == server.infer("flowers", flowers()).json["outputs"]


def test_a_model_of_one_size(server: Running) -> None:
    reply = server.infer("fixed", {"inputs": [tensor("x", np.ones((2, 3)), "FP64")]})
    assert reply.json["outputs"] == [{"name": "y", "datatype": "FP64", "shape": [2, 3], "data": [2.0] * 6}]


def test_triton_s_own_client_talks_to_it(server: Running) -> None:
    from tritonclient import http

    client = http.InferenceServerClient(f"127.0.0.1:{server.port}")
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("flowers", "1")
    assert not client.is_model_ready("roses")
    assert client.get_server_metadata()["name"] == "nnspec"
    assert client.get_model_metadata("flowers")["inputs"][0]["shape"] == [-1, 4]
    assert client.get_model_config("flowers")["max_batch_size"] == 32
    assert {"name": "half", "version": "1", "state": "READY"} in client.get_model_repository_index()
    x = np.array([[5.1, 3.5, 1.4, 0.2]] * 2, np.float32)
    wanted = np.array(server.infer("flowers", flowers(x.tolist())).json["outputs"][0]["data"], np.float32)
    for is_binary in (True, False):
        given, asked = http.InferInput("features", [2, 4], "FP32"), http.InferRequestedOutput("probability", is_binary)
        given.set_data_from_numpy(x, binary_data=is_binary)
        for packing in (None, "gzip", "deflate"):
            found = client.infer("flowers", [given], outputs=[asked], request_compression_algorithm=packing)
            np.testing.assert_array_equal(found.as_numpy("probability").ravel(), wanted)
    top = client.infer("flowers", [given], outputs=[http.InferRequestedOutput("probability", class_count=1)])
    assert top.as_numpy("probability").shape == (2, 1)
    word, flag = http.InferInput("word", [2], "BYTES"), http.InferInput("flag", [2, 2], "BOOL")
    word.set_data_from_numpy(np.array(["red", "mauve"], object))
    flag.set_data_from_numpy(np.eye(2, dtype=bool))
    found = client.infer("words", [word, flag])
    assert found.as_numpy("index").tolist() == [0, 3] and found.as_numpy("same").tolist() == [b"red", b"mauve"]
    half = http.InferInput("x", [1, 3], "FP16")
    half.set_data_from_numpy(np.ones((1, 3), np.float16))
    assert client.infer("half", [half]).as_numpy("y").dtype == np.float16
    with pytest.raises(http.InferenceServerException if hasattr(http, "InferenceServerException") else Exception) as no:
        client.infer("roses", [given])
    assert "there is no model 'roses'" in str(no.value)
    client.close()


def test_rows_are_shared_only_where_they_are_independent(server: Running) -> None:
    models = server.service.models
    assert {name: model.batch for name, model in models.items()} == {
        **dict.fromkeys(("flowers", "digits", "tokens", "words", "half"), "N"),
        **dict.fromkeys(("centred", "fixed")),
    }
    assert "another answer among others" in models["centred"].alone
    assert "no free first axis" in models["fixed"].alone


def test_dynamic_quantization_keeps_requests_apart() -> None:
    spec = nnspec.loads(SPECS["flowers"].replace("dense(3)", "dense(64) -> relu -> dense(3)"))
    model = Model("small", nnspec.compile(spec, quantize="int8-dynamic").onnx, Limits())
    assert model.batch is None and "row" in model.alone
