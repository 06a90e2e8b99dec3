"""An epoch over real data: the same batches in the same order give the same weights."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnspec
from nnspec.data.batching import Batches
from nnspec.data.dataset import load
from nnspec.library import registries

from .compare import error, worst
from .forms_numbers import Standardize
from .sketch import Net

pytestmark = pytest.mark.parity

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"
TOLERANCE = 1e-4

Arrays = dict[str, Tensor]


def train_rows(spec: nnspec.Spec) -> Arrays:
    """The rows of the train split: read by nnspec, which also draws the fraction for validation."""
    found = load(spec, registries()).train
    assert found is not None
    return {name: torch.from_numpy(array) for name, array in found.arrays.items()}


def fitted(features: Tensor) -> Standardize:
    """The module with the statistics of these rows, as their definition says."""
    module = Standardize(features.shape[1], -1)
    wide = features.double()
    module.mean.copy_(wide.mean(0))
    module.deviation.copy_(wide.std(0, unbiased=False))
    return module


def copied(net: Net, parameters: dict[str, Any]) -> None:
    """Give the network nnspec's weights, all but the statistics, which each side finds for itself."""
    given = {name: torch.from_numpy(array) for name, array in parameters.items() if not name.startswith("standardize")}
    found = net.weights.load_state_dict(given, strict=False)
    assert not found.unexpected_keys and all(name.startswith("standardize") for name in found.missing_keys)


def order(spec: nnspec.Spec, rows: int) -> list[Tensor]:
    """The rows of each batch of the first epoch."""
    assert spec.train is not None
    return [torch.from_numpy(chosen) for chosen in Batches(rows, spec.train.batch_size, spec.train.seed).epoch(0)]


def state(net: Net) -> dict[str, Any]:
    return {name: value.detach().numpy() for name, value in net.weights.state_dict().items()}


def dense_layers(net: Net, *sizes: int) -> list[nn.Linear]:
    """Dense layers without a name, one behind the other."""
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    for number, layer in enumerate(layers, 1):
        net.own(f"dense_{number}", layer)
    return layers


def test_an_epoch_on_iris() -> None:
    spec = nnspec.load(ACCEPTANCE / "iris.nn")
    rows = train_rows(spec)
    net, standardize, last = Net(), fitted(rows["features"]), nn.Linear(16, 3)
    net.own("standardize_1", standardize)
    first, second = dense_layers(net, 4, 16, 16)
    net.own("logits", last)
    trainer = nnspec.Trainer(spec)
    copied(net, trainer.parameters)

    def logits(x: Tensor) -> Tensor:
        return last(second(first(standardize(x)).relu()).relu())

    optimizer = torch.optim.AdamW(net.parameters(), 0.01, weight_decay=1e-4)
    total = 0.0
    for chosen in order(spec, len(rows["species"])):
        loss = F.cross_entropy(logits(rows["features"][chosen]), rows["species"][chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    history = trainer.fit(epochs=1)
    assert worst(trainer.parameters, state(net)) < (TOLERANCE,)
    assert history.epochs[0]["train.loss"] == pytest.approx(total / len(rows["species"]), rel=TOLERANCE)
    with torch.no_grad():
        wanted = logits(rows["features"]).softmax(-1).numpy()
    assert error(trainer.predict({"features": rows["features"].numpy()})["probability"], wanted) < TOLERANCE


def test_an_epoch_on_diabetes() -> None:
    """Without dropout, which is random: huber, momentum, and a penalty of either kind on patterns of parameters."""
    spec = nnspec.load(ACCEPTANCE / "diabetes.nn", set={"rate": 0.0})
    rows = train_rows(spec)
    net, standardize, last = Net(), fitted(rows["features"]), nn.Linear(32, 1)
    net.own("standardize_1", standardize)
    first, second = dense_layers(net, 10, 32, 32)
    net.own("progression", last)
    trainer = nnspec.Trainer(spec)
    copied(net, trainer.parameters)

    def predicted(x: Tensor) -> Tensor:
        return last(F.leaky_relu(second(F.leaky_relu(first(standardize(x)), 0.1)), 0.1))

    optimizer = torch.optim.SGD(net.parameters(), 0.001, 0.9, nesterov=True)
    for chosen in order(spec, len(rows["measured"])):
        loss = F.huber_loss(predicted(rows["features"][chosen]), rows["measured"][chosen], delta=20.0)
        squares = sum(layer.weight.square().sum() for layer in (first, second, last))
        optimizer.zero_grad()
        (loss + 1e-4 * squares + 1e-5 * first.weight.abs().sum()).backward()
        optimizer.step()
    trainer.fit(epochs=1)
    assert worst(trainer.parameters, state(net)) < (TOLERANCE,)
    with torch.no_grad():
        wanted = predicted(rows["features"]).numpy()
    assert error(trainer.predict({"features": rows["features"].numpy()})["progression"], wanted) < TOLERANCE


WIDE = """nnspec 1
model wide {
  input x: float32[N, 64]
  dense(300) -> relu
  dense(200) -> gelu
  output y = dense(10)
}
train {
  target t: label[N]
  loss = cross_entropy(y, t)
  optimizer = adamw(1e-3)
  batch_size = 128
  epochs = 1
}
"""


def test_gradients_of_wide_layers_on_digits() -> None:
    """Products that ONNX Runtime splits among threads and tiles."""
    with np.load(ACCEPTANCE / "data" / "digits_train.npz") as data:
        x, t = data["rows"][:128].reshape(128, 64).astype(np.float32) / 16, data["label"][:128]
    trainer = nnspec.Trainer(nnspec.loads(WIDE))
    net, last = Net(), nn.Linear(200, 10)
    first, second = dense_layers(net, 64, 300, 200)
    net.own("y", last)
    copied(net, trainer.parameters)
    F.cross_entropy(last(F.gelu(second(first(torch.from_numpy(x)).relu()))), torch.from_numpy(t)).backward()
    wanted = {name: weight.grad.numpy() for name, weight in net.weights.named_parameters() if weight.grad is not None}
    assert worst(trainer.gradients({"x": x, "t": t}), wanted) < (1e-5,)
