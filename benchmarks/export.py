"""Model files side by side: those of `nnspec compile`, and those of `torch.onnx.export` (dynamo) of the same network.

    python -m benchmarks.export --torch-python PATH [--threads 1 2] [--rounds 15] [--cases char_gpt …]

Both run in ONNX Runtime, in processes of their own that take turns. The size of a batch, and the length of a text, are
free in both. PyTorch's exporter, whose interpreter needs `onnxscript`, writes its default opset, and so
do we. Nodes are those of the files, and those that ONNX Runtime makes of them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio

ROOT = Path(__file__).parents[1]


class Case(NamedTuple):
    spec: str
    """A file, or the body of a model."""
    shape: tuple[int, ...]
    """That of a row."""
    dtype: str = "float32"
    below: int = 2
    """The inputs are whole numbers from 0 to this."""
    opset: int | None = None
    """Ours; PyTorch's too where it is no default."""


LSTM = "input x: float32[N, 50, 64]\n  lstm(128) -> mean(1)\n  output logits = dense(10)"
CASES = {
    "char_gpt": Case("tests/acceptance/char_gpt.nn", (64,), "int64", 128),
    "char_gpt-23": Case("tests/acceptance/char_gpt.nn", (64,), "int64", 128, 23),
    "resnet18": Case("benchmarks/networks/resnet18.nn", (3, 32, 32)),
    "digits_rnn": Case("tests/acceptance/digits_rnn.nn", (8, 8), "uint8", 17),
    "lstm": Case(LSTM, (50, 64)),
}
BATCHES = (1, 16)


def main() -> None:
    """Print a table of nodes, and of the time of PyTorch's file over that of ours."""
    options = arguments(__doc__, ("WHAT", "CASE", "FILE", "BATCH", "THREADS"), cases=CASES)
    if options.worker:
        what, case, file, batch, threads = options.worker
        if what == "run":
            answer(_running(CASES[case], file, int(batch), int(threads)))
        else:
            print((written_by_torch if what == "torch" else written_by_nnspec)(case, Path(file)))
        return
    heads = f"{'nodes torch, ours':>18} {'optimized':>11} {'batch':>6} {'threads':>8} {'torch us':>9} {'ours us':>8}"
    print(f"{'case':12} {heads}  torch / ours")
    with tempfile.TemporaryDirectory() as folder:
        for case in options.cases:
            files = [str(Path(folder, f"{case}-{side}.onnx")) for side in ("torch", "nnspec")]
            counts = [
                _written(python, side, case, file)
                for python, side, file in zip(
                    (options.torch_python, sys.executable), ("torch", "nnspec"), files, strict=True
                )
            ]
            if counts[0][0] != counts[1][0]:
                raise SystemExit(f"{case}: {counts[0][0]} parameters in PyTorch, {counts[1][0]} here")
            made = [
                "{}, {}".format(*(str(count) for count in found))
                for found in zip(*(c[1:] for c in counts), strict=True)
            ]
            for batch in BATCHES:
                for threads in options.threads:
                    sides = [(sys.executable, ("run", case, file, batch, threads)) for file in files]
                    times = measure("export", sides, options.rounds)
                    torch, ours = micros(times)
                    found = f"{torch:9.0f} {ours:8.0f} {ratio(times, 0, 1):13.2f}"
                    print(f"{case:12} {made[0]:>18} {made[1]:>11} {batch:6} {threads:8} {found}", flush=True)


def _written(python: str, side: str, case: str, file: str) -> list[int]:
    """Parameters of the network, nodes of the file, and nodes that ONNX Runtime makes of it."""
    words = [python, "-m", "benchmarks.export", "--worker", side, case, file, "0", "0"]
    count = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of files that are for one machine alone
    options.optimized_model_filepath = f"{file}.optimized.onnx"
    onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    paths = (file, options.optimized_model_filepath)
    return [int(count), *(len(onnx.load(path).graph.node) for path in paths)]


def _running(case: Case, file: str, batch: int, threads: int) -> Callable[[], Any]:
    import numpy as np

    from nnspec.runtime.session import Session

    session, random = Session(Path(file).read_bytes(), threads=threads), np.random.default_rng(7)
    shape = (batch, *case.shape)
    x = random.normal(size=shape) if case.dtype == "float32" else random.integers(0, case.below, shape)
    (name,) = session.inputs
    feeds = {name: x.astype(case.dtype)}
    return lambda: session.run(feeds)


def _weights(shape: tuple[int, ...], name: str, random: Any) -> Any:
    """No zeros and ones, which are the initial values of some, and which optimizers leave out."""
    spread = 0.1 * random.normal(size=shape)
    return (1 + abs(spread) if "var" in name else spread).astype("float32")


def written_by_nnspec(name: str, path: Path) -> int:
    import numpy as np

    import nnspec

    case, random = CASES[name], np.random.default_rng(7)
    text = f"nnspec 1\nmodel m {{\n  {case.spec}\n}}\n"
    spec = nnspec.load(ROOT / case.spec) if case.spec.endswith(".nn") else nnspec.loads(text)
    weights = {item.path: _weights(item.shape, item.path, random) for item in spec.parameters}
    nnspec.compile(spec, weights, opset=case.opset).save(path)
    return spec.parameter_count


def written_by_torch(name: str, path: Path) -> int:
    import numpy as np
    import torch

    case, random = CASES[name], np.random.default_rng(7)
    model = _network(name.partition("-")[0]).eval()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if tensor.dtype == torch.float32:
                tensor.copy_(torch.from_numpy(_weights(tuple(tensor.shape), key, random)))
    x = torch.zeros(2, *case.shape, dtype=getattr(torch, case.dtype))
    free = torch.export.Dim.DYNAMIC
    sizes = {0: free, 1: free} if name.startswith("char") else {0: free}
    torch.onnx.export(
        model, (x,), path, dynamo=True, dynamic_shapes=(sizes,), opset_version=case.opset, external_data=False,
        verbose=False,
    )  # fmt: skip
    return sum(parameter.numel() for parameter in model.parameters())


def _network(name: str) -> Any:
    """The network in PyTorch."""
    from torch import nn

    from benchmarks import torch_networks, transformer

    if name == "char_gpt":
        return transformer.torch_model(transformer.CASES["char"])
    if name == "resnet18":
        return torch_networks.resnet18()

    class Rows(nn.Module):
        """tests/acceptance/digits_rnn.nn."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.LSTM(8, 32, batch_first=True, bidirectional=True)
            self.second = nn.GRU(64, 32, batch_first=True)
            self.logits = nn.Linear(32, 10)

        def forward(self, x: Any) -> Any:
            steps, _ = self.first(x.float() / 16)
            _, last = self.second(steps)
            return self.logits(last[-1]).softmax(-1)

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x)[0].mean(1))

    return Rows() if name == "digits_rnn" else Mean()


if __name__ == "__main__":
    main()
