"""Clients that are slow, greedy or gone take nothing from the others."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest

from nnspec.serving.settings import Limits
from tests.serving.conftest import Running, flowers, received, serving, tensor

BODY = json.dumps(flowers()).encode()
HEAD = "POST /v2/models/flowers/infer HTTP/1.1\r\nHost: a\r\n"
SMALL = Limits(max_body=10_000, timeout=0.5, max_connections=20, max_queue=4)


@pytest.fixture(scope="module")
def small() -> Iterator[Running]:
    """A server with narrow bounds."""
    with serving(("flowers",), SMALL) as running:
        yield running


def closed_after(client: socket.socket) -> tuple[bytes, float]:
    """What a connection says until the server closes it, and after how many seconds that is."""
    begun = time.monotonic()
    return received(client), time.monotonic() - begun


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"", b""),
        (b"POST /v2/models/flow", b""),
        (HEAD.encode(), b""),
        (HEAD.encode() + b"Content-Length: 100\r\n\r\n", b"408"),
        (HEAD.encode() + b"Content-Length: 100\r\n\r\n" + BODY[:20], b"408"),
        (HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b"408"),
    ],
)
def test_who_sends_too_slowly_is_not_waited_for(small: Running, sent: bytes, status: bytes) -> None:
    with small.connect(timeout=5) as client:
        client.sendall(sent)
        said, seconds = closed_after(client)
    assert 0.3 < seconds < 3
    assert (
        said.startswith(b"HTTP/1.1 " + status) and b"did not arrive within 0.5 seconds" in said if status else not said
    )
    assert small.infer("flowers", flowers()).status == 200


def test_a_body_in_many_pieces_is_one_body(small: Running) -> None:
    with small.connect() as client:
        client.sendall((HEAD + f"Content-Length: {len(BODY)}\r\nConnection: close\r\n\r\n").encode())
        for i in range(len(BODY)):
            client.sendall(BODY[i : i + 1])
        assert received(client).startswith(b"HTTP/1.1 200")
    chunks = b"".join(b"1\r\n" + BODY[i : i + 1] + b"\r\n" for i in range(len(BODY))) + b"0\r\n\r\n"
    said = small.say(HEAD.encode() + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [10_001, 1_000_000, 50_000_000])
def test_a_body_that_is_too_large(small: Running, size: int) -> None:
    """It is refused by its length or, where it has none, while it comes; a client that sends on sees the answer."""
    reply = small.infer("flowers", b" " * size) if size < 8_000_000 else None
    if reply:
        assert reply.status == 413 and "larger than 9.8 KiB" in reply.error
    with small.connect() as client:
        client.sendall(HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"%x\r\n" % 10_000 + b" " * 10_000 + b"\r\n"
        try:
            for _ in range(max(2, size // 10_000)):
                client.sendall(chunk)
        except (ConnectionResetError, BrokenPipeError):
            assert size > 8_000_000  # nobody listens for ever
        else:
            client.sendall(b"0\r\n\r\n")
            assert received(client).startswith(b"HTTP/1.1 413")


def test_who_asks_before_sending_too_much_is_told_before(small: Running) -> None:
    said = small.say(HEAD.encode() + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413") and b"100 Continue" not in said
    with small.connect() as client:
        client.sendall((HEAD + f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n").encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100")
        client.sendall(BODY)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")


def test_more_connections_than_there_may_be(small: Running) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(small.connect()) for _ in range(20)]
        with small.connect(timeout=5) as one_more:
            said = received(one_more)
        assert said.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in said and b"too many connections" in said
        assert len(held) == 20
    assert_recovers(small)


def assert_recovers(running: Running) -> None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if running.infer("flowers", flowers()).status == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError("it does not answer any more")


def test_clients_that_go_away(small: Running) -> None:
    content = (HEAD + f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY
    for length in range(1, len(content) + 1, 9):
        client = small.connect()
        client.sendall(content[:length])
        if length % 2:  # with a reset instead of a goodbye
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert_recovers(small)
    assert small.service.metrics.in_flight == 0


def test_who_does_not_read_its_answer_is_disconnected() -> None:
    """An answer of 8 MB that nobody takes is not kept."""
    limits = Limits(timeout=0.5, max_batch=1)
    with serving(("flowers",), limits) as running, running.connect() as client:
        rows = 400_000
        item = {
            "name": "features",
            "shape": [rows, 4],
            "datatype": "FP32",
            "parameters": {"binary_data_size": rows * 16},
        }
        head = json.dumps({"inputs": [item]}).encode()
        start = f"Content-Length: {len(head) + rows * 16}\r\nInference-Header-Content-Length: {len(head)}\r\n\r\n"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall((HEAD + start).encode() + head + bytes(rows * 16))
        until = time.monotonic() + 10
        while not any(c.transport.get_write_buffer_size() for c in list(running.server.server_state.connections)):
            assert time.monotonic() < until
            time.sleep(0.02)
        while running.server.server_state.connections:
            assert time.monotonic() < until
            time.sleep(0.02)


class Slow:
    """Lets a model wait until it may compute."""

    def __init__(self, running: Running, name: str = "flowers") -> None:
        self.model = running.service.models[name]
        self.may = threading.Event()
        self.batches: list[int] = []
        self._run = self.model.run

    def __enter__(self) -> Slow:
        def run(inputs, brake):  # type: ignore[no-untyped-def]
            self.batches.append(len(next(iter(inputs.values()))))
            while not self.may.wait(0.01):
                if brake.pulled:
                    break
            return self._run(inputs, brake)

        self.model.run = run
        return self

    def __exit__(self, *exception: object) -> None:
        self.may.set()
        del self.model.run


def test_what_arrives_while_the_model_computes_is_the_next_batch() -> None:
    with serving(("flowers",)) as running, Slow(running) as slow, ThreadPoolExecutor(20) as pool:
        first = pool.submit(running.infer, "flowers", flowers())
        wait_until(lambda: slow.batches == [1])
        rows = np.random.default_rng(1).normal(size=(16, 1, 4)).tolist()
        others = [pool.submit(running.infer, "flowers", {**flowers(row), "id": str(i)}) for i, row in enumerate(rows)]
        wait_until(lambda: running.service._batchers["flowers"].waiting == 16)
        slow.may.set()
        replies = [other.result() for other in others]
        assert first.result().status == 200 and slow.batches == [1, 16]
    with serving(("flowers",), Limits(max_batch=1)) as alone:
        for i, (row, reply) in enumerate(zip(rows, replies, strict=True)):
            wanted = alone.infer("flowers", flowers(row)).json["outputs"][0]["data"]
            assert reply.json["id"] == str(i)
            np.testing.assert_allclose(reply.json["outputs"][0]["data"], wanted, rtol=1e-5)


def test_shapes_are_kept_apart_and_a_batch_has_a_bound() -> None:
    with (
        serving(("tokens",), Limits(max_batch=8)) as running,
        Slow(running, "tokens") as slow,
        ThreadPoolExecutor(30) as pool,
    ):

        def ask(rows: int, length: int) -> int:
            ids = np.ones((rows, length), int)
            return running.infer(
                "tokens", {"inputs": [tensor("ids", ids, "INT64"), tensor("scale", np.ones(rows))]}
            ).status

        first = pool.submit(ask, 1, 3)
        wait_until(lambda: slow.batches == [1])
        sizes = [(1, 3), (1, 5), (2, 3), (3, 5), (4, 3), (4, 3), (20, 3)]
        others = []
        for count, size in enumerate(sizes):
            others.append(pool.submit(ask, *size))
            wait_until(lambda count=count: running.service._batchers["tokens"].waiting == count + 1)
        slow.may.set()
        assert [first.result(), *(other.result() for other in others)] == [200] * 8
        assert slow.batches == [1, 7, 4, 4, 20]


def test_one_that_fails_harms_no_other() -> None:
    """A Gather in somebody else's model fails for an index that is outside: for the request with it alone."""
    with serving({"gather": gather()}) as running, Slow(running, "gather") as slow, ThreadPoolExecutor(8) as pool:
        first = pool.submit(running.infer, "gather", {"inputs": [tensor("i", [1], "INT64")]})
        wait_until(lambda: slow.batches == [1])
        others = [pool.submit(running.infer, "gather", {"inputs": [tensor("i", [i], "INT64")]}) for i in (0, 99, 2)]
        wait_until(lambda: running.service._batchers["gather"].waiting == 3)
        slow.may.set()
        assert first.result().json["outputs"][0]["data"] == [20.0]
        good, wrong, fine = (other.result() for other in others)
        assert (good.json["outputs"][0]["data"], fine.json["outputs"][0]["data"]) == ([10.0], [30.0])
        assert wrong.status == 400 and "indices element out of data bounds" in wrong.error
        assert sorted(slow.batches) == [1, 1, 1, 1, 3]


