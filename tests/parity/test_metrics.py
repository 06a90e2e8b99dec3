"""`Trainer.evaluate` over a split of several batches, the last one smaller, against formulas over the whole split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import nnspec
from nnspec.library import registries

pytestmark = pytest.mark.parity

ROWS = 613
"""Neither a multiple of the batch size nor of the rows that an evaluation takes at once."""

Array = np.ndarray[Any, Any]
Metric = Callable[[Tensor, Tensor], Any]

IGNORED = 2

CLASSES: dict[str, Metric] = {
    "accuracy(y, t)": lambda y, t: (y.argmax(-1) == t).double().mean(),
    f"accuracy(y, t, ignore = {IGNORED})": lambda y, t: (y.argmax(-1) == t)[t != IGNORED].double().mean(),
    "top_k_accuracy(y, t, k = 2)": lambda y, t: (y.topk(2).indices == t[..., None]).any(-1).double().mean(),
    "perplexity(y, t)": lambda y, t: F.cross_entropy(y.double().movedim(-1, 1), t).exp(),
    f"perplexity(y, t, ignore = {IGNORED})": lambda y, t: F.cross_entropy(
        y.double().movedim(-1, 1), t, ignore_index=IGNORED
    ).exp(),
}


def counts(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How often each class is right, said and true."""
    said, true = F.one_hot(y.argmax(-1), 4).reshape(-1, 4), F.one_hot(t, 4).reshape(-1, 4)
    return (said * true).sum(0).double(), said.sum(0).double(), true.sum(0).double()


def precision(y: Tensor, t: Tensor) -> Tensor:
    right, said, _ = counts(y, t)
    return (right / said.clamp(min=1)).mean()


def recall(y: Tensor, t: Tensor) -> Tensor:
    right, _, true = counts(y, t)
    return (right / true).mul(true).sum() / true.sum()


def f1(y: Tensor, t: Tensor) -> Tensor:
    right, said, true = (count.sum() for count in counts(y, t))
    return 2 * right / (said + true)


def iou(y: Tensor, t: Tensor) -> Tensor:
    right, said, true = counts(y, t)
    return (right / (said + true - right)).mean()


def auc(y: Tensor, t: Tensor) -> Tensor:
    """The part of all pairs that is in order, for each class against the rest."""
    p, t = y.double().softmax(-1).reshape(-1, 4), t.reshape(-1)
    gaps = [p[t == c, c][:, None] - p[t != c, c] for c in range(4)]
    return torch.stack([((gap > 0).double() + 0.5 * (gap == 0).double()).mean() for gap in gaps]).mean()


CLASSES |= {
    "precision(y, t)": precision,
    'recall(y, t, average = "weighted")': recall,
    'f1(y, t, average = "micro")': f1,
    "iou(y, t)": iou,
    "auc(y, t)": auc,
}


def r2(y: Tensor, t: Tensor) -> Tensor:
    y, t = y.double(), t.double()
    return (1 - (y - t).square().sum(0) / (t - t.mean(0)).square().sum(0)).mean()


NUMBERS: dict[str, Metric] = {
    "mae(y, t)": lambda y, t: (y.double() - t).abs().mean(),
    "mse(y, t)": lambda y, t: (y.double() - t).square().mean(),
    "r2(y, t)": r2,
    "accuracy(y, t, threshold = 0.2)": lambda y, t: ((y > 0.2) == (t > 0.5)).double().mean(),
}

SPEC = """nnspec 1
model measured {{
  input x: float32[N, {shape}]
  output y = x -> dense({outputs})
}}
train {{
  target t: {target}
  loss = {loss}
  optimizer = adam
  metrics = [{metric}]
  batch_size = 32
  epochs = 1
}}
"""


def test_the_metrics_of_the_library_are_covered() -> None:
    assert {text.partition("(")[0] for text in (*CLASSES, *NUMBERS)} == set(registries()["metric"])


@pytest.mark.parametrize("text", CLASSES)
@pytest.mark.parametrize("steps", [(), (3,)], ids=["rows", "sequences"])
def test_metrics_of_classes(text: str, steps: tuple[int, ...]) -> None:
    random = np.random.default_rng(5)
    dims = "".join(f"{size}, " for size in steps)
    target = f"label[N{''.join(f', {size}' for size in steps)}]"
    t = random.integers(0, 4, (ROWS, *steps))
    x = random.normal(size=(ROWS, *steps, 5))
    found, y, loss = measured(text, f"{dims}5", 4, target, "cross_entropy(y, t)", x, t)
    wanted = torch.from_numpy(t)
    assert loss == pytest.approx(F.cross_entropy(y.movedim(-1, 1), wanted).item(), rel=1e-5)
    assert found == pytest.approx(float(CLASSES[text](y, wanted)), rel=1e-6)


@pytest.mark.parametrize("text", NUMBERS)
def test_metrics_of_numbers(text: str) -> None:
    random = np.random.default_rng(6)
    t = random.normal([0.4, 30, -5], [1, 2, 0.1], (ROWS, 3)).astype(np.float32)
    x = random.normal(size=(ROWS, 5))
    found, y, loss = measured(text, "5", 3, "float32[N, 3]", "mse(y, t)", x, t)
    wanted = torch.from_numpy(t)
    assert loss == pytest.approx(F.mse_loss(y, wanted).item(), rel=1e-5)
    assert found == pytest.approx(float(NUMBERS[text](y, wanted)), rel=1e-6)


def measured(
    metric: str, shape: str, outputs: int, target: str, loss: str, x: Array, t: Array
) -> tuple[float, Tensor, float]:
    """The metric of a fresh model over a whole split, what the model says there, and its loss."""
    text = SPEC.format(shape=shape, outputs=outputs, target=target, loss=loss, metric=metric)
    trainer = nnspec.Trainer(nnspec.loads(text), seed=4)
    inputs = x.astype(np.float32)
    found = trainer.evaluate({"x": inputs, "t": t})
    weights = {name: torch.from_numpy(array) for name, array in trainer.parameters.items()}
    y = F.linear(torch.from_numpy(inputs), weights["y.weight"], weights["y.bias"])
    return found[metric.partition("(")[0]], y, found["loss"]
