"""Networks with batch normalization through training: parameters and running statistics after ten steps, groups of
batches, shared layers, frozen ones and averages, and weights that go from one side to the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import nnspec

from .compare import worst

pytestmark = pytest.mark.parity

Batch = dict[str, np.ndarray[Any, Any]]

TOLERANCE = 1e-5
"""Relative, in the maximum norm of each tensor, after ten steps."""

SPEC = """nnspec 1
model m {
  input x: float32[N, 3, 6, 5]
  %s
  output y = h -> global_avg_pool -> dense(2)
}
train {
  target t: float32[N, 2]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1, momentum = 0.9)
  %s
}
"""
PLAIN = """first = conv2d(4, 3, padding = 1) -> tanh
  norm = batch_norm
  second = conv2d(4, 3) -> tanh
  h = batch_norm(%s)"""
SHARED = """first = conv2d(4, 3, padding = 1) -> tanh
  layer norm = batch_norm
  once = norm
  second = once -> conv2d(4, 3) -> tanh
  h = norm"""


class Network(nn.Module):
    """The same in PyTorch, with nnspec's names."""

    def __init__(self, shared: bool = False, **options: Any) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.h = self.norm if shared else nn.BatchNorm2d(4, **options)
        self.y = nn.Linear(4, 2)
        self.shared = shared

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(torch.tanh(self.first(x)))
        result: Tensor = self.y(self.h(torch.tanh(self.second(h))).mean((2, 3)))
        return result

    def weights(self) -> dict[str, Any]:
        """By nnspec's names: copies."""
        kept = {name: value for name, value in self.state_dict().items() if not (self.shared and name.startswith("h."))}
        return {name: value.numpy().astype(np.float32).copy() for name, value in kept.items()}


def pair(more: str = "steps = 10", body: str = PLAIN % "", **options: Any) -> tuple[nnspec.Trainer, Network]:
    torch.manual_seed(1)
    module = Network(body is SHARED, **options)
    trainer = nnspec.Trainer(nnspec.loads(SPEC % (body, more)))
    trainer.load_parameters(module.weights())
    return trainer, module


def batch(seed: int, rows: int = 8) -> Batch:
    random = np.random.default_rng(seed)
    x = random.normal(0.5, 2, (rows, 3, 6, 5)).astype(np.float32)
    return {"x": x, "t": random.normal(size=(rows, 2)).astype(np.float32)}


def loss_of(module: nn.Module, given: Batch) -> Tensor:
    return nn.functional.mse_loss(module(torch.from_numpy(given["x"])), torch.from_numpy(given["t"]))


def optimizer_of(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD([p for p in module.parameters() if p.requires_grad], 0.1, momentum=0.9)


def step(module: nn.Module, rule: torch.optim.Optimizer, batches: list[Batch]) -> float:
    rule.zero_grad()
    total = 0.0
    for given in batches:
        loss = loss_of(module, given) / len(batches)
        loss.backward()
        total += loss.item()
    rule.step()
    return total


def agree(trainer: nnspec.Trainer, module: Network) -> None:
    """All parameters and statistics, and the loss in inference."""
    wanted = {name: value for name, value in module.weights().items() if name in trainer.parameters}
    assert worst(trainer.parameters, wanted) < (TOLERANCE,)
    module.eval()
    with torch.no_grad():
        held_out = loss_of(module, batch(50)).item()
    module.train()
    assert trainer.evaluate(batch(50))["loss"] == pytest.approx(held_out, rel=TOLERANCE)


@pytest.mark.parametrize(
    "text, options",
    [
        ("", {}),
        ("0.3, eps = 0.01", {"momentum": 0.3, "eps": 0.01}),
        ("momentum = none", {"momentum": None}),
        ("affine = false", {"affine": False}),
        ("track = false", {"track_running_stats": False}),
    ],
)
def test_ten_steps(text: str, options: dict[str, Any]) -> None:
    """Batches of 8 rows, and of 3 at the end of each epoch."""
    trainer, module = pair(body=PLAIN % text, **options)
    rule = optimizer_of(module)
    for number in range(10):
        given = batch(number, 3 if number % 5 == 4 else 8)
        assert trainer.step(given)["loss"] == pytest.approx(step(module, rule, [given]), rel=TOLERANCE)
    agree(trainer, module)


def test_groups_of_batches() -> None:
    """Every batch of a group enters the statistics; the last group of the epoch is smaller."""
    trainer, module = pair("epochs = 2\n  accumulate = 3")
    batches, rule = [batch(number) for number in range(7)], optimizer_of(module)
    trainer.fit(batches)  # type: ignore[arg-type]
    for _ in range(2):
        for start in (0, 3, 6):
            step(module, rule, batches[start : start + 3])
    agree(trainer, module)


def test_a_shared_layer() -> None:
    trainer, module = pair(body=SHARED)
    rule = optimizer_of(module)
    for number in range(10):
        trainer.step(batch(number))
        step(module, rule, [batch(number)])
    agree(trainer, module)


def test_frozen_layers_are_those_in_eval_mode() -> None:
    trainer, module = pair('steps = 10\n  freeze = ["first.*", "norm.*"]')
    for part in (module.first, module.norm):
        part.requires_grad_(False)
    rule = optimizer_of(module)
    for number in range(10):
        module.train()
        module.norm.eval()
        trainer.step(batch(number))
        step(module, rule, [batch(number)])
    agree(trainer, module)


def test_an_average_keeps_the_last_statistics() -> None:
    trainer, module = pair("epochs = 2\n  average = ema(0.9)")
    averaged = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))  # type: ignore[no-untyped-call]
    averaged.update_parameters(module)
    batches, rule = [batch(number) for number in range(5)], optimizer_of(module)
    trainer.fit(batches)  # type: ignore[arg-type]
    for _ in range(2):
        for given in batches:
            step(module, rule, [given])
            averaged.update_parameters(module)
    found = trainer.parameters
    buffers = {name: value.numpy() for name, value in module.named_buffers() if name in found}
    assert worst({name: found[name] for name in buffers}, buffers) < (TOLERANCE,)


def test_weights_travel_both_ways() -> None:
    """From PyTorch with its counters, which are left out, and to it without them, which it allows."""
    trainer, module = pair()
    step(module, optimizer_of(module), [batch(1)])
    assert any(name.endswith("num_batches_tracked") for name in module.weights())
    trainer.load_parameters(module.weights())
    agree(trainer, module)
    trainer.step(batch(2))
    module.load_state_dict({name: torch.from_numpy(array) for name, array in trainer.parameters.items()})
    agree(trainer, module)