def test_a_full_queue_says_so_at_once(small: Running) -> None:
    with Slow(small) as slow, ThreadPoolExecutor(20) as pool:
        first = pool.submit(small.infer, "flowers", flowers())
        wait_until(lambda: slow.batches == [1])
        others = [pool.submit(small.infer, "flowers", flowers()) for _ in range(4)]
        wait_until(lambda: small.service._batchers["flowers"].waiting == 4)
        reply = small.infer("flowers", flowers())
        assert reply.status == 429 and reply.headers["retry-after"] == "1" and reply.error == "4 requests wait already"
        slow.may.set()
        assert [first.result().status, *(other.result().status for other in others)] == [200] * 5


def test_a_run_that_takes_too_long_is_ended(small: Running) -> None:
    with Slow(small) as slow, ThreadPoolExecutor(2) as pool:
        begun = time.monotonic()
        first = pool.submit(small.infer, "flowers", flowers())
        wait_until(lambda: slow.batches == [1])
        second = pool.submit(small.infer, "flowers", flowers())
        assert first.result().status == 503 and "computed longer than 0.5 seconds" in first.result().error
        slow.may.set()
        assert time.monotonic() - begun < 3
        assert second.result().status in (200, 503)
    assert small.infer("flowers", flowers()).status == 200


