"""Malformed requests at random: bytes, JSON, tensors, headers, connections. Never a 5xx, and the server goes on."""

from __future__ import annotations

import gzip
import json
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from typing import Any

from nnspec.serving.settings import Limits
from tests.serving.conftest import NAMES, Running, flowers, received, serving, tensor
from tests.soak import FACTOR

REQUESTS = 500 * FACTOR
GOOD: dict[str, dict[str, Any]] = {
    "flowers": flowers(),
    "digits": {"inputs": [tensor("image", [[[[7] * 8] * 8]], "UINT8")]},
    "tokens": {"inputs": [tensor("ids", [[1, 2]], "INT64"), tensor("scale", [1.5])], "outputs": [{"name": "y"}]},
    "words": {"inputs": [tensor("word", ["red"], "BYTES"), tensor("flag", [[True, False]], "BOOL")]},
    "half": {"id": "7", "inputs": [tensor("x", [[1, 2, 3]], "FP16")], "parameters": {"binary_data_output": True}},
    "fixed": {"inputs": [tensor("x", [[1.5, 2, 3]] * 2, "FP64")]},
    "centred": {"inputs": [tensor("x", [[1.5, 2, 3]])]},
}
ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31,
        2**63,
        2**64,
        10**30,
        0.5,
        1e308,
        "",
        "features",
        "FP32",
        "\ud800",
        "\0",
        "x" * 5000,
    ),
    *(
        [],
        {},
        [[]],
        [[[[[[[[1]]]]]]]],
        [None],
        {"a": 1},
        [1] * 5000,
        {"binary_data_size": 2**40},
        {"binary_data_size": 8},
    ),
    *("INT8", "UINT64", "BF16", "fp32", "STRING", "BYTES", [-1], [0], [2**40, 2**40], [1.5], ["1"]),
]
LITERALS = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"0x10",
    b"'a'",
    b"undefined",
    b"01",
    b"\\u",
    b"\xff",
    b"[" * 3000,
    b"9" * 5000,
)
METHODS = (*["POST"] * 20, "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW")


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            found += places(value[key])
    return found


def changed_json(body: dict[str, Any], dice: random.Random) -> bytes:
    """A request with some members replaced, removed, doubled or renamed, and perhaps some bytes changed."""
    found = json.loads(json.dumps(body))
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        if not (all_places := places(found)):
            break
        container, key = dice.choice(all_places)
        way = dice.randrange(5)
        if way == 0:
            del container[key]
        elif way == 1 and isinstance(container, dict):
            container[str(key) + dice.choice(("s", "_", ""))] = container.pop(key)
        elif way == 2 and isinstance(container, list):
            container.extend([container[key]] * dice.choice((1, 3, 100)))
        else:
            container[key] = deepcopy(dice.choice(ODD))
    content = json.dumps(found).encode()
    if dice.random() < 0.25:
        place = dice.randrange(len(content) + 1)
        content = (
            content[:place] + dice.choice((*LITERALS, bytes(dice.randrange(256) for _ in range(9)))) + content[place:]
        )
    if dice.random() < 0.15:
        content = content[: dice.randrange(len(content) + 1)]
    return content


def head(dice: random.Random, path: str, length: int) -> bytes:
    """The head of a request, mostly right."""
    lines = [f"{dice.choice(METHODS)} {path} HTTP/{dice.choice(('1.1', '1.1', '1.1', '1.0', '2.0', '9'))}", "Host: a"]
    if dice.random() < 0.9:
        said = (
            length
            if dice.random() < 0.8
            else dice.choice((0, -1, length + 50, length // 2, 200_000, 10**12, 10**30, "x", ""))
        )
        lines.append(f"Content-Length: {said}")
    if dice.random() < 0.97:
        lines.append("Connection: close")
    for name, values in {
        "Inference-Header-Content-Length": (length, length // 2, 0, -1, "x", 10**20, "1, 2"),
        "Content-Encoding": ("gzip", "deflate", "br", "identity", "gzip, gzip", ""),
        "Transfer-Encoding": ("chunked", "gzip", "chunked, chunked"),
        "Expect": ("100-continue", "something"),
        "Content-Type": ("application/json", "text/plain", "application/octet-stream", "\x7f"),
        "Upgrade": ("websocket", "h2c"),
        "X": ("y" * 100, "y" * 80_000, ""),
    }.items():
        if dice.random() < 0.12:
            lines.append(f"{name}: {dice.choice(values)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def one(dice: random.Random) -> bytes:
    """The bytes of one malformed request."""
    name = dice.choice(NAMES)
    path = f"/v2/models/{name}/infer"
    kind = dice.random()
    if kind < 0.1:
        path = dice.choice(
            ("/", "/v2", "/metrics", "/v2/models/" + "a" * 3000, "/v2/models/%ff%00/infer", "/v2/../etc", "*", "")
        )
    if kind > 0.93:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(400)))
    body = changed_json(GOOD[name], dice)
    if dice.random() < 0.1:
        behind = bytes(dice.randrange(256) for _ in range(dice.choice((0, 3, 16, 500))))
        body = body.replace(b'"data": [', b'"parameters": {"binary_data_size": 16}, "was": [') + behind
    if dice.random() < 0.05:
        body = gzip.compress(body)
    content = head(dice, path, len(body)) + body
    if dice.random() < 0.1:
        content = content[: dice.randrange(len(content) + 1)]
    if dice.random() < 0.05:
        content += content
    return content


def outcome(server: Running, seed: int) -> list[int]:
    """The statuses that one malformed request brings about, on a connection of its own."""
    dice = random.Random(seed)
    with server.connect(timeout=10) as client:
        try:
            client.sendall(one(dice))
            if dice.random() < 0.05:
                return []  # gone without waiting for the answer
            if dice.random() < 0.05:
                client.shutdown(socket.SHUT_WR)
            said = received(client)
        except (ConnectionResetError, BrokenPipeError):
            return []
    found = [int(line[:3]) for line in said.split(b"HTTP/1.1 ")[1:] if line[:3] != b"100"]
    assert all(status < 500 for status in found), (seed, said[:2000])
    return found


def test_malformed_requests_never_break_the_server() -> None:
    limits = Limits(timeout=0.2, max_body=100_000)
    with serving(NAMES, limits) as server, ThreadPoolExecutor(8) as pool:
        statuses = Counter(status for found in pool.map(partial(outcome, server), range(REQUESTS)) for status in found)
        for name, body in GOOD.items():
            assert server.infer(name, body).status == 200
        counted = [*(m.answers for m in server.service.metrics.models.values()), server.service.metrics.others]
        assert not any(status >= 500 for counts in counted for status in counts), counted
    assert statuses[400] > REQUESTS / 4 and {200, 404, 405, 408, 413, 415, 431} <= set(statuses), statuses
