"""Small specs for the tests of compiler and trainer."""

from __future__ import annotations

from typing import Any

import numpy as np

import nnspec
from nnspec.ir.spec import Spec

CLASSIFIER = """nnspec 1
model classifier(rate = 0.0) {
  input x: float32[N, 5]
  standardize
  dense(8) -> tanh -> dropout(rate)
  logits = dense(3)
  output probability = logits -> softmax
}
train {
  target y: label[N]
  loss       = cross_entropy(logits, y)
  optimizer  = %s
  metrics    = [accuracy(logits, y)]
  batch_size = 16
  seed       = 7
  %s
}
"""


def classifier(
    optimizer: str = "adamw(lr = 0.01)", more: str = "", *, epochs: int = 3, rate: float = 0.0, path: str = "small.nn"
) -> Spec:
    """A perceptron with every kind of layer that matters to the trainer; `more` are lines of the train section."""
    return nnspec.loads(CLASSIFIER % (optimizer, f"epochs = {epochs}\n  {more}"), set={"rate": rate}, path=path)


def rows(count: int, seed: int = 0) -> dict[str, Any]:
    """Rows that a classifier can learn: float32 [count, 5] and classes 0 to 2."""
    random = np.random.default_rng(seed)
    x = random.normal(3, 2, (count, 5)).astype(np.float32)
    return {"x": x, "y": np.digitize(x[:, 0] - x[:, 1], [-1, 1])}