def test_who_has_gone_is_not_computed_for() -> None:
    content = (HEAD + f"Content-Length: {len(BODY)}\r\n\r\n").encode() + BODY
    with serving(("flowers",)) as running, Slow(running) as slow, ThreadPoolExecutor(2) as pool:
        first = pool.submit(running.infer, "flowers", flowers())
        wait_until(lambda: slow.batches == [1])
        with running.connect() as client:
            client.sendall(content)
            wait_until(lambda: running.service._batchers["flowers"].waiting == 1)
        second = pool.submit(running.infer, "flowers", flowers())
        wait_until(lambda: running.service._batchers["flowers"].waiting == 2)
        wait_until(lambda: len(running.server.server_state.connections) == 2)
        slow.may.set()
        assert (first.result().status, second.result().status, slow.batches) == (200, 200, [1, 1])


def test_waiting_for_others_fills_a_batch() -> None:
    limits = Limits(max_batch=4, max_delay=5.0)
    with serving(("flowers",), limits) as running, Slow(running) as slow, ThreadPoolExecutor(4) as pool:
        slow.may.set()
        begun = time.monotonic()
        replies = [pool.submit(running.infer, "flowers", flowers()) for _ in range(4)]
        assert [reply.result().status for reply in replies] == [200] * 4 and time.monotonic() - begun < 4
        assert slow.batches == [4]


def wait_until(holds) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.002)


def gather():  # type: ignore[no-untyped-def]
    """y = [10, 20, 30, 40][i]."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "i"], ["y"])],
        "gather",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ["N"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N"])],
        [helper.make_tensor("table", TensorProto.FLOAT, [4], [10, 20, 30, 40])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
