"""Networks on images of any size, whose layers bring one value to the size of another."""

from __future__ import annotations

import numpy as np
import pytest

import nnspec
from nnspec import Trainer

UNET = """nnspec 1
model unet {
  input image: float32[N, 1, H, W]
  skip = image -> conv2d(6, 3, padding = 1) -> relu
  deep = skip -> conv2d(8, 3, stride = 2, padding = 1) -> relu -> conv2d(6, 3, stride = 2, padding = 1) -> relu
  up   = deep -> resize([H, W], mode = "%s")
  output logits = (up, skip) -> concat(axis = 1) -> conv2d(1, 3, padding = 1)
}
train {
  target mask: float32[N, 1, H, W]
  loss       = binary_cross_entropy(logits, mask)
  optimizer  = adam(lr = 0.02)
  epochs     = 12
  batch_size = 8
  seed       = 3
}
"""


def squares(rows: int, height: int, width: int) -> dict[str, np.ndarray]:
    """A bright square in noise, and where it stands."""
    random = np.random.default_rng(rows + height)
    mask = np.zeros((rows, 1, height, width), np.float32)
    for row in mask:
        y, x = random.integers(0, height - 3), random.integers(0, width - 3)
        row[:, y : y + 4, x : x + 4] = 1
    image = mask + random.normal(0, 0.3, mask.shape)
    return {"image": image.astype(np.float32), "mask": mask}


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_a_unet_learns_on_one_size_and_finds_squares_in_images_of_others(mode: str) -> None:
    """Odd sizes too, of which half of a half, twice and twice again, is another one."""
    trainer = Trainer(nnspec.loads(UNET % mode))
    trainer.fit(squares(48, 13, 10))
    for size in ((13, 10), (16, 16), (9, 22)):
        held_out = squares(20, *size)
        found = trainer.predict({"image": held_out["image"]})["logits"] > 0
        assert found.shape == (20, 1, *size)
        both = (found & (held_out["mask"] == 1)).sum() / (found | (held_out["mask"] == 1)).sum()
        assert both > 0.85  # 0.91 to 0.96; the pixels above 0.5 alone come to 0.57 to 0.74


def test_reshape_to_symbolic_sizes_trains_and_runs() -> None:
    spec = nnspec.loads(
        """nnspec 1
model m {
  input x: float32[N, 2, H, W]
  turned = reshape(2, W, H) -> conv2d(2, 1)
  output y = turned -> reshape(2, H, W) -> global_avg_pool -> dense(1)
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  epochs = 3
  batch_size = 8
}
"""
    )
    random = np.random.default_rng(1)
    x = random.normal(0, 1, (16, 2, 3, 4)).astype(np.float32)
    trainer = Trainer(spec)
    trainer.fit({"x": x, "t": x.mean((1, 2, 3))[:, None]})
    assert nnspec.compile(spec).run({"x": x[:, :, :2]})["y"].shape == (16, 1)


@pytest.mark.parametrize("opset", [17, 21])
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_pyramid_is_exported_in_older_opsets_too(mode: str, opset: int) -> None:
    """Opset 17 has no axes of Resize."""
    spec = f"""nnspec 1
model pyramid {{
  input x: float32[N, 3, H, W]
  y = conv2d(3, 3, stride = 2, padding = 1) -> resize([H, W], mode = "{mode}")
  output z = y + x
}}
"""
    model = nnspec.compile(nnspec.loads(spec), opset=opset)
    for size in ((5, 8), (1, 1), (12, 7)):
        assert model.run({"x": np.ones((2, 3, *size), np.float32)})["z"].shape == (2, 3, *size)


def test_a_batch_that_leaves_nothing_of_a_size_is_refused() -> None:
    spec = """nnspec 1
model m {
  input x: float32[N, 2, H, W]
  output y = resize([H - 4, W]) -> global_avg_pool -> dense(1)
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  epochs = 1
  batch_size = 8
}
"""
    trainer = Trainer(nnspec.loads(spec))
    with pytest.raises(nnspec.RunError, match="the size H-4 comes to -1 in this batch"):
        trainer.fit({"x": np.zeros((8, 2, 3, 4), np.float32), "t": np.zeros((8, 1), np.float32)})
