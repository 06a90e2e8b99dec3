"""The command as a process: how it begins, what it says where it cannot, and that SIGTERM loses no request."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import pytest

from nnspec.graph import onnx_file
from tests.cli.conftest import Command, Done, folder, nnspec
from tests.serving.conftest import compiled, flowers
from tests.soak import FACTOR

__all__ = ["folder", "nnspec"]  # fixtures of the command line

BODY = json.dumps(flowers()).encode()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "flowers.onnx"
    onnx_file.save(compiled("flowers"), path)
    return path


@contextmanager
def served(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """A process of `nnspec serve`, its port, and the lines that it wrote until it was ready."""
    command = [sys.executable, "-m", "nnspec", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    too_late = threading.Timer(60, process.kill)
    too_late.start()
    try:
        lines: list[str] = []
        while not (lines and lines[-1].startswith("ready at ")):
            assert process.stdout
            line = process.stdout.readline()
            assert line, f"it ended: {lines}"
            lines.append(line.strip())
        yield process, int(lines[-1].rpartition(":")[2]), lines
    finally:
        too_late.cancel()
        if process.poll() is None:
            process.kill()
        process.communicate()


class Client(threading.Thread):
    """Asks until the server is away, and counts what was sent without an answer."""

    def __init__(self, port: int, keep: bool) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._keep = keep
        self.answered = 0
        self.lost: list[str] = []

    def run(self) -> None:
        connection: HTTPConnection | None = None
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if connection is None:
                connection = HTTPConnection("127.0.0.1", self._port, timeout=15)
                try:
                    connection.connect()
                except OSError:
                    return  # nobody listens any more: nothing was sent
            try:
                connection.request("POST", "/v2/models/flowers/infer", BODY)
                response = connection.getresponse()
                assert response.read() and response.status == 200
                self.answered += 1
            except (OSError, RemoteDisconnected, AssertionError) as error:
                self.lost.append(repr(error))
                return
            if not self._keep or response.will_close:
                connection.close()
                connection = None


@pytest.mark.parametrize("turn", range(FACTOR))
@pytest.mark.parametrize("keep", [True, False], ids=["connections that stay", "a connection each"])
def test_a_signal_loses_no_request(model: Path, keep: bool, turn: int) -> None:
    """Under load of 16 clients the server ends at some moment; whatever reached it is answered."""
    with served(model) as (process, port, _):
        clients = [Client(port, keep) for _ in range(16)]
        for client in clients:
            client.start()
        time.sleep(1.0 + turn * 0.037)
        process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(30)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "ended; every request was answered" in out
    assert [loss for client in clients for loss in client.lost] == []
    assert sum(client.answered for client in clients) > 100


def test_while_it_ends_it_is_not_ready_and_still_answers(model: Path) -> None:
    with served(model, "--drain-delay", "1.5") as (process, port, _):
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/v2/health/ready")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.4)
        statuses = []
        for method, path, body in (("GET", "/v2/health/ready", None), ("POST", "/v2/models/flowers/infer", BODY)):
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, path, body)
            response = connection.getresponse()
            statuses.append((response.status, response.getheader("connection")))
            connection.close()
        assert statuses == [(503, "close"), (200, "close")]
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_second_interrupt_does_not_wait(model: Path) -> None:
    with served(model, "--drain-delay", "60") as (process, _, _):
        process.send_signal(signal.SIGINT)
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert "ended at once" in out


def test_what_it_says_when_it_begins(model: Path) -> None:
    with served(model, f"second={model}", "--max-batch", "1", "--log") as (process, port, lines):
        assert lines[:2] == [
            f"{name}: features float32[N, 4] -> probability float32[N, 3]; each request alone: --max-batch is 1"
            for name in ("flowers", "second")
        ]
        assert lines[2] == f"ready at http://127.0.0.1:{port}"
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/v2/models")
        assert json.loads(connection.getresponse().read()) == {"models": ["flowers", "second"]}
        connection.close()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert re.search(r"^GET /v2/models 200 \d+\.\d ms$", out, re.MULTILINE)


def failing(done: Done) -> str:
    assert done.code in (1, 2) and not done.out
    return done.err


def test_a_port_that_is_taken(nnspec: Command, model: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = failing(nnspec("serve", str(model), "--port", str(port)))
    assert f"error[E740]: port {port} of 127.0.0.1 is taken" in said and "--port takes another one" in said


def test_an_address_of_another_machine(nnspec: Command, model: Path) -> None:
    assert "error[E740]: 192.0.2.1 is no address of this machine" in failing(
        nnspec("serve", str(model), "--host", "192.0.2.1", "--port", "0")
    )


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["nothing.onnx"], "error[E707]: there is no file nothing.onnx"),
        (["specs"], "error[E707]: specs holds no model.onnx"),
        (["specs/iris.nn"], "error[E610]: specs/iris.nn is a spec, which has no weights\n  help: --weights RUN"),
        (["specs/data/iris.csv"], "error[E731]: specs/data/iris.csv is no model"),
        (["torn.onnx"], "error[E731]: torn.onnx is no model, or a damaged one"),
        (["a b={model}"], "error[E741]: 'a b' cannot be the name of a model in a URL"),
        (["{model}", "{model}"], "error[E741]: two models are called flowers"),
        (["{model}", "--weights", "runs/iris"], "error[E610]: model files hold their weights"),
        (["{model}", "--port", "70000"], "'70000' is no port, 0 to 65535"),
        (["{model}", "--max-body", "much"], "'much' is no size, such as 64MB"),
        (["{model}", "--max-delay", "-1"], "'-1' is no number of milliseconds"),
        (["{model}", "--timeout", "soon"], "'soon' is no number of seconds"),
        (["{model}", "--max-batch", "0"], "--max-batch"),
    ],
)
def test_what_cannot_be_served(nnspec: Command, model: Path, folder: Path, arguments: list[str], text: str) -> None:
    (folder / "torn.onnx").write_bytes(model.read_bytes()[:200])
    words = [word.format(model=model) for word in arguments]
    assert text in failing(nnspec("serve", "--port", "0", *words))


def test_without_the_extra(nnspec: Command, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = failing(nnspec("serve", str(model)))
    assert said == "nnspec: serving needs uvicorn\n  help: pip install 'nnspec[serve]'\n"
