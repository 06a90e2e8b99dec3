"""What is wrong with a request is said, with the field; the request beside it is answered."""

from __future__ import annotations

import gzip
import json
import re
import time
from typing import Any

import numpy as np
import pytest

from tests.serving.conftest import Running, flowers, received, tensor

X = tensor("features", [[5.1, 3.5, 1.4, 0.2]])


def changed(**more: Any) -> dict[str, Any]:
    """A request whose only input is X with other members; None takes one away."""
    return {"inputs": [{k: v for k, v in (X | more).items() if v is not None}]}


BAD: list[tuple[str, Any, str, str]] = [
    ("flowers", b"", "", "no JSON"),
    ("flowers", b"{", "", "no JSON"),
    ("flowers", b"\xff", "", "no UTF-8"),
    ("flowers", b"[]", "", "must be a JSON object"),
    ("flowers", b"[" * 100_000, "", "nested too deep"),
    ("flowers", b'{"inputs": [' * 50_000, "", "nested too deep"),
    ("flowers", b'{"inputs": ' + b"9" * 5000 + b"}", "", "no JSON"),
    ("flowers", b'{"inputs": NaN}', "", "NaN is no JSON; send such tensors as binary data"),
    ("flowers", b'{"inputs": -Infinity}', "", "-Infinity is no JSON"),
    ("flowers", {}, "inputs", "must be a list of tensors"),
    ("flowers", {"input": [X]}, "inputs", "did you mean inputs?"),
    ("flowers", {"inputs": []}, "inputs", "must be a list of tensors"),
    ("flowers", {"inputs": {"features": 1}}, "inputs", "must be a list of tensors"),
    ("flowers", {"inputs": [1]}, "inputs[0]", "must be an object"),
    ("flowers", {"inputs": [X, X]}, "inputs[1].name", "is given twice"),
    ("flowers", {**flowers(), "id": 7}, "id", "must be a string"),
    ("flowers", {**flowers(), "id": "x" * 2000}, "id", "at most 1024"),
    ("flowers", {**flowers(), "parameters": 7}, "parameters", "must be an object"),
    (
        "flowers",
        {**flowers(), "parameters": {"binary_data_output": 1}},
        "parameters.binary_data_output",
        "true or false",
    ),
    ("flowers", {**flowers(), "outputs": 7}, "outputs", "must be a list"),
    ("flowers", {**flowers(), "outputs": [7]}, "outputs[0]", "must be an object"),
    ("flowers", {**flowers(), "outputs": [{"name": "probabilty"}]}, "outputs[0].name", "did you mean 'probability'?"),
    ("flowers", {**flowers(), "outputs": [{"name": "probability"}] * 2}, "outputs[1].name", "asked for twice"),
    (
        "flowers",
        {**flowers(), "outputs": [{"name": "probability", "parameters": {"classification": -1}}]},
        "outputs[0].parameters.classification",
        "number of classes",
    ),
    (
        "flowers",
        {**flowers(), "outputs": [{"name": "probability", "parameters": {"shared_memory_region": "a"}}]},
        "outputs[0].parameters.shared_memory_region",
        "in the body alone",
    ),
    ("words", None, "inputs", "must be a list"),
    ("flowers", changed(name=None), "inputs[0].name", "must be a string"),
    ("flowers", changed(name="Features"), "inputs[0].name", "did you mean 'features'?"),
    ("flowers", changed(datatype=None), "inputs[0].datatype", "features takes FP32, found None"),
    ("flowers", changed(datatype="FLOAT"), "inputs[0].datatype", "features takes FP32, found 'FLOAT'"),
    ("flowers", changed(datatype="FP64"), "inputs[0].datatype", "features takes FP32, found 'FP64'"),
    ("flowers", changed(shape=None), "inputs[0].shape", "must be a list of sizes"),
    ("flowers", changed(shape=[4]), "inputs[0].shape", "features is float32[N, 4], found 1 dimensions"),
    ("flowers", changed(shape=[1, 5]), "inputs[0].shape[1]", "so 4 is wanted, found 5"),
    ("flowers", changed(shape=[0, 4]), "inputs[0].shape[0]", "0 is no size"),
    ("flowers", changed(shape=[-1, 4]), "inputs[0].shape[0]", "-1 is no size"),
    ("flowers", changed(shape=[1.0, 4]), "inputs[0].shape[0]", "1.0 is no size"),
    ("flowers", changed(shape=[True, 4]), "inputs[0].shape[0]", "True is no size"),
    ("flowers", changed(shape=[10**30, 4]), "inputs[0].shape[0]", "is no size"),
    ("flowers", changed(shape=[10**17, 4]), "inputs[0].data", "has 4 elements, and the shape"),
    ("flowers", changed(data=None), "inputs[0].data", "is missing"),
    ("flowers", changed(data=7), "inputs[0].data", "must be a list, found a number"),
    ("flowers", changed(data=[1, 2, 3]), "inputs[0].data", "has 3 elements, and the shape [1, 4] has 4"),
    ("flowers", changed(data=[[1, 2], [3, 4]]), "inputs[0].data", "wants 1"),
    ("flowers", changed(data=[[1, 2, 3, [4]]]), "inputs[0].data", "nested deeper"),
    ("flowers", changed(data=[[[1], [2], [3], [4]]]), "inputs[0].data", "nested deeper"),
    ("flowers", changed(data=[1, 2, [3], 4]), "inputs[0].data[2]", "a list where FP32 takes numbers"),
    ("flowers", changed(data=[1, 2, "3", 4]), "inputs[0].data[2]", "a string where FP32 takes numbers"),
    ("flowers", changed(data=[1, 2, None, 4]), "inputs[0].data[2]", "null where FP32 takes numbers"),
    ("flowers", changed(data=[1, 2, True, 4]), "inputs[0].data[2]", "true or false where"),
    ("flowers", changed(data=[1, 2, 1e39, 4]), "inputs[0].data[2]", "1e+39 is beyond FP32"),
    ("flowers", changed(data=[1, 2, 10**400, 4]), "inputs[0].data", "beyond FP32"),
    (
        "flowers",
        b'{"inputs": [' + json.dumps(X).encode().replace(b"5.1", b"1e999") + b"]}",
        "inputs[0].data[0]",
        "inf is beyond",
    ),
    ("flowers", changed(parameters=[]), "inputs[0].parameters", "must be an object"),
    ("flowers", changed(parameters={"binary_data_size": 16}), "inputs[0].data", "and binary_data_size too"),
    (
        "flowers",
        changed(data=None, parameters={"binary_data_size": -1}),
        "inputs[0].parameters.binary_data_size",
        "bytes",
    ),
    (
        "flowers",
        changed(data=None, parameters={"binary_data_size": 16}),
        "inputs[0].parameters.binary_data_size",
        "0 bytes are left",
    ),
    ("half", {"inputs": [tensor("x", [[70000, 1, 1]], "FP16")]}, "inputs[0].data[0]", "70000 is beyond FP16"),
    (
        "digits",
        {"inputs": [tensor("image", np.full((1, 1, 8, 8), 256), "UINT8")]},
        "inputs[0].data[0]",
        "outside UINT8, 0 to 255",
    ),
    (
        "digits",
        {"inputs": [tensor("image", np.full((1, 1, 8, 8), 0.5), "UINT8")]},
        "inputs[0].data[0]",
        "0.5 is no whole number",
    ),
    ("tokens", {"inputs": [tensor("ids", [[1, 2]], "INT64")]}, "inputs", "scale is missing"),
    (
        "tokens",
        {"inputs": [tensor("ids", [[1, 2]], "INT64"), tensor("scale", [1, 2])]},
        "inputs[1].shape[0]",
        "so 1 is wanted, since N is 1 in ids, found 2",
    ),
    ("tokens", {"inputs": [tensor("ids", [[1, 50]], "INT64"), tensor("scale", [1])]}, "inputs", "ids from 0 to 49"),
    ("tokens", {"inputs": [tensor("ids", [[-1, 5]], "INT64"), tensor("scale", [1])]}, "inputs", "ids from 0 to 49"),
    (
        "words",
        {"inputs": [tensor("word", ["\ud800"], "BYTES"), tensor("flag", [[True, False]], "BOOL")]},
        "inputs[0].data[0]",
        "half of a surrogate pair",
    ),
    (
        "words",
        {"inputs": [tensor("word", ["a"], "BYTES"), tensor("flag", [[1, 0]], "BOOL")]},
        "inputs[1].data[0]",
        "a number where BOOL takes true and false",
    ),
]


