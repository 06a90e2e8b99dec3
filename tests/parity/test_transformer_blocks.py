"""The layers of `std.transformer` against modules of PyTorch: outputs, loss and gradients, with every activation and
both places of the norms. Where PyTorch has the layer itself, it is `TransformerEncoderLayer` and
`TransformerDecoderLayer`, whose weights come through a rename table as a user's would."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnspec
from nnspec.compiler.renamed import renamed
from nnspec.ir.renaming import Table
from nnspec.runtime.tensor_file import write_tensors

from .compare import error

pytestmark = pytest.mark.parity
ROWS, QUERIES, KEYS, DIM, HEADS, HIDDEN, EPS = 3, 6, 7, 16, 4, 24, 1e-3
TOLERANCE = 2e-5
"""Relative, in the maximum norm of each tensor."""
Batch = dict[str, np.ndarray[Any, Any]]
HEADED = ("query", "key", "value")

SPEC = """nnspec 1

use std.transformer: encoder_layer, decoder_layer

model one {{
  input x: float32[N, T, {dim}]
  {inputs}
  first = x -> dense({dim})
  output y = first -> {layer}
}}

train {{
  target t: float32[N, T, {dim}]
  loss      = mse(y, t)
  optimizer = sgd(lr = 0.1)
  steps     = 1
  init      = weights("w.safetensors", rename = {rules})
}}
"""


class Gated(nn.Module):
    """The feed-forward part of an encoder layer with swiglu: one matrix gives the values and what gates them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(DIM, 2 * HIDDEN), nn.Linear(HIDDEN, DIM)

    def forward(self, x: Tensor) -> Tensor:
        values, gates = self.linear1(x).chunk(2, -1)
        found: Tensor = self.linear2(values * F.silu(gates))
        return found


class GatedEncoder(nn.TransformerEncoderLayer):
    """PyTorch's layer with that in the place of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(DIM, HEADS, HIDDEN, dropout=0.0, layer_norm_eps=EPS, batch_first=True, **options)
        self.gated = Gated()
        self.linear1, self.linear2 = self.gated.linear1, self.gated.linear2

    def _ff_block(self, x: Tensor) -> Tensor:
        found: Tensor = self.gated(x)
        return found


class GatedDecoder(nn.TransformerDecoderLayer):
    def __init__(self, **options: Any) -> None:
        super().__init__(DIM, HEADS, HIDDEN, dropout=0.0, layer_norm_eps=EPS, batch_first=True, **options)
        self.gated = Gated()
        self.linear1, self.linear2 = self.gated.linear1, self.gated.linear2

    def _ff_block(self, x: Tensor) -> Tensor:
        found: Tensor = self.gated(x)
        return found


class Reference(nn.Module):
    """A layer before, so that gradients go on from the block, and the block."""

    def __init__(self, decoder: bool, activation: str, pre: bool) -> None:
        super().__init__()
        self.first = nn.Linear(DIM, DIM)
        if activation == "swiglu":
            self.layer: nn.Module = (GatedDecoder if decoder else GatedEncoder)(norm_first=pre)
        else:
            kind = nn.TransformerDecoderLayer if decoder else nn.TransformerEncoderLayer
            sizes: dict[str, Any] = {"dropout": 0.0, "layer_norm_eps": EPS, "batch_first": True, "norm_first": pre}
            self.layer = kind(DIM, HEADS, HIDDEN, activation=activation, **sizes)
        with torch.no_grad():
            for value in self.parameters():
                value.add_(0.1 * torch.randn_like(value))

    def forward(self, batch: Batch) -> Tensor:
        x, seen = self.first(torch.from_numpy(batch["x"])), torch.from_numpy(batch["seen"])
        if isinstance(self.layer, nn.TransformerDecoderLayer):
            causal = nn.Transformer.generate_square_subsequent_mask(QUERIES)
            memory = torch.from_numpy(batch["memory"])
            found: Tensor = self.layer(x, memory, tgt_mask=causal, memory_key_padding_mask=~seen, tgt_is_causal=True)
        else:
            found = self.layer(x, src_key_padding_mask=~seen)
        return found


def rules(decoder: bool, pre: bool) -> list[list[Any]]:
    """From PyTorch's names to the paths below `y` of the spec."""
    parts = [("self_attn", "norm1"), ("multihead_attn", "norm2")][: 1 + decoder]
    found: list[list[Any]] = [["layer.gated.*", ""]]
    for number, (attention, norm) in enumerate(parts, 1):
        scope = "y.x" if number == 1 else "y.x_2"
        own = f"{scope}.attention_1"
        found += [
            [f"layer.{attention}.in_proj_*", [f"{own}.{name}.*" for name in HEADED]],
            [f"layer.{attention}.out_proj.*", f"{own}.output.*"],
            [f"layer.{norm}.*", f"{scope}.layer_norm_1.*"],
        ]
    return [
        *found,
        [f"layer.norm{len(parts) + 1}.*", "y.layer_norm_1.*"],
        ["layer.linear*.*", "y.feed_forward_1.dense_*.*"],
    ]


