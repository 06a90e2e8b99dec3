"""Convolutional networks, side by side with PyTorch: training step, latency of inference, peak memory.

    python -m benchmarks.convolution --torch-python PATH [--threads 1 2] [--rounds 15]

PyTorch runs eager, in its best setting: training with fused AdamW, gradients set to None, no loss read; inference in
`eval` and `inference_mode`. nnspec runs `Trainer.step`, which checks the batch and gives the loss, and
`CompiledModel.run`, which checks the inputs. The memory is the most that the whole process ever held, in 3 steps.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio

HERE = Path(__file__).parent


class Case(NamedTuple):
    network: str
    shape: tuple[int, ...]
    """Of an image."""
    batch: int
    classes: int
    target: float
    """PyTorch's time over ours that is wanted."""
    spec: Path

    def __str__(self) -> str:
        return f"{self.network} {'x'.join(map(str, self.shape))}, batch {self.batch}"

    def images(self, rows: int) -> Any:
        """Bytes for the digits, else normal numbers."""
        import numpy as np

        random = np.random.default_rng(7)
        if self.network == "digits_cnn":
            return random.integers(0, 17, (rows, *self.shape)).astype(np.uint8)
        return random.normal(size=(rows, *self.shape)).astype(np.float32)

    def labels(self) -> Any:
        import numpy as np

        return np.random.default_rng(8).integers(0, self.classes, self.batch)


DIGITS = HERE.parent / "tests" / "acceptance" / "digits_cnn.nn"
TRAINING = (
    Case("digits_cnn", (1, 8, 8), 64, 10, 1.5, DIGITS),
    Case("lenet5", (1, 28, 28), 64, 10, 1.2, HERE / "networks" / "lenet5.nn"),
    Case("resnet18", (3, 32, 32), 16, 10, 1.2, HERE / "networks" / "resnet18.nn"),
    Case("mobilenet_v2", (3, 64, 64), 16, 1000, 1.0, HERE / "networks" / "mobilenet_v2.nn"),
)
INFERENCE = tuple(case._replace(batch=1, target=1.5) for case in TRAINING)
MEMORY = (TRAINING[2]._replace(batch=32, target=1.0),)
TASKS = {"training": TRAINING, "inference": INFERENCE, "memory": MEMORY}


def main() -> None:
    """Print a table of PyTorch's figures over ours for each task."""
    options = arguments(__doc__, ("SIDE", "TASK", "CASE", "THREADS"))
    if options.worker:
        side, task, case, threads = options.worker
        WORKERS[task](side, TASKS[task][int(case)], int(threads))
        return
    for task, cases in TASKS.items():
        unit = "MB" if task == "memory" else "us"
        print(
            f"{task:32} {'threads':>7} {f'torch {unit}':>9} {f'nnspec {unit}':>10} {'torch / nnspec':>15} {'target':>7}"
        )
        for number, case in enumerate(cases):
            for threads in options.threads:
                sides = (
                    (options.torch_python, ("torch", task, number, threads)),
                    (sys.executable, ("nnspec", task, number, threads)),
                )
                times = measure("convolution", sides, 1 if task == "memory" else options.rounds)
                torch, ours = micros(times)
                found = f"{torch:9.0f} {ours:10.0f} {ratio(times, 0, 1):15.2f} {case.target:7.1f}"
                print(f"{case!s:32} {threads:7} {found}", flush=True)


def _train(side: str, case: Case, threads: int) -> None:
    answer((_torch_step if side == "torch" else _nnspec_step)(case, threads))


def _infer(side: str, case: Case, threads: int) -> None:
    answer((_torch_inference if side == "torch" else _nnspec_inference)(case, threads))


def _remember(side: str, case: Case, threads: int) -> None:
    """The peak of the process, in "seconds" that `micros` makes megabytes of."""
    step = (_torch_step if side == "torch" else _nnspec_step)(case, threads)
    for _ in range(3):
        step()
    for _ in sys.stdin:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e12, flush=True)


WORKERS = {"training": _train, "inference": _infer, "memory": _remember}


def _torch_step(case: Case, threads: int) -> Callable[[], Any]:
    import torch

    from benchmarks.torch_networks import NETWORKS

    torch.manual_seed(7)
    torch.set_num_threads(threads)
    model = NETWORKS[case.network]()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    x, y = torch.from_numpy(case.images(case.batch)), torch.from_numpy(case.labels())
    smoothing = 0.05 if case.network == "digits_cnn" else 0.0

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(x), y, label_smoothing=smoothing).backward()
        optimizer.step()

    return step


def _torch_inference(case: Case, threads: int) -> Callable[[], Any]:
    import torch

    from benchmarks.torch_networks import NETWORKS

    torch.set_num_threads(threads)
    model = NETWORKS[case.network]().eval()
    x = torch.from_numpy(case.images(case.batch))

    def step() -> None:
        with torch.inference_mode():
            model(x)

    return step


def _nnspec_step(case: Case, threads: int) -> Callable[[], Any]:
    import nnspec

    trainer = nnspec.Trainer(nnspec.load(case.spec), seed=7, threads=threads, classes=_classes(case))
    batch = {"image": case.images(case.batch), _target(case): case.labels()}
    return lambda: trainer.step(batch)


def _nnspec_inference(case: Case, threads: int) -> Callable[[], Any]:
    import nnspec

    model = nnspec.compile(nnspec.load(case.spec))
    batch = {"image": case.images(case.batch)}
    return lambda: model.run(batch)


def _target(case: Case) -> str:
    return "digit" if case.network == "digits_cnn" else "label"


def _classes(case: Case) -> dict[str, list[int]]:
    return {_target(case): list(range(case.classes))}


if __name__ == "__main__":
    main()
