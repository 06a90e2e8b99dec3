"""A server on 127.0.0.1 in a thread of the tests, and clients that speak to it byte by byte."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any, NamedTuple

import numpy as np
import pytest

import nnspec
from nnspec.serving.app import Service
from nnspec.serving.door import listening
from nnspec.serving.model import Model
from nnspec.serving.server import Server
from nnspec.serving.settings import Limits

SPECS = {
    "flowers": """nnspec 1
model flowers {
  input features: float32[N, 4]
  logits = dense(3)
  output probability = logits -> softmax
}
train {
  target species: label[N]
  loss = cross_entropy(logits, species)
  optimizer = sgd(0.1)
  epochs = 1
}
""",
    "digits": """nnspec 1
model digits {
  input image: uint8[N, 1, 8, 8]
  rescale(1 / 16) -> conv2d(4, kernel = 3) -> relu -> flatten
  output score = dense(10)
}
""",
    "tokens": """nnspec 1
model tokens {
  input ids: int64[N, T]
  input scale: float32[N]
  ids -> embedding(50, 8) -> attention(2)
  output y = mean(axis = 1)
  output kept = ids
  output scaled = scale * 2
}
""",
    "words": """nnspec 1
model words {
  input word: string[N]
  input flag: bool[N, 2]
  output index = word -> lookup(["red", "green", "blue"])
  output same = word
  output turned = flag -> cast("float32")
  output flags = flag
}
""",
    "half": """nnspec 1
model half {
  input x: float16[N, 3]
  output y = x * 2
}
""",
    "fixed": """nnspec 1
model fixed {
  input x: float64[2, 3]
  output y = x * 2
}
""",
}


def compiled(name: str) -> Any:
    """The ModelProto of one of the specs, or of what somebody else made."""
    if name == "centred":
        return centred()
    spec = nnspec.loads(SPECS[name], path=f"{name}.nn")
    if name == "flowers":
        from nnspec.compiler.export import compile_model

        return compile_model(spec, classes={"species": ("setosa", "versicolor", "virginica")}).onnx
    return nnspec.compile(spec).onnx


def centred() -> Any:
    """x - mean(x, 0), in which rows depend on each other; no spec can say that."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x", "axis"], ["middle"]),
            helper.make_node("Sub", ["x", "middle"], ["y"]),
        ],
        "centred",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [0])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


NAMES = (*SPECS, "centred")


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Running:
    """A server that answers, and how to ask it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.service = server.service
        self.port = port

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 20
    ) -> Reply:
        """One request on a connection of its own; anything but bytes becomes JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, content, dict(headers or {}))
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(self, path: str) -> Reply:
        return self.ask("GET", path)

    def infer(self, model: str, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
        return self.ask("POST", f"/v2/models/{model}/infer", body, headers)

    def connect(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def say(self, content: bytes, timeout: float = 20) -> bytes:
        """Everything that the server says to these bytes until it closes the connection, or nothing more comes."""
        with self.connect(timeout) as client:
            client.sendall(content)
            return received(client)


def received(client: socket.socket) -> bytes:
    """Everything until the end."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except (TimeoutError, ConnectionResetError):
        pass
    return b"".join(parts)


def tensor(name: str, array: Any, datatype: str = "FP32") -> dict[str, Any]:
    """An input of a request."""
    values = np.asarray(array)
    return {"name": name, "shape": list(values.shape), "datatype": datatype, "data": values.ravel().tolist()}


def flowers(rows: Sequence[Sequence[float]] = ((5.1, 3.5, 1.4, 0.2),)) -> dict[str, Any]:
    return {"inputs": [tensor("features", rows)]}


@contextmanager
def serving(names: Sequence[str] | Mapping[str, Any], limits: Limits | None = None) -> Iterator[Running]:
    """A server of specs by name, or of models by name, until the block ends."""
    limits = limits or Limits()
    protos = names if isinstance(names, Mapping) else {name: compiled(name) for name in names}
    models = [Model(name, proto, limits) for name, proto in protos.items()]
    door = listening("127.0.0.1", 0)
    server = Server(Service(models, limits), [door], limits)
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(server.answer(ready.set)), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Running(server, door.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="package")
def server() -> Iterator[Running]:
    with serving(NAMES) as running:
        yield running


Serve = Callable[..., Any]
