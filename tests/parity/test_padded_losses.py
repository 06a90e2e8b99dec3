"""Losses and metrics of padded sequences, against a masked loss in PyTorch: values, gradients, ten steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import nnspec

from .compare import worst

pytestmark = pytest.mark.parity

LENGTHS = np.array([4, 7, 1, 0, 7])
SPEC = """nnspec 1
model m {{
  input x: float32[N, T, 3]
  input n: int64[N]
  read = x -> lstm(5, lengths = n)
  output y = read -> dense({units})
}}
train {{
  target t: {target}
  loss = {loss}
  optimizer = adamw(lr = 0.01, weight_decay = 0)
  metrics = [{metrics}]
  steps = 10
}}
"""
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": lambda y, t: F.mse_loss(y, t, reduction="none"),
    "mae": lambda y, t: F.l1_loss(y, t, reduction="none"),
    "huber": lambda y, t: F.huber_loss(y, t, reduction="none"),
    "binary_cross_entropy": lambda y, t: F.binary_cross_entropy_with_logits(y, t, reduction="none"),
    "cross_entropy": lambda y, t: F.cross_entropy(y.transpose(1, 2), t, reduction="none")[..., None],
}


class Torch(nn.Module):
    def __init__(self, units: int, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.read, self.y = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, units)
        self.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})

    def forward(self, x: Tensor, lengths: np.ndarray) -> Tensor:
        steps = [self.read(row[None, :length])[0] if length else row.new_zeros(1, 0, 5) for row, length in
                 zip(x, lengths, strict=True)]  # fmt: skip
        padded = torch.cat([F.pad(step, (0, 0, 0, x.shape[1] - step.shape[1])) for step in steps])
        return self.y(padded)


def masked(losses: Tensor, lengths: np.ndarray) -> Tensor:
    kept = (torch.arange(losses.shape[1]) < torch.tensor(lengths)[:, None])[..., None].expand_as(losses)
    return losses[kept].mean()


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_is_left_out_as_by_a_mask(loss: str) -> None:
    classes = loss == "cross_entropy"
    units, target = (4, "int64[N, T]") if classes else (2, "float32[N, T, 2]")
    metrics = "" if classes else "mae(y, t, lengths = n), mse(y, t, lengths = n)"
    text = SPEC.format(units=units, target=target, loss=f"{loss}(y, t, lengths = n)", metrics=metrics)
    trainer = nnspec.Trainer(nnspec.loads(text), seed=3)
    random = np.random.default_rng(1)
    batch = {"x": random.normal(size=(5, 7, 3)).astype(np.float32), "n": LENGTHS}
    wanted = random.integers(0, 4, (5, 7)) if classes else random.random((5, 7, 2)).astype(np.float32)
    batch["t"] = wanted
    net = Torch(units, trainer.parameters)
    x, t = torch.tensor(batch["x"]), torch.tensor(wanted)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    if not classes:  # what stands in the padding is of no matter
        batch["t"] = np.where(np.arange(7)[:, None] < LENGTHS[:, None, None], wanted, 1e6).astype(np.float32)
    for _ in range(10):
        optimizer.zero_grad()
        y = net(x, LENGTHS)
        own = masked(LOSSES[loss](y, t), LENGTHS)
        own.backward()
        found = trainer.gradients(batch)
        assert worst(found, {name: p.grad.numpy() for name, p in net.named_parameters()})[0] < 1e-4
        told = trainer.step(batch)
        assert told["loss"] == pytest.approx(own.item(), rel=1e-5)
        if not classes:
            assert told["mae"] == pytest.approx(masked((y - t).abs(), LENGTHS).item(), rel=1e-5)
            assert told["mse"] == pytest.approx(masked((y - t) ** 2, LENGTHS).item(), rel=1e-5)
        optimizer.step()
    assert worst(trainer.parameters, {name: p.detach().numpy() for name, p in net.named_parameters()})[0] < 1e-4
