"""At kinks, ties and tails the slopes are PyTorch's as well. Random data never comes there; zeros from padding do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import nnspec

from .compare import error

pytestmark = pytest.mark.parity

Array = np.ndarray[Any, Any]
Function = Callable[..., Tensor]

TOLERANCE = 1e-5

KINKS = [[-3.0], [-1.0], [-0.5], [0.0], [0.5], [1.0], [3.0], [6.0]]
TIES = [[1.0, 1.0, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, -1.0], [3.0, 1.0, 2.0]]
TAILS = [[-100.0], [-20.0], [-1e-3], [-1e-6], [0.0], [1e-6], [20.0], [100.0]]

ACTIVATIONS: dict[str, Function] = {
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu(0.2)": lambda x: F.leaky_relu(x, 0.2),
    "elu(0.5)": lambda x: F.elu(x, 0.5),
    "celu(0.5)": lambda x: F.celu(x, 0.5),
    "selu": F.selu,
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    "abs": torch.abs,
    "softsign": F.softsign,
    "clip(-1, 1)": lambda x: x.clamp(-1, 1),
    "clip(min = 0)": lambda x: x.clamp(min=0),
    "clip(max = 0.5)": lambda x: x.clamp(max=0.5),
    "prelu": lambda x: F.prelu(x, torch.tensor([0.25])),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "mish": F.mish,
    "gelu": F.gelu,
    'gelu("tanh")': lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
}

REDUCTIONS: dict[str, Function] = {
    "max(-1, keepdims = true)": lambda x: x.amax(-1, keepdim=True),
    "min(-1, keepdims = true)": lambda x: x.amin(-1, keepdim=True),
}

LOSSES: dict[str, tuple[Function, Any, Any]] = {
    "mae": (F.l1_loss, [[1, 2, 0]], [[1, 0, 3]]),
    "huber": (F.huber_loss, [[1, -1, 0, 1]], [[0, 0, 1, 1]]),
    "huber(delta = 0.5)": (lambda x, t: F.huber_loss(x, t, delta=0.5), [[0.5, -0.5, 0, 1]], [[0, 0, 1, 1]]),
    "hinge": (lambda x, t: (1 - x * t).relu().mean(), [[1, -1, 0.5, 3]], [[1, -1, 1, -1]]),
    "kl_divergence": (lambda x, t: F.kl_div(x, t, reduction="none").mean(), [[-1, -2], [0, -5]], [[0, 1], [1, 0]]),
    "cosine": (lambda x, t: 1 - F.cosine_similarity(x, t).mean(), [[0, 0], [1, 2], [3, 4]], [[1, 1], [0, 0], [4, 3]]),
    "binary_cross_entropy": (F.binary_cross_entropy_with_logits, [[100, -100, 3, 0]], [[0, 0, 0.3, 1]]),
}


@pytest.mark.parametrize("points", [KINKS, TAILS], ids=["kinks", "tails"])
@pytest.mark.parametrize("text", ACTIVATIONS)
def test_activations(text: str, points: Any) -> None:
    agree(text, ACTIVATIONS[text], points)


@pytest.mark.parametrize("text", REDUCTIONS)
def test_ties(text: str) -> None:
    agree(text, REDUCTIONS[text], TIES)


@pytest.mark.parametrize("text", LOSSES)
def test_losses(text: str) -> None:
    function, points, targets = LOSSES[text]
    agree_on_loss(text, function, points, targets)


def test_logits_that_are_sure() -> None:
    """ONNX Runtime's Sigmoid is right to 1e-7 of 1, so that it is no slope for logits far below 0."""
    agree_on_gradient("binary_cross_entropy", F.binary_cross_entropy_with_logits, [[-8, -9, -12]], [[0, 0, 0]])


SPEC = """nnspec 1
model points {{
  input ids: int64[N]
  x = ids -> embedding({rows}, {columns})
  output y = x -> {layer}
}}
train {{
  target t: float32[N, {targets}]
  loss = {loss}
  optimizer = sgd(0.1)
  steps = 1
}}
"""


def agree(text: str, function: Function, points: Any) -> None:
    """Values, and slopes at points: these are the rows of an embedding, so that its gradient is the slopes."""
    weight = torch.tensor(points, requires_grad=True)
    y = function(weight)
    (y + 100).square().mean().backward()
    trainer, batch = at_points(text, "mse(y, t)", points, np.full(y.shape, -100, np.float32))
    assert error(trainer.predict({"ids": batch["ids"]})["y"], y.detach().numpy()) < TOLERANCE
    assert weight.grad is not None
    assert error(trainer.gradients(batch)["x.weight"], weight.grad.numpy()) < TOLERANCE


def agree_on_loss(text: str, function: Function, points: Any, targets: Any) -> None:
    trainer, batch = at_points("identity", loss_text(text), points, np.asarray(targets, np.float32))
    loss = agree_on_gradient(text, function, points, targets)
    assert trainer.evaluate(batch)["loss"] == pytest.approx(loss, rel=TOLERANCE)


def agree_on_gradient(text: str, function: Function, points: Any, targets: Any) -> float:
    wanted = np.asarray(targets, np.float32)
    weight = torch.tensor(points, dtype=torch.float32, requires_grad=True)
    loss = function(weight, torch.from_numpy(wanted))
    loss.backward()
    trainer, batch = at_points("identity", loss_text(text), points, wanted)
    assert weight.grad is not None
    assert error(trainer.gradients(batch)["x.weight"], weight.grad.numpy()) < TOLERANCE
    return loss.item()


def loss_text(text: str) -> str:
    kind, _, options = text.partition("(")
    return f"{kind}(y, t{', ' + options if options else ')'}"


def at_points(layer: str, loss: str, points: Any, targets: Array) -> tuple[nnspec.Trainer, dict[str, Array]]:
    """A trainer whose embedding holds the points, and the batch of all of them."""
    weight = np.asarray(points, np.float32)
    rows, columns = weight.shape
    text = SPEC.format(rows=rows, columns=columns, layer=layer, targets=targets.shape[1], loss=loss)
    trainer = nnspec.Trainer(nnspec.loads(text))
    trainer.load_parameters({"x.weight": weight}, strict=False)
    return trainer, {"ids": np.arange(rows), "t": targets}
