"""Time of a training step, side by side with PyTorch: forward, backward and AdamW.

    .venv/bin/python benchmarks/training_step.py --torch-python PATH [--threads 1 2] [--rounds 15]

Each side is a process of its own. They take turns in short slices, so that whatever else the machine does falls on
both; a slice gives the median time of its steps, and the ratio of two neighbouring slices is one sample. PyTorch runs
eager, in its best setting: fused AdamW, gradients set to None, no loss read. nnspec runs `Trainer.step`, which checks
the batch and gives the loss.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, Any, NamedTuple

SLICE = 0.15
"""Seconds of a slice."""


class Case(NamedTuple):
    sizes: tuple[int, ...]
    """Features, hidden units, classes."""
    batch: int
    target: float
    """Times PyTorch's speed that nnspec wants to reach."""

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch}"


CASES = (Case((784, 128, 10), 64, 2.0), Case((20, 64, 64, 2), 32, 2.0), Case((784, 512, 512, 10), 128, 1.0))


def main() -> None:
    """Print a table of PyTorch's time over ours."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", default=sys.executable, help="the interpreter that has torch")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--worker", nargs=3, metavar=("SIDE", "CASE", "THREADS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _work(*options.worker)
        return
    print(f"{'case':32} {'threads':>7} {'torch us':>9} {'nnspec us':>10} {'torch / nnspec':>15} {'target':>7}")
    for number, case in enumerate(CASES):
        for threads in options.threads:
            torch, ours, ratio = _compare(options.torch_python, number, threads, options.rounds)
            print(f"{case!s:32} {threads:7} {torch:9.0f} {ours:10.0f} {ratio:15.2f} {case.target:7.1f}", flush=True)


def _compare(torch_python: str, case: int, threads: int, rounds: int) -> tuple[float, float, float]:
    """Median microseconds of both sides, and the median of the paired ratios."""
    command = [__file__, "--worker"]
    sides = [
        subprocess.Popen(
            [python, *command, side, str(case), str(threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for python, side in ((torch_python, "torch"), (sys.executable, "nnspec"))
    ]
    pairs = [(_slice(sides[0]), _slice(sides[1])) for _ in range(rounds + 1)][1:]
    for side in sides:
        _stream(side.stdin).close()
        side.wait()
    torch, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    return torch * 1e6, ours * 1e6, statistics.median(a / b for a, b in pairs)


def _slice(side: subprocess.Popen[str]) -> float:
    stdin, stdout = _stream(side.stdin), _stream(side.stdout)
    stdin.write("go\n")
    stdin.flush()
    return float(stdout.readline())


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _work(side: str, case: str, threads: str) -> None:
    """Answer every line of the input with the median time of a step in one slice."""
    step = (_torch_step if side == "torch" else _nnspec_step)(CASES[int(case)], int(threads))
    for _ in range(20):
        step()
    for _ in sys.stdin:
        times, end = [], time.perf_counter() + SLICE
        while time.perf_counter() < end:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(statistics.median(times), flush=True)


def _torch_step(case: Case, threads: int) -> Callable[[], Any]:
    import torch

    torch.manual_seed(7)
    torch.set_num_threads(threads)
    layers: list[Any] = []
    for a, b in zip(case.sizes, case.sizes[1:], strict=False):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    x = torch.randn(case.batch, case.sizes[0])
    y = torch.randint(0, case.sizes[-1], (case.batch,))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def _nnspec_step(case: Case, threads: int) -> Callable[[], Any]:
    import numpy as np

    import nnspec

    hidden = "\n".join(f"  dense({units}) -> relu" for units in case.sizes[1:-1])
    spec = nnspec.loads(f"""nnspec 1
model perceptron {{
  input x: float32[N, {case.sizes[0]}]
{hidden}
  output logits = dense({case.sizes[-1]})
}}
train {{
  target y: label[N]
  loss = cross_entropy(logits, y)
  optimizer = adamw(lr = 1e-3, weight_decay = 0.01)
  steps = 1000
  batch_size = {case.batch}
}}
""")
    trainer = nnspec.Trainer(spec, seed=7, threads=threads)
    random = np.random.default_rng(7)
    batch = {
        "x": random.normal(size=(case.batch, case.sizes[0])).astype(np.float32),
        "y": random.integers(0, case.sizes[-1], case.batch),
    }
    return lambda: trainer.step(batch)


if __name__ == "__main__":
    main()
