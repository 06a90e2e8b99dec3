"""Recurrent networks, side by side with PyTorch: training step and inference of a whole batch.

    python -m benchmarks.recurrent --torch-python PATH [--threads 1 2] [--rounds 15]

A recurrent layer, the mean of its outputs, ten classes. PyTorch runs eager, in its best setting: training with fused
AdamW, gradients set to None, no loss read; inference in `eval` and `inference_mode`. nnspec runs `Trainer.step`, which
checks the batch and gives the loss, and `CompiledModel.run`, which checks the inputs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio


class Case(NamedTuple):
    kind: str
    steps: int
    batch: int
    features: int
    units: int
    bidirectional: bool = False

    def __str__(self) -> str:
        name = f"bidirectional {self.kind}" if self.bidirectional else self.kind
        return f"{name} T{self.steps} B{self.batch} I{self.features} H{self.units}"

    def data(self) -> tuple[Any, Any]:
        import numpy as np

        random = np.random.default_rng(7)
        x = random.normal(size=(self.batch, self.steps, self.features)).astype(np.float32)
        return x, random.integers(0, 10, self.batch)


CASES = (Case("lstm", 50, 32, 64, 128), Case("gru", 100, 64, 128, 256), Case("lstm", 28, 64, 28, 64, True))
TASKS = ("training", "inference")
TARGET = 1.0
"""PyTorch's time over ours that is wanted."""


def main() -> None:
    """Print a table of PyTorch's time over ours for each task."""
    options = arguments(__doc__, ("SIDE", "TASK", "CASE", "THREADS"))
    if options.worker:
        side, task, case, threads = options.worker
        answer((_torch if side == "torch" else _nnspec)(task, CASES[int(case)], int(threads)))
        return
    for task in TASKS:
        print(f"{task:36} {'threads':>7} {'torch us':>9} {'nnspec us':>10} {'torch / nnspec':>15} {'target':>7}")
        for number, case in enumerate(CASES):
            for threads in options.threads:
                sides = (
                    (options.torch_python, ("torch", task, number, threads)),
                    (sys.executable, ("nnspec", task, number, threads)),
                )
                times = measure("recurrent", sides, options.rounds)
                torch, ours = micros(times)
                found = f"{torch:9.0f} {ours:10.0f} {ratio(times, 0, 1):15.2f}"
                print(f"{case!s:36} {threads:7} {found} {TARGET:7.1f}", flush=True)


def _torch(task: str, case: Case, threads: int) -> Callable[[], Any]:
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = torch.nn.LSTM if case.kind == "lstm" else torch.nn.GRU
            self.body = layer(case.features, case.units, batch_first=True, bidirectional=case.bidirectional)
            self.head = torch.nn.Linear(case.units * (2 if case.bidirectional else 1), 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x)[0].mean(1))

    torch.manual_seed(7)
    torch.set_num_threads(threads)
    model, (x, y) = Network(), map(torch.from_numpy, case.data())
    if task == "inference":
        model.eval()

        def infer() -> None:
            with torch.inference_mode():
                model(x)

        return infer
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def _nnspec(task: str, case: Case, threads: int) -> Callable[[], Any]:
    import nnspec

    spec = nnspec.loads(f"""nnspec 1
model network {{
  input x: float32[N, T, {case.features}]
  {case.kind}({case.units}, bidirectional = {str(case.bidirectional).lower()}) -> mean(1)
  output logits = dense(10)
}}
train {{
  target y: label[N]
  loss = cross_entropy(logits, y)
  optimizer = adamw(lr = 1e-3, weight_decay = 0.01)
  steps = 1000
  batch_size = {case.batch}
}}
""")
    x, y = case.data()
    if task == "inference":
        import numpy as np

        from nnspec.graph import onnx_file
        from nnspec.runtime.session import Session

        session = Session(onnx_file.to_bytes(nnspec.compile(spec).onnx), threads=threads)
        return lambda: session.run({"x": np.ascontiguousarray(x)})
    trainer = nnspec.Trainer(spec, seed=7, threads=threads)
    return lambda: trainer.step({"x": x, "y": y})


if __name__ == "__main__":
    main()
