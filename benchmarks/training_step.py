"""Time of a training step, side by side with PyTorch: forward, backward and AdamW.

    python -m benchmarks.training_step --torch-python PATH [--threads 1 2] [--rounds 15]

PyTorch runs eager, in its best setting: fused AdamW, gradients set to None, no loss read. nnspec runs `Trainer.step`,
which checks the batch and gives the loss.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio


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
    options = arguments(__doc__, ("SIDE", "CASE", "THREADS"))
    if options.worker:
        side, case, threads = options.worker
        answer((_torch_step if side == "torch" else _nnspec_step)(CASES[int(case)], int(threads)))
        return
    print(f"{'case':32} {'threads':>7} {'torch us':>9} {'nnspec us':>10} {'torch / nnspec':>15} {'target':>7}")
    for number, case in enumerate(CASES):
        for threads in options.threads:
            sides = (
                (options.torch_python, ("torch", number, threads)),
                (sys.executable, ("nnspec", number, threads)),
            )
            times = measure("training_step", sides, options.rounds)
            torch, ours = micros(times)
            print(
                f"{case!s:32} {threads:7} {torch:9.0f} {ours:10.0f} {ratio(times, 0, 1):15.2f} {case.target:7.1f}",
                flush=True,
            )


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
