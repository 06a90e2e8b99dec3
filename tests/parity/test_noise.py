"""Layers that are random in training: there their distribution is PyTorch's, and in use the model is that of eval mode.

The layer stands on an embedding with a row of its own for each row of the batch, so that the gradient of the embedding
shows what was drawn for every element.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnspec

from .compare import error

pytestmark = pytest.mark.parity

ROWS, COLUMNS = 64, 240

SPEC = """nnspec 1
model noisy {{
  input ids: int64[N]
  layer table = embedding({rows}, {columns}, init = normal(1))
  x = ids -> table
  output y = x -> {layer}
}}
train {{
  target t: float32[N, {columns}]
  loss = {loss}
  optimizer = sgd(1e-9)
  steps = 10
  seed = 11
}}
"""


def trainer_of(layer: str, loss: str = "mae(y, t)") -> nnspec.Trainer:
    return nnspec.Trainer(nnspec.loads(SPEC.format(rows=ROWS, columns=COLUMNS, layer=layer, loss=loss)))


def batch(value: float) -> dict[str, Any]:
    return {"ids": np.arange(ROWS), "t": np.full((ROWS, COLUMNS), value, np.float32)}


def factors(trainer: nnspec.Trainer) -> Any:
    """What each element is multiplied with: all are above the target, so that the slope of the loss is 1 / count."""
    return trainer.gradients(batch(-1e6))["table.weight"] * (ROWS * COLUMNS)


def noise(trainer: nnspec.Trainer) -> Any:
    """What is added to each element; with the target 0 the slope of the loss is 2 y / count."""
    y = trainer.gradients(batch(0))["table.weight"] * (ROWS * COLUMNS) / 2
    return y - trainer.parameters["table.weight"]


def require_same_share(found: Any, expected: Tensor, rate: float, groups: int) -> None:
    """The same scale, and shares of zeros that differ no more than chance lets likely, in so many independent draws."""
    kept = np.unique(found.round(5))
    assert kept == pytest.approx([0, 1 / (1 - rate)], abs=2e-5)
    assert expected.unique().numpy() == pytest.approx(kept, abs=2e-5)
    spread = (rate * (1 - rate) / groups) ** 0.5
    assert np.mean(found == 0) == pytest.approx((expected == 0).float().mean().item(), abs=4 * 2**0.5 * spread)
    assert np.mean(found == 0) == pytest.approx(rate, abs=4 * spread)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout(rate: float) -> None:
    torch.manual_seed(1)
    trainer = trainer_of(f"dropout({rate})")
    first = factors(trainer)
    require_same_share(first, F.dropout(torch.ones(ROWS, COLUMNS), rate), rate, ROWS * COLUMNS)
    for axis, draws in ((0, ROWS), (1, COLUMNS)):  # rows and columns are independent: their counts are binomial
        share = (first == 0).mean(axis)
        assert share.var() == pytest.approx(rate * (1 - rate) / draws, rel=0.6)
    trainer.step(batch(-1e6))
    both = (factors(trainer) == 0) & (first == 0)
    assert both.mean() == pytest.approx(rate**2, abs=0.02)  # the next step draws anew


def test_the_gradients_of_one_step_are_those_of_one_draw() -> None:
    """Loss and gradient belong together: PyTorch with the mask that the gradient shows gives the same loss."""
    trainer = trainer_of("dropout(0.3)", "mse(y, t)")
    weight = trainer.parameters["table.weight"]
    y = trainer.gradients(batch(0))["table.weight"] * (ROWS * COLUMNS) / 2 * (1 - 0.3)  # 2 mask² x / count
    assert trainer.step(batch(0))["loss"] == pytest.approx(float(np.mean(y**2)), rel=1e-5)
    assert np.mean(np.abs(y) > 0) == pytest.approx(0.7, abs=0.02) and np.all((y == 0) | (np.sign(y) == np.sign(weight)))


@pytest.mark.parametrize("function, sizes", [(F.dropout1d, (4,)), (F.dropout2d, (2, 2)), (F.dropout3d, (1, 2, 2))])
@pytest.mark.parametrize("axis", [1, -1])
def test_spatial_dropout(function: Any, sizes: tuple[int, ...], axis: int) -> None:
    """Channels go as a whole, whatever the number of axes behind them; features may come last, as in Keras."""
    torch.manual_seed(1)
    shape, rate = (60, *sizes) if axis == 1 else (*sizes, 60), 0.25
    layer = f"reshape({', '.join(map(str, shape))}) -> spatial_dropout({rate}{'' if axis == 1 else ', axis = -1'})"
    found = factors(trainer_of(f"{layer} -> flatten")).reshape(ROWS, *shape)
    channels = np.moveaxis(found, axis, 1).reshape(ROWS, 60, 4)
    assert np.all(channels == channels[:, :, :1])
    expected = function(torch.ones(ROWS, 60, *sizes), rate).reshape(ROWS, 60, 4)
    require_same_share(channels[:, :, 0], expected[:, :, 0], rate, ROWS * 60)


def distance(a: Any, b: Any) -> float:
    """The greatest distance of two empirical distribution functions, times √(n / 2): Kolmogorov and Smirnov."""
    both = np.sort(np.concatenate([a, b]))
    parts = [np.searchsorted(np.sort(x), both, "right") / len(x) for x in (a, b)]
    return float(np.abs(parts[0] - parts[1]).max() * (len(a) / 2) ** 0.5)


def test_gaussian_noise() -> None:
    torch.manual_seed(1)
    trainer = trainer_of("gaussian_noise(0.5)", "mse(y, t)")
    first = noise(trainer).ravel() / 0.5
    assert distance(first, torch.randn(ROWS * COLUMNS).numpy()) < 1.95  # more happens once in a thousand times
    assert first.mean() == pytest.approx(0, abs=0.03) and first.std() == pytest.approx(1, abs=0.03)
    trainer.step(batch(0))
    again = noise(trainer).ravel() / 0.5
    assert np.corrcoef(first, again)[0, 1] == pytest.approx(0, abs=0.03)
    assert np.corrcoef(first[1:], first[:-1])[0, 1] == pytest.approx(0, abs=0.03)


VALUE = """nnspec 1
model sampled {
  input ids: int64[N]
  centre = ids -> embedding(64, 8, init = normal(1))
  spread = ids -> embedding(64, 8, init = uniform(0.5, 1.5))
  output y = centre -> gaussian_noise(spread)
}
train {
  target t: float32[N, 8]
  loss = mse(y, t)
  optimizer = sgd(0.1)
  steps = 1
}
"""


def test_gaussian_noise_with_a_value_as_deviation() -> None:
    """Given what was drawn, both gradients are PyTorch's: the sampling of a variational autoencoder."""
    trainer = nnspec.Trainer(nnspec.loads(VALUE))
    data = {"ids": np.arange(64), "t": np.random.default_rng(2).normal(size=(64, 8)).astype(np.float32)}
    gradients = trainer.gradients(data)
    centre, spread = (torch.from_numpy(array).requires_grad_() for array in trainer.parameters.values())
    y = torch.from_numpy(gradients["centre.weight"] * 64 * 8 / 2 + data["t"])
    drawn = ((y - centre) / spread).detach()
    F.mse_loss(centre + spread * drawn, torch.from_numpy(data["t"])).backward()
    assert centre.grad is not None and spread.grad is not None
    assert error(gradients["centre.weight"], centre.grad.numpy()) < 1e-5
    assert error(gradients["spread.weight"], spread.grad.numpy()) < 1e-5
    assert drawn.std().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("layer", "module"),
    [
        ("dropout(0.4)", nn.Dropout(0.4)),
        ("reshape(1, 1, -1) -> spatial_dropout(0.4) -> flatten", nn.Sequential(nn.Dropout2d(0.4), nn.Flatten())),
        ("gaussian_noise(0.4)", nn.Identity()),
    ],
)
def test_the_model_in_use_is_that_of_eval_mode(layer: str, module: nn.Module) -> None:
    trainer = trainer_of(layer, "mse(y, t)")
    weight = torch.from_numpy(trainer.parameters["table.weight"])
    wanted = module.eval()(weight[:, None, None] if "spatial" in layer else weight).numpy()
    model = nnspec.compile(trainer.spec, weights=trainer.parameters)
    for rows in (1, 2, 7):
        ids = np.arange(rows)
        assert error(model.run({"ids": ids})["y"], wanted[:rows]) == 0
        assert error(trainer.predict({"ids": ids})["y"], wanted[:rows]) == 0
    assert trainer.evaluate(batch(0))["loss"] == pytest.approx(float(np.mean(wanted**2)), rel=1e-5)