CASES = list(product((False, True), ("gelu", "relu", "swiglu"), (False, True)))


@pytest.mark.parametrize(
    ("decoder", "activation", "pre"),
    CASES,
    ids=[f"{'decoder' if d else 'encoder'}-{a}-{'pre' if p else 'post'}" for d, a, p in CASES],
)
def test_outputs_and_gradients(decoder: bool, activation: str, pre: bool, tmp_path: Path) -> None:
    torch.manual_seed(2)
    reference = Reference(decoder, activation, pre)
    state = {name: value.detach().numpy() for name, value in reference.named_parameters()}
    table = rules(decoder, pre)
    options = f'hidden = {HIDDEN}, activation = "{activation}", pre = {str(pre).lower()}, dropout = 0.0, eps = {EPS}'
    inputs, layer = f"input seen: bool[N, {'S' if decoder else 'T'}]", f"encoder_layer({HEADS}, mask = seen, {options})"
    if decoder:
        inputs = f"input memory: float32[N, S, {DIM}]\n  {inputs}"
        layer = f"decoder_layer({HEADS}, memory, memory_mask = seen, {options})"
    write_tensors(tmp_path / "w.safetensors", state)
    said = repr(table).replace("'", '"')
    (tmp_path / "one.nn").write_text(SPEC.format(dim=DIM, inputs=inputs, layer=layer, rules=said), "utf-8")
    trainer = nnspec.Trainer(nnspec.load(tmp_path / "one.nn"), threads=1)

    random = np.random.default_rng(4)
    seen = np.ones((ROWS, KEYS if decoder else QUERIES), bool)
    seen[1, 3:] = seen[2, 5:] = False
    batch: Batch = {"x": random.normal(size=(ROWS, QUERIES, DIM)).astype(np.float32), "seen": seen}
    if decoder:
        batch["memory"] = random.normal(size=(ROWS, KEYS, DIM)).astype(np.float32)
    target = random.normal(size=(ROWS, QUERIES, DIM)).astype(np.float32)

    reference.train()  # PyTorch's fast path for inference computes padded places otherwise
    y = reference(batch)
    loss = F.mse_loss(y, torch.from_numpy(target))
    loss.backward()
    assert error(trainer.predict(batch)["y"], y.detach().numpy()) < TOLERANCE
    found = trainer.gradients({**batch, "t": target})
    slopes = {name: value.grad.numpy() for name, value in reference.named_parameters()}  # type: ignore[union-attr]
    expected = renamed(slopes, Table(table)).arrays
    assert set(found) == set(expected)
    for path, value in expected.items():
        like = expected[path.replace(".key.", ".query.")] if path.endswith("key.bias") else value  # 0 but for rounding
        assert error(found[path], value, float(np.abs(like).max())) < TOLERANCE, path
