"""The same gradients bit for bit, however often and whatever else the machine does."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import nnspec

NETWORKS = {
    "residual": """
  x = conv2d(16, 3, padding = 1) -> batch_norm -> relu
  h = x -> conv2d(16, 3, padding = 1, bias = false) -> batch_norm -> relu -> conv2d(16, 3, padding = 1) -> batch_norm
  h + x -> relu -> max_pool2d(3, stride = 2, padding = 1)
  conv2d(32, 3, stride = 2, padding = 1) -> group_norm(4) -> relu -> conv2d(32, 3, padding = 1) -> relu""",
    "inverted": """
  conv2d(8, 3, stride = 2, padding = 1, bias = false) -> batch_norm -> relu6
  conv2d(48, 1, bias = false) -> batch_norm -> relu6 -> depthwise_conv2d(3, padding = 1, bias = false) -> batch_norm
  relu6 -> conv2d(16, 1, bias = false) -> batch_norm -> avg_pool2d(2)
  depthwise_conv2d(5, padding = 2) -> conv2d(64, 1, groups = 4) -> relu -> spatial_dropout(0.2)""",
    "up and down": """
  conv2d(16, 5, padding = "same") -> relu -> max_pool2d(2) -> conv2d(24, 3, padding = 2, dilation = 2) -> relu
  conv_transpose2d(16, 2, stride = 2) -> instance_norm -> relu -> resize(scale = 2) -> conv2d(8, 3) -> relu""",
}
HEAD = """nnspec 1
model network {
  input image: float32[N, 3, 16, 16]
"""
TAIL = """
  global_avg_pool
  output logits = dense(10)
}
train {
  target label: label[N]
  loss = cross_entropy(logits, label)
  optimizer = adamw()
  steps = 1
}
"""


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_are_equal_run_to_run(network: str, threads: int) -> None:
    spec = nnspec.loads(HEAD + NETWORKS[network] + TAIL)
    trainer = nnspec.Trainer(spec, seed=7, threads=threads, classes={"label": list(range(10))})
    random = np.random.default_rng(7)
    batch = {"image": random.normal(size=(16, 3, 16, 16)).astype(np.float32), "label": random.integers(0, 10, 16)}
    seen = {_digest(trainer.gradients(batch)) for _ in range(50)}
    assert len(seen) == 1


def _digest(gradients: dict[str, np.ndarray]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in gradients.values())).hexdigest()
