"""Training steps, inference and memory of transformers, side by side with PyTorch.

    python -m benchmarks.transformer --torch-python PATH [--threads 1 2] [--rounds 15] [--cases char gpt …]

PyTorch runs eager, in its best setting: fused AdamW, gradients set to None, `scaled_dot_product_attention`, no loss
read. nnspec runs `Trainer.step`, which checks the batch and gives the loss, and the compiled model. Memory is the peak
of a process that trains, and what the model and its steps add to one in which everything is imported.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.side_by_side import answer, arguments, measure, micros, ratio


class Case(NamedTuple):
    kind: str
    """`gpt`: causal, norms before; `bert`: looks both ways, norms behind."""
    vocab: int
    context: int
    dim: int
    heads: int
    layers: int
    batch: int
    dropout: float
    target: float = 0.85
    """Times PyTorch's speed that nnspec wants to reach in training."""

    def __str__(self) -> str:
        return f"{self.kind} {self.layers} x {self.dim}, T {self.context}, batch {self.batch}, dropout {self.dropout}"


CASES = {
    "char": Case("gpt", 128, 64, 64, 4, 2, 32, 0.1, 1.0),
    "gpt": Case("gpt", 128, 128, 384, 6, 6, 8, 0.0),
    "gpt-dropout": Case("gpt", 128, 128, 384, 6, 6, 8, 0.1),
    "bert": Case("bert", 1024, 128, 256, 4, 4, 16, 0.0),
    "bert-dropout": Case("bert", 1024, 128, 256, 4, 4, 16, 0.1),
}

LAYERS = {
    "gpt": """
  x = x + (x -> layer_norm -> attention(heads, causal = true) -> dropout(dropout))
  output x + (x -> layer_norm -> dense(4 * D) -> gelu -> dense(D) -> dropout(dropout))""",
    "bert": """
  x = x + (x -> attention(heads) -> dropout(dropout)) -> layer_norm
  output x + (x -> dense(4 * D) -> gelu -> dense(D) -> dropout(dropout)) -> layer_norm""",
}


def main() -> None:
    """Print a table of PyTorch's time over ours, and of our memory over PyTorch's."""
    options = arguments(__doc__, ("SIDE", "WHAT", "CASE", "THREADS"), cases=CASES)
    if options.worker:
        side, what, case, threads = options.worker
        make = _torch if side == "torch" else _nnspec
        if what == "memory":
            print(*_peak_and_growth(make, CASES[case]))
        else:
            answer(make(CASES[case], what, int(threads)))
        return
    print(
        f"{'case':46} {'what':9} {'threads':>7} {'torch us':>9} {'nnspec us':>10} {'torch / nnspec':>15} {'target':>7}"
    )
    for name in options.cases:
        for threads in options.threads:
            for what in ("training", "inference"):
                sides = [
                    (python, (side, what, name, threads))
                    for python, side in ((options.torch_python, "torch"), (sys.executable, "nnspec"))
                ]
                times = measure("transformer", sides, options.rounds)
                torch, ours = micros(times)
                target = CASES[name].target if what == "training" else 1.0
                print(
                    f"{CASES[name]!s:46} {what:9} {threads:7} {torch:9.0f} {ours:10.0f} {ratio(times, 0, 1):15.2f} "
                    f"{target:7.2f}",
                    flush=True,
                )
        peaks = [
            _memory(python, side, name)
            for python, side in ((options.torch_python, "torch"), (sys.executable, "nnspec"))
        ]
        for what, (torch, ours) in zip(("peak", "growth"), zip(*peaks, strict=True), strict=True):
            ratios = f"ours / torch {ours / torch:.2f}, target 0.80"
            print(f"{CASES[name]!s:46} {what:9} {1:7} {torch:6.0f} MB {ours:7.0f} MB {ratios:>32}", flush=True)


def _memory(python: str, side: str, case: str) -> tuple[float, float]:
    """MB of a process that trains on one thread: its peak, and how far that is above what the imports take."""
    words = [python, "-m", "benchmarks.transformer", "--worker", side, "memory", case, "1"]
    peak, growth = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return float(peak), float(growth)