@pytest.mark.parametrize("model, body, field, text", BAD, ids=[f"{i}-{bad[2]}" for i, bad in enumerate(BAD)])
def test_a_bad_request_is_told_the_field(server: Running, model: str, body: Any, field: str, text: str) -> None:
    reply = server.infer(model, {} if body is None else body)
    assert reply.status == 400, reply.body
    assert reply.json.get("field", "") == field, reply.body
    assert text in reply.error and reply.error.startswith(f"{field}: " if field else "")
    assert server.infer("flowers", flowers()).status == 200


@pytest.mark.parametrize(
    "header, behind, text",
    [
        ("x", b"", "must be a number of at most"),
        ("-1", b"", "must be a number of at most"),
        ("٣", b"", "must be a number of at most"),
        ("99999", b"", "must be a number of at most"),
        ("9" * 20, b"", "must be a number of at most"),
        ("0", b"", "no JSON"),
        (None, b"\0" * 15, "16, and 15 bytes are left"),
        (None, b"\0" * 17, "1 bytes behind the JSON belong to no input"),
    ],
)
def test_bytes_behind_the_json(server: Running, header: str | None, behind: bytes, text: str) -> None:
    head = json.dumps(changed(data=None, parameters={"binary_data_size": 16})).encode()
    said = str(len(head)) if header is None else header
    reply = server.infer("flowers", head + behind, {"Inference-Header-Content-Length": said.encode().decode("latin-1")})
    assert reply.status == 400 and text in reply.error


