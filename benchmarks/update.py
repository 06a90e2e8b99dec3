"""Time of the update alone, side by side with PyTorch, for 8 M parameters in eight layers.

    python -m benchmarks.update --torch-python PATH [--threads 1 2] [--rounds 15]

Gradients are there and stay. PyTorch runs fused, and as it is by default.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio

LAYERS, UNITS = 8, 1024
RULES = {"sgd": "sgd(lr = 1e-3, momentum = 0.9)", "adamw": "adamw(lr = 1e-3, weight_decay = 0.01)"}
TARGET = 2.5
"""Times PyTorch's fused update that ours may take."""


def main() -> None:
    """Print a table of our time over PyTorch's."""
    options = arguments(__doc__, ("SIDE", "RULE", "THREADS"))
    if options.worker:
        side, rule, threads = options.worker
        answer(_nnspec(rule, int(threads)) if side == "nnspec" else _torch(rule, int(threads), side == "fused"))
        return
    heads = (f"{head:>16}" for head in ("fused us", "default us", "nnspec us", "nnspec/fused", "nnspec/default"))
    print(f"{'rule':6} {'threads':>7}", *heads)
    for rule in RULES:
        for threads in options.threads:
            sides = [(options.torch_python, (side, rule, threads)) for side in ("fused", "default")]
            times = measure("update", [*sides, (sys.executable, ("nnspec", rule, threads))], options.rounds)
            ratios = f"{ratio(times, 2, 0):16.2f} {ratio(times, 2, 1):16.2f}"
            print(f"{rule:6} {threads:7}", *(f"{time:16.0f}" for time in micros(times)), ratios, flush=True)
    print(f"wanted: at most {TARGET} times fused, and less than the default")


def _torch(rule: str, threads: int, fused: bool) -> Callable[[], Any]:
    import torch

    torch.manual_seed(7)
    torch.set_num_threads(threads)
    shapes = [shape for _ in range(LAYERS) for shape in ((UNITS, UNITS), (UNITS,))]
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    how = {"fused": True} if fused else {}
    if rule == "sgd":
        return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, **how).step
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, **how).step


def _nnspec(rule: str, threads: int) -> Callable[[], Any]:
    import numpy as np

    import nnspec

    trainer = nnspec.Trainer(
        nnspec.loads(f"""nnspec 1
model wide {{
  input x: float32[N, {UNITS}]
  repeat {LAYERS} {{
    dense({UNITS})
  }}
  output y = identity
}}
train {{
  target t: float32[N, {UNITS}]
  loss = mse(y, t)
  optimizer = {RULES[rule]}
  steps = 1000
}}
"""),
        seed=7,
        threads=threads,
    )
    engine = trainer._engine
    gradient = engine.state.gradient.flat
    gradient[:] = np.random.default_rng(7).normal(size=gradient.size)
    return lambda: engine.update(1e-3)


if __name__ == "__main__":
    main()