def _peak_and_growth(make: Callable[[Case, str, int], Callable[[], Any]], case: Case) -> tuple[float, float]:
    """The peak of this process in MB, and how far it is above what it holds after a step of a tiny model: parameters,
    gradients, state of the optimizer, activations."""
    tiny = case._replace(dim=case.heads * 2, layers=1, batch=1, context=4, vocab=4)
    make(tiny, "training", 1)()
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    step = make(case, "training", 1)
    for _ in range(4):
        step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return peak, peak - before


def _torch(case: Case, what: str, threads: int) -> Callable[[], Any]:
    import torch

    torch.manual_seed(7)
    torch.set_num_threads(threads)
    model = torch_model(case)
    tokens, following = (torch.randint(0, case.vocab, (case.batch, case.context)) for _ in range(2))
    if what == "inference":
        model.eval()
        forward = torch.inference_mode()(lambda: model(tokens))
        return forward  # type: ignore[no-any-return]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), following.flatten()).backward()
        optimizer.step()

    return step


def torch_model(case: Case) -> Any:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.joined, self.output = nn.Linear(case.dim, 3 * case.dim), nn.Linear(case.dim, case.dim)

        def forward(self, x: Tensor) -> Tensor:
            parts = self.joined(x).split(case.dim, -1)
            q, k, v = (part.unflatten(-1, (case.heads, -1)).transpose(1, 2) for part in parts)
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=case.kind == "gpt")
            found: Tensor = self.output(y.transpose(1, 2).flatten(2))
            return found

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(case.dim) for _ in range(2))
            self.attention = nn.Sequential(Attention(), nn.Dropout(case.dropout))
            wide = 4 * case.dim
            self.feed = nn.Sequential(
                nn.Linear(case.dim, wide), nn.GELU(), nn.Linear(wide, case.dim), nn.Dropout(case.dropout)
            )

        def forward(self, x: Tensor) -> Tensor:
            if case.kind == "gpt":
                x = x + self.attention(self.norms[0](x))
                return x + self.feed(self.norms[1](x))
            x = self.norms[0](x + self.attention(x))
            found: Tensor = self.norms[1](x + self.feed(x))
            return found

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.place = nn.Embedding(case.vocab, case.dim), nn.Embedding(case.context, case.dim)
            nn.init.normal_(self.embed.weight, std=0.02)
            self.body = nn.Sequential(nn.Dropout(case.dropout), *(Layer() for _ in range(case.layers)))
            self.last = nn.LayerNorm(case.dim)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.embed(tokens) + self.place(torch.arange(tokens.shape[1]))
            return functional.linear(self.last(self.body(x)), self.embed.weight)

    return Model()


def _nnspec(case: Case, what: str, threads: int) -> Callable[[], Any]:
    import numpy as np

    import nnspec
    from nnspec.graph import onnx_file
    from nnspec.runtime.session import Session

    spec = nnspec.loads(f"""nnspec 1
block one_layer(heads, dropout) {{
  input x: [N, T, D]
{LAYERS[case.kind]}
}}
model transformer(dropout = {case.dropout}) {{
  input tokens: int64[N, T]
  layer embed = embedding({case.vocab}, {case.dim})
  tokens -> embed -> learned_position({case.context}) -> dropout(dropout)
  body = repeat {case.layers} {{ one_layer({case.heads}, dropout) }}
  layer_norm
  output logits = dense({case.vocab}, weight = embed.weight, bias = false)
}}
train {{
  target following: int64[N, T]
  loss = cross_entropy(logits, following)
  optimizer = adamw(lr = 1e-3, weight_decay = 0.01)
  steps = 1000
  batch_size = {case.batch}
}}
""")
    random = np.random.default_rng(7)
    names = ("tokens", "following")
    batch = {name: random.integers(0, case.vocab, (case.batch, case.context)) for name in names}
    if what == "inference":
        session = Session(onnx_file.to_bytes(nnspec.compile(spec).onnx), threads=threads)
        tokens = {"tokens": batch["tokens"]}
        return lambda: session.run(tokens)
    trainer = nnspec.Trainer(spec, seed=7, threads=threads)
    return lambda: trainer.step(batch)


if __name__ == "__main__":
    main()