@pytest.mark.parametrize(
    "content, text", [(b"\x05\0\0\0ab", "ends behind"), (b"\1\0\0\0\xff", "no UTF-8"), (b"", "0 elements")]
)
def test_strings_in_bytes(server: Running, content: bytes, text: str) -> None:
    item = {"name": "word", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(content)}}
    head = json.dumps({"inputs": [item, tensor("flag", [[True, True]], "BOOL")]}).encode()
    reply = server.infer("words", head + content, {"Inference-Header-Content-Length": str(len(head))})
    assert reply.status == 400 and text in reply.error and reply.json["field"] == "inputs[0]"


@pytest.mark.parametrize(
    "method, path, status, text",
    [
        ("GET", "/v2/models/flower", 404, "did you mean flowers?"),
        ("GET", "/v2/models/flowers/versions/2", 404, "flowers has no version '2'; there is 1"),
        ("GET", "/v2/models/..%2f..%2fetc%2fpasswd", 404, "nothing at this path"),
        ("GET", "/v2/models/%00", 404, "there is no model"),
        ("GET", "/v3", 404, "GET /v2/models lists them"),
        ("GET", "/v2/models/flowers/infer", 405, "takes POST"),
        ("DELETE", "/v2", 405, "takes GET"),
        ("POST", "/v2/models/flowers/load", 404, "nothing at this path"),
    ],
)
def test_other_paths(server: Running, method: str, path: str, status: int, text: str) -> None:
    reply = server.ask(method, path)
    assert reply.status == status and text in reply.error, reply.body


@pytest.mark.parametrize(
    "encoding, content, status, text",
    [
        ("br", b"x", 415, "cannot be unpacked: 'br'"),
        ("gzip", b"no gzip", 400, "cannot be unpacked"),
        ("gzip", gzip.compress(b"{}")[:-4], 400, "not whole"),
        ("gzip", gzip.compress(b"{}") + b"more", 400, "not whole"),
        ("gzip", gzip.compress(b" " * 70_000_000), 413, "larger than 64.0 MiB"),
    ],
)
def test_packed_bodies_that_are_wrong(server: Running, encoding: str, content: bytes, status: int, text: str) -> None:
    reply = server.infer("flowers", content, {"Content-Encoding": encoding})
    assert reply.status == status and text in reply.error


def test_a_shape_that_would_fill_the_memory_is_refused_before_it_is_computed(server: Running) -> None:
    ids = {"name": "ids", "shape": [1, 100_000], "datatype": "INT64", "parameters": {"binary_data_size": 800_000}}
    head = json.dumps({"inputs": [ids, tensor("scale", [1])]}).encode()
    begun = time.monotonic()
    reply = server.infer("tokens", head + bytes(800_000), {"Inference-Header-Content-Length": str(len(head))})
    assert reply.status == 400 and reply.json["field"] == "inputs" and time.monotonic() - begun < 5
    assert re.search(r"takes \d+\.\d GiB of memory, and 1\.0 GiB are allowed", reply.error)


def test_what_is_no_http(server: Running) -> None:
    for content, status in {
        b"hello\r\n\r\n": b"400",
        b"GET /v2 HTTP/9.9\r\n\r\n": b"400",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n": b"400",
        b"POST /v2/models/flowers/infer HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n": b"400",
        b"POST /v2/models/flowers/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": b"400",
        b"POST /v2/models/flowers/infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": b"400",
        b"GET /v2 HTTP/1.1\r\n" + b"a: " + b"b" * 70_000 + b"\r\n\r\n": b"431",
        b"GET /v2 HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n": b"431",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n": b"431",
    }.items():
        said = server.say(content, timeout=5)
        assert said.startswith(b"HTTP/1.1 " + status), (content[:80], said)
        assert b'{"error": ' in said


def test_requests_in_a_row_are_answered_in_their_order(server: Running) -> None:
    one = json.dumps({**flowers(), "id": "first"}).encode()
    two = json.dumps({**flowers([[0, 0, 0, 0]] * 40), "id": "second"}).encode()
    head = "POST /v2/models/flowers/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"
    content = b"".join(head.format(len(body)).encode() + body for body in (two, one))
    end = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with server.connect() as client:
        client.sendall(content + end)
        said = received(client)
    assert said.count(b"HTTP/1.1 200") == 3
    assert said.index(b'"id":"second"') < said.index(b'"id":"first"') < said.index(b'{"live":true}')
