"""Throughput of `nnspec serve` under 64 clients, with and without batches: python -m benchmarks.serving

Every client sends the next request when it has the answer to the last one, on a connection that stays, with a row as a
binary tensor. With and without batches the server may do one run at a time on all cores, or one on each core; the
better of the two counts. The ways take turns in short slices, in processes of their own; medians over the rounds. CPU
is the processor time of the server for a request, which says what a machine without other work could do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np

import nnspec

CLIENTS = 64
SPECS = {
    "perceptron 784-2048-2048-10": """nnspec 1
model perceptron {
  input x: float32[N, 784]
  dense(2048) -> relu -> dense(2048) -> relu
  output y = dense(10)
}
""",
    "perceptron 784-4096-4096-10": """nnspec 1
model wide {
  input x: float32[N, 784]
  dense(4096) -> relu -> dense(4096) -> relu
  output y = dense(10)
}
""",
    "encoder, 4 layers of 512, 8 tokens": """nnspec 1
use std.transformer: encoder_layer
model large_encoder {
  input ids: int64[N, 8]
  ids -> embedding(1000, 512)
  repeat 4 { encoder_layer(8) }
  mean(axis = 1)
  output y = dense(10)
}
""",
    "LSTM, 256 units, 50 steps": """nnspec 1
model lstm {
  input x: float32[N, 50, 32]
  lstm(256, returns = "last")
  output y = dense(10)
}
""",
    "encoder, 2 layers of 128, 32 tokens": """nnspec 1
use std.transformer: encoder_layer
model encoder {
  input ids: int64[N, 32]
  ids -> embedding(1000, 128)
  repeat 2 { encoder_layer(4) }
  mean(axis = 1)
  output y = dense(10)
}
""",
    "convolutions, 3 x 32 x 32": """nnspec 1
model convolutions {
  input x: float32[N, 3, 32, 32]
  conv2d(32, kernel = 3) -> relu -> conv2d(32, kernel = 3) -> relu -> max_pool2d(2)
  conv2d(64, kernel = 3) -> relu -> max_pool2d(2)
  flatten
  output y = dense(10)
}
""",
    "perceptron 4-16-3": """nnspec 1
model flowers {
  input x: float32[N, 4]
  dense(16) -> relu
  output y = dense(3)
}
""",
}
WAYS = {
    "batches": (),
    "batches, one per core": ("--workers", "2"),
    "one at a time": ("--max-batch", "1", "--workers", "1"),
    "one per core": ("--max-batch", "1", "--workers", "2"),
}


class Result(NamedTuple):
    """What 64 clients saw, and the seconds of processor time that the server took for a request."""

    rate: float
    p50: float
    p99: float
    processor: float


class Server:
    """A process of `nnspec serve`."""

    def __init__(self, model: Path, options: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "nnspec", "serve", f"m={model}", "--port", "0", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.said = [self._process.stdout.readline()]
        while not self.said[-1].startswith("ready at"):
            self.said.append(self._process.stdout.readline())
        self.port = int(self.said[-1].rpartition(":")[2])

    def processor(self) -> float:
        """Seconds of processor time so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as reply:
            return float(re.search(r"^process_cpu_seconds_total (.*)$", reply.read().decode(), re.MULTILINE)[1])

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


class Client(asyncio.Protocol):
    """Asks again and again."""

    def __init__(self, request: bytes, times: list[float], until: float) -> None:
        self._request = request
        self._times = times
        self._until = until
        self._size: int | None = None
        self._seen = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._begun = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._size is None and b"\r\n\r\n" in self._seen:
            assert self._seen.startswith(b"HTTP/1.1 200"), self._seen
            head, _, _ = self._seen.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0])
            self._size = len(head) + 4 + length
        if self._size is not None and len(self._seen) >= self._size:
            self._times.append(time.perf_counter() - self._begun)
            self._seen, self._size = b"", None
            if time.perf_counter() < self._until:
                self._ask()
            else:
                self._transport.close()
                self.done.set_result(None)


async def load(port: int, request: bytes, seconds: float) -> list[float]:
    """The seconds that each request took."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(request, times, until), "127.0.0.1", port))[1]
        for _ in range(CLIENTS)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return times


def request_for(spec: nnspec.ir.spec.Spec) -> bytes:
    """A row of the model's input, as bytes behind the JSON."""
    (item,) = spec.inputs
    shape = [1, *map(int, map(str, item.type.shape[1:]))]
    random = np.random.default_rng(1)
    array = random.integers(0, 9, shape) if item.type.dtype == "int64" else random.normal(size=shape).astype(np.float32)
    kind = "INT64" if item.type.dtype == "int64" else "FP32"
    tensor = {"name": item.name, "shape": shape, "datatype": kind, "parameters": {"binary_data_size": array.nbytes}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return (
        (
            f"POST /v2/models/m/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {len(head) + array.nbytes}\r\n"
            f"Inference-Header-Content-Length: {len(head)}\r\n\r\n"
        ).encode()
        + head
        + array.tobytes()
    )


def measured(
    spec_text: str, folder: Path, rounds: int, seconds: float, ways: dict[str, tuple[str, ...]]
) -> dict[str, Result]:
    """Each way of serving, in turns."""
    spec = nnspec.loads(spec_text)
    path = folder / f"{spec.name}.onnx"
    nnspec.compile(spec).save(path)
    request = request_for(spec)
    found: dict[str, list[Result]] = {way: [] for way in ways}
    servers = {way: Server(path, options) for way, options in ways.items()}
    try:
        for server in servers.values():
            asyncio.run(load(server.port, request, 0.5))
        for _ in range(rounds):
            for way, server in servers.items():
                before = server.processor()
                times = asyncio.run(load(server.port, request, seconds))
                p50, p99 = np.percentile(times, [50, 99])
                used = (server.processor() - before) / len(times)
                found[way].append(Result(len(times) / seconds, p50, p99, used))
    finally:
        for server in servers.values():
            server.end()
    return {way: Result(*map(statistics.median, zip(*results, strict=True))) for way, results in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    print(f"| model, requests/s (p50, p99 ms; CPU us) | {' | '.join(WAYS)} | throughput | CPU |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SPECS.items():
            if options.only not in name:
                continue
            found = measured(text, Path(folder), options.rounds, options.seconds, WAYS)
            cells = [
                f"{r.rate:.0f} ({r.p50 * 1000:.0f}, {r.p99 * 1000:.0f}; {r.processor * 1e6:.0f})"
                for r in found.values()
            ]
            ours, others = (
                [r for way, r in found.items() if way.startswith("batches") == is_ours] for is_ours in (1, 0)
            )
            rate = max(r.rate for r in ours) / max(r.rate for r in others)
            processor = min(r.processor for r in others) / min(r.processor for r in ours)
            print(f"| {name} | {' | '.join(cells)} | {rate:.1f} | {processor:.1f} |", flush=True)


if __name__ == "__main__":
    main()
