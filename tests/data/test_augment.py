"""Random changes of rows: what they compute, and that each is a function of seed, epoch and row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import smooth
from PIL import Image

import nnspec
from nnspec import SpecError
from nnspec.data.augment.augmenter import Augmenter
from nnspec.data.augment.base import AUGMENTATIONS, Augmentation, Picture
from nnspec.data.augment.components import Brightness, Contrast, Crop, Cutout, Flip, Mixup, Noise, Rotation
from nnspec.data.augment.draws import Draws
from nnspec.data.augment.moves import rotate
from nnspec.ir.codec import decode, encode
from nnspec.ir.fields import OptionError
from nnspec.library import registries

Array = np.ndarray[Any, Any]

EACH: list[Augmentation] = [
    Flip(),
    Flip(direction="both", probability=0.7),
    Crop(padding=3),
    Crop(padding=(0, 2), fill="edge"),
    Crop(padding=2, fill="reflect"),
    Rotation(degrees=20),
    Rotation(degrees=180, fill="reflect"),
    Rotation(degrees=45, fill="edge"),
    Brightness(amount=0.4),
    Contrast(amount=0.4),
    Noise(deviation=0.05),
    Cutout(size=4, fill=9, probability=0.8),
]
each = pytest.mark.parametrize("augmentation", EACH, ids=str)


def images(rows: int = 12, shape: tuple[int, ...] = (3, 9, 7), dtype: str = "uint8") -> Array:
    random = np.random.default_rng(4)
    if dtype == "uint8":
        return random.integers(0, 256, (rows, *shape)).astype(np.uint8)
    return random.normal(size=(rows, *shape)).astype(dtype)


def changed(
    augmentation: Augmentation, pixels: Array, rows: Any = None, *, epoch: int = 0, seed: int = 1, target: bool = False
) -> Array:
    numbers = np.arange(len(pixels)) if rows is None else np.asarray(rows)
    found = pixels.copy()
    augmentation.apply([Picture(found, target)], Draws(seed, 0, epoch, numbers))
    return found


# Random numbers


def test_words_are_fixed_for_ever() -> None:
    """A run that is resumed with a later version draws what it would have drawn."""
    draws = Draws(7, 1, 3, np.array([0, 12345]))
    assert draws.words(2).tolist() == [
        [13252789734605245805, 6694870379776679610],
        [12559527702822266972, 11983928616958718650],
    ]


def test_numbers_are_uniform_and_independent() -> None:
    base = Draws(1, 0, 0, np.arange(4000)).uniform(3)
    assert abs(base.mean() - 0.5) < 0.01 and base.min() >= 0 and base.max() < 1
    assert np.histogram(base, 16, (0, 1))[0].std() < 40  # 750 in each, with a deviation of 27
    others = [
        Draws(2, 0, 0, np.arange(4000)).uniform(3),
        Draws(1, 1, 0, np.arange(4000)).uniform(3),
        Draws(1, 0, 1, np.arange(4000)).uniform(3),
        Draws(1, 0, 0, np.arange(4000, 8000)).uniform(3),
        np.roll(base, 1, axis=1),
        np.roll(base, 1, axis=0),
    ]
    for other in others:
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 1.0, 4.0])
def test_shares_have_the_distribution_of_mixup(alpha: float) -> None:
    """Beta(α+1, α): that of λ from Beta(α, α), where a share of λ decides whose target is kept."""
    random = np.random.default_rng(0)
    lam = random.beta(alpha, alpha, 200_000)
    kept = np.where(random.uniform(size=lam.size) < lam, lam, 1 - lam)
    shares = Draws(3, 0, 0, np.arange(50_000)).beta(alpha)
    assert shares.mean() == pytest.approx((alpha + 1) / (2 * alpha + 1), abs=0.005)
    steps = np.linspace(0, 0.999, 101)  # float32 rounds more to 1
    ours, theirs = (np.searchsorted(np.sort(values), steps) / values.size for values in (shares, kept))
    assert np.abs(ours - theirs).max() < 0.012


def test_normal_numbers() -> None:
    values = Draws(3, 0, 0, np.arange(500)).normal(401, slice(None))
    assert values.shape == (500, 401) and values.dtype == np.float32
    assert abs(values.mean()) < 0.01 and values.std() == pytest.approx(1, abs=0.005)
    assert (values**4).mean() == pytest.approx(3, abs=0.05)


def test_everybody_has_a_partner() -> None:
    for count in (1, 2, 5, 64):
        partners = Draws(3, 0, 0, np.arange(count)).partners()
        assert sorted(partners) == list(range(count))
        assert count == 1 or (partners != np.arange(count)).all()


# What holds for each


@each
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (3, 40, 31)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_row_is_a_function_of_seed_epoch_and_row(
    augmentation: Augmentation, shape: tuple[int, ...], dtype: str
) -> None:
    """And of nothing else: not of the order of the batch, nor of the other rows in it."""
    pixels = images(12, shape, dtype)
    whole = changed(augmentation, pixels)
    assert whole.dtype == pixels.dtype and not np.array_equal(whole, pixels)
    np.testing.assert_array_equal(whole, changed(augmentation, pixels))
    order = np.random.default_rng(2).permutation(12)
    np.testing.assert_array_equal(changed(augmentation, pixels[order], order), whole[order])
    np.testing.assert_array_equal(changed(augmentation, pixels[5:6], [5]), whole[5:6])
    assert not np.array_equal(changed(augmentation, pixels, epoch=1), whole)
    assert not np.array_equal(changed(augmentation, pixels, seed=2), whole)


def test_mixup_is_a_function_of_the_rows_of_the_batch() -> None:
    pixels, order = images(), np.random.default_rng(2).permutation(12)
    whole = changed(Mixup(), pixels)
    np.testing.assert_array_equal(changed(Mixup(), pixels[order], order), whole[order])
    assert not np.array_equal(changed(Mixup(), pixels, epoch=1), whole)


@each
def test_each_survives_the_ir_and_is_documented(augmentation: Augmentation) -> None:
    assert decode(registries(), "augmentation", encode(augmentation)) == augmentation
    assert f"`{augmentation.name}(" in (type(augmentation).__doc__ or "")


def test_each_is_tried() -> None:
    assert {augmentation.name for augmentation in EACH} | {"mixup"} == set(AUGMENTATIONS)


# What each computes


def test_flip() -> None:
    pixels = images(400, (1, 3, 4))
    found = changed(Flip(), pixels)
    mirrored = [np.array_equal(a, b[..., ::-1]) for a, b in zip(found, pixels, strict=True)]
    assert all(one != np.array_equal(a, b) for one, a, b in zip(mirrored, found, pixels, strict=True))
    assert 160 < sum(mirrored) < 240
    np.testing.assert_array_equal(changed(Flip(probability=1.0), pixels), pixels[..., ::-1])
    np.testing.assert_array_equal(changed(Flip(direction="vertical", probability=1.0), pixels), pixels[..., ::-1, :])
    np.testing.assert_array_equal(changed(Flip(direction="both", probability=1.0), pixels), pixels[..., ::-1, ::-1])
    both = changed(Flip(direction="both"), pixels)
    kinds = [sum(np.array_equal(a, b[:, ::d, ::r]) for a, b in zip(both, pixels, strict=True))
             for d in (1, -1) for r in (1, -1)]  # fmt: skip
    assert sum(kinds) == 400 and min(kinds) > 60


@pytest.mark.parametrize(("fill", "mode"), [(7, "constant"), ("edge", "edge"), ("reflect", "reflect")])
def test_crop(fill: Any, mode: Any) -> None:
    pixels = images(300, (2, 6, 5))
    around = {"constant_values": 7} if mode == "constant" else {}
    wide = np.pad(pixels, ((0, 0), (0, 0), (2, 2), (1, 1)), mode, **around)
    places = set()
    for found, whole in zip(changed(Crop(padding=(2, 1), fill=fill), pixels), wide, strict=True):
        fitting = [(t, s) for t in range(5) for s in range(3) if np.array_equal(found, whole[:, t : t + 6, s : s + 5])]
        assert len(fitting) == 1
        places.add(fitting[0])
    assert len(places) == 15


@pytest.mark.parametrize("size", [(6, 6), (7, 7), (5, 8)])
@pytest.mark.parametrize("target", [False, True])
def test_rotation_by_right_angles_is_exact(size: tuple[int, int], target: bool) -> None:
    pixels = images(3, (2, *size))
    for turns in (0, 1, 2) if size[0] == size[1] else (0, 2):
        found = pixels.copy()
        rotate(Picture(found, target), np.full(3, 90.0 * turns), 0)
        np.testing.assert_array_equal(found, np.rot90(pixels, turns, axes=(2, 3)))


@pytest.mark.parametrize("angle", [-170.0, -33.0, 8.0, 45.0, 120.0])
def test_rotation_is_that_of_pillow(angle: float) -> None:
    """Against the clock, about the middle, linear between pixels."""
    image = smooth(40, 30)
    found = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
    rotate(Picture(found, False), np.array([angle]), 0)
    wanted = np.asarray(Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    full = Image.fromarray(np.full((40, 30), 255, np.uint8))
    inside = np.pad(np.asarray(full.rotate(angle, Image.Resampling.BILINEAR)) == 255, 1)
    inside = inside[1:-1, 1:-1] & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    assert inside.mean() > 0.3 and np.abs(found[0].astype(int) - wanted)[:, inside].max() <= 2
    assert (found[0][:, 0, 0] == 0).all() or abs(angle) == 8


def test_rotation_fills_what_was_outside() -> None:
    pixels = np.full((50, 1, 20, 20), 100, np.uint8)
    assert set(np.unique(changed(Rotation(degrees=45, fill="edge"), pixels))) == {100}
    assert set(np.unique(changed(Rotation(degrees=45, fill="reflect"), pixels))) == {100}
    white = changed(Rotation(degrees=45, fill=200), pixels)
    assert white.min() == 100 and white.max() == 200
    assert changed(Rotation(degrees=45, fill=200), pixels, target=True).min() == 0


def test_angles_are_uniform() -> None:
    """A bright pixel right of the middle shows by how much its image was turned."""
    pixels = np.zeros((2000, 1, 41, 41), np.float32)
    pixels[:, :, 20, 40] = 1
    found = changed(Rotation(degrees=30), pixels)[:, 0]
    y, x = np.mgrid[:41, :41] - 20
    angles = np.rad2deg(np.arctan2(-(found * y).sum((1, 2)), (found * x).sum((1, 2))))
    assert np.abs(angles).max() < 31.5 and abs(angles.mean()) < 1.5
    assert np.histogram(angles, 6, (-30, 30))[0].min() > 260


def test_brightness() -> None:
    pixels = images(200, (1, 4, 4), "float32")
    factors = (changed(Brightness(amount=0.3), pixels) / pixels).reshape(200, -1)
    np.testing.assert_allclose(factors, factors[:, :1].repeat(16, 1), rtol=1e-4)
    assert 0.7 <= factors.min() < 0.72 and 1.28 < factors.max() < 1.301
    full = changed(Brightness(amount=1.0), images(200))
    assert full.max() == 255 and full.min() == 0


def test_contrast() -> None:
    pixels = images(200, (2, 4, 4), "float32")
    found = changed(Contrast(amount=0.5), pixels)
    np.testing.assert_allclose(found.mean((1, 2, 3)), pixels.mean((1, 2, 3)), atol=1e-5)
    factors = found.std((1, 2, 3)) / pixels.std((1, 2, 3))
    assert 0.5 <= factors.min() < 0.53 and 1.47 < factors.max() < 1.501
    flat = np.full((5, 1, 3, 3), 17, np.uint8)
    np.testing.assert_array_equal(changed(Contrast(amount=0.5), flat), flat)


def test_bytes_are_rounded_and_cut_off() -> None:
    pixels = np.array([0, 1, 100, 200, 255], np.uint8).reshape(1, 1, 1, 5).repeat(50, 0)
    floats = changed(Brightness(amount=0.5), pixels.astype(np.float32))
    np.testing.assert_array_equal(changed(Brightness(amount=0.5), pixels), np.floor(floats + 0.5).clip(0, 255))


def test_noise() -> None:
    pixels = np.full((40, 3, 16, 16), 128, np.uint8)
    found = changed(Noise(deviation=0.05), pixels).astype(np.float32)
    assert found.std() == pytest.approx(0.05 * 255, rel=0.02) and found.mean() == pytest.approx(128, abs=0.3)
    floats = changed(Noise(deviation=0.05), pixels.astype(np.float32))
    assert floats.std() == pytest.approx(0.05, rel=0.02)
    pair = [pixels.copy(), pixels.copy()]
    Noise(deviation=0.05).apply([Picture(one, False) for one in pair], Draws(1, 0, 0, np.arange(40)))
    assert not np.array_equal(*pair)


def test_cutout() -> None:
    pixels = np.full((500, 2, 8, 9), 200, np.uint8)
    found = changed(Cutout(size=4, fill=3, probability=0.5), pixels)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    holes = found[:, 0] == 3
    cut = holes.any((1, 2))
    assert 200 < cut.sum() < 300 and set(np.unique(found)) == {3, 200}
    sides = [(int(hole.any(1).sum()), int(hole.any(0).sum())) for hole in holes[cut]]
    assert all(h * w == hole.sum() for (h, w), hole in zip(sides, holes[cut], strict=True))
    assert max(sides) == (4, 4) and min(h for h, _ in sides) == 2
    assert holes.any(0).all()


def test_mixup_blends_with_a_partner() -> None:
    pixels = np.zeros((64, 64, 1, 1), np.float32)
    pixels[np.arange(64), np.arange(64)] = 1  # a row says whose it is
    found = changed(Mixup(alpha=0.4), pixels)[:, :, 0, 0]
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert ((found > 0).sum(1) <= 2).all() and ((found > 0).sum(0) <= 2).all()
    shares = np.diag(found)
    assert shares.mean() == pytest.approx(1.4 / 1.8, abs=0.1)
    bytes = changed(Mixup(), np.full((8, 1, 2, 2), 255, np.uint8))
    assert (bytes == 255).all()


def test_mixup_has_the_gradient_of_the_paper_on_average() -> None:
    """Softmax regression: kept labels and Beta(α+1, α) against mixed labels and Beta(α, α), 4000 batches of each."""
    random = np.random.default_rng(0)
    x, weight = random.normal(size=(32, 6)).astype(np.float32), random.normal(size=(6, 3)).astype(np.float32)
    y, alpha = np.eye(3, dtype=np.float32)[np.arange(32) % 3], 0.4

    def gradient(rows: Array, targets: Array) -> Array:
        scores = np.exp(rows @ weight)
        return rows.T @ (scores / scores.sum(1, keepdims=True) - targets) / len(rows)

    kept, mixed = [], []
    for epoch in range(4000):
        kept.append(gradient(changed(Mixup(alpha=alpha), x[:, :, None, None], epoch=epoch)[:, :, 0, 0], y))
        share, other = random.beta(alpha, alpha, (32, 1)), random.permutation(32)
        mixed.append(gradient(share * x + (1 - share) * x[other], share * y + (1 - share) * y[other]))
    error = np.sqrt(np.var(kept, 0) / 4000 + np.var(mixed, 0) / 4000)
    assert (np.abs(np.mean(kept, 0) - np.mean(mixed, 0)) < 4 * error).all()
    assert np.abs(np.mean(kept, 0) - gradient(x, y)).max() > 10 * error.max()


# Which values change


MODEL = """nnspec 1
model m {
  input image: uint8[N, 3, 8, 8]%s
  y = image -> rescale(1 / 255) -> slice(1, 0, 1)
}
data {
  train   = synthetic(20)
  augment = [%s]
}
train {
  target mask: %s
  loss      = %s
  optimizer = sgd(lr = 0.1)
  epochs    = 1
}
"""


def model(augment: str, mask: str = "float32[N, 1, 8, 8]", loss: str = "mse(y, mask)", inputs: str = "") -> Any:
    return nnspec.loads(MODEL % (inputs, augment, mask, loss), path="m.nn")


def augmented(spec: Any, batch: dict[str, Array], rows: int) -> dict[str, Array]:
    found = {name: array.copy() for name, array in batch.items()}
    Augmenter(spec, registries(), 5)(found, 0, np.arange(rows))
    return found


@pytest.mark.parametrize("call", ["flip", "crop(2)", "rotation(90, fill = 3)"])
@pytest.mark.parametrize("kind", ["float32[N, 1, 8, 8]", "label[N, 8, 8]"])
def test_masks_move_with_their_images(call: str, kind: str) -> None:
    call = call.replace("(", '(on = ["image", "mask"], ') if "(" in call else f'{call}(on = ["image", "mask"])'
    loss = "mse(y, mask)" if kind.startswith("float") else "cross_entropy(image -> rescale(1), mask, axis = 1)"
    spec = model(call, kind, loss)
    ids = np.arange(1, 65).reshape(8, 8)
    pixels = np.broadcast_to(ids, (16, 3, 8, 8)).astype(np.uint8)
    mask = np.broadcast_to(ids, (16, 1, 8, 8) if kind.startswith("float") else (16, 8, 8))
    batch = {"image": pixels, "mask": mask.astype("float32" if kind.startswith("float") else "int64")}
    found = augmented(spec, batch, 16)
    moved = found["mask"].reshape(16, 8, 8)
    assert found["mask"].dtype == batch["mask"].dtype and (moved != ids).any()
    assert set(np.unique(moved)) <= {0, *range(1, 65)}
    if "rotation" not in call:
        np.testing.assert_array_equal(found["image"][:, 0], moved)


def test_labels_and_other_inputs_stay() -> None:
    spec = model("flip, mixup, noise(0.1)", "label[N]", "cross_entropy(other, mask)", "\n  input other: float32[N, 3]")
    random = np.random.default_rng(0)
    batch = {"image": images(9, (3, 8, 8)), "other": random.normal(size=(9, 3)), "mask": np.arange(9) % 3}
    found = augmented(spec, batch, 9)
    assert not np.array_equal(found["image"], batch["image"])
    np.testing.assert_array_equal(found["other"], batch["other"])
    np.testing.assert_array_equal(found["mask"], batch["mask"])


def test_features_can_be_blended() -> None:
    spec = model('mixup(on = "other")', "label[N]", "cross_entropy(other, mask)", "\n  input other: float32[N, 3]")
    batch = {"image": images(9, (3, 8, 8)), "other": np.eye(9, 3), "mask": np.arange(9) % 3}
    found = augmented(spec, batch, 9)
    assert not np.array_equal(found["other"], batch["other"]) and np.array_equal(found["image"], batch["image"])


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("flip", r"E410.*flip moves the pixels of image, and mask, float32\[N, 1, 8, 8\], has one value for each"
                 r"\n.*on = \[\"image\", \"mask\"\] moves them together; on = \"image\" leaves mask in place"),
        ('flip(on = "imgae")', r"E410.*flip: imgae is neither an input nor a target\n.*did you mean 'image'\?"),
        ('brightness(0.1, on = "mask")', "E410.*brightness changes values, and mask is a target"),
        ('flip(on = ["image", "small"])', r"E410.*differ in height or width: image .*, small uint8\[N, 3, 4, 4\]"),
        ("brightness(0.1)", r"E410.*several inputs are images: image, small\n.*on = \[\"image\", \"small\"\]"),
        ('flip(on = "features")', r"E410.*changes what is \[N, C, H, W\] or \[N, H, W\], and features is float32\[N"),
        ('noise(0.1, on = "ids")', r"E410.*noise changes uint8 and floats, and ids is int64\[N, 3, 8, 8\]"),
        ("cutout(0)", "E206|E2.*size is"),
        ("crop([1, 2, 3])", r"padding is one number, or two: \[down, across\]"),
        ("flip(probability = 2)", "probability is"),
        ("RandomHorizontalFlip", r"E403.*RandomHorizontalFlip is not an augmentation\n.*did you mean flip\?"),
        ("dense(3)", "E218.*dense is a layer"),
    ],
)  # fmt: skip
def test_mistakes_are_found_by_check(augment: str, message: str) -> None:
    inputs = "" if augment == "flip" else "".join(
        f"\n  input {name}: {type}"
        for name, type in (("small", "uint8[N, 3, 4, 4]"), ("features", "float32[N, 4]"), ("ids", "int64[N, 3, 8, 8]"))
        if name in augment or (name == "small" and augment == "brightness(0.1)")
    )  # fmt: skip
    with pytest.raises(SpecError, match=message):
        model(augment, inputs=inputs)


def test_a_model_without_images() -> None:
    text = MODEL.replace("uint8[N, 3, 8, 8]%s", "float32[N, 4]").replace("image", "x")
    text = text.replace("rescale(1 / 255) -> slice(1, 0, 1)", "dense(1)") % ("flip", "float32[N, 1]", "mse(y, mask)")
    with pytest.raises(
        SpecError, match=r"E410.*flip changes images, and no input is \[N, C, H, W\]: x float32\[N, 4\]"
    ):
        nnspec.loads(text)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Crop(padding=-1),
        lambda: Rotation(degrees=0),
        lambda: Rotation(degrees=181),
        lambda: Rotation(degrees=3, fill="wrap"),
        lambda: Brightness(amount=0),
        lambda: Noise(deviation=-1),
        lambda: Cutout(size=3, fill=256),
        lambda: Mixup(alpha=0),
    ],
)
def test_options_have_limits(call: Any) -> None:
    with pytest.raises(OptionError):
        call()
