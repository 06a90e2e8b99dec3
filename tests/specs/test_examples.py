"""Every spec in `specs/` checks without a word; those with a train section train as they stand. Networks of images have
the parameters that they are known for, and learn what they should."""

from __future__ import annotations

import os
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

import nnspec

ROOT = Path(__file__).parents[2]
SPECS = {path.stem: path for path in sorted((ROOT / "specs").glob("*.nn"))}
ACCEPTANCE = ROOT / "tests" / "acceptance"
SOAK = os.environ.get("NNSPEC_SOAK") == "1"
SEEDS = (1, 2, 3) if SOAK else (1,)
SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"size": 32, "width": 8, "classes": 10},
    "resnet50": {"size": 32, "width": 4, "classes": 10},
    "mobilenet_v2": {"size": 32, "width": 0.25, "classes": 10},
    "unet": {"width": 4, "depth": 2},
    "gpt2": {"vocab": 500, "context": 16, "dim": 16, "heads": 2, "layers": 1},
}
"""Settings with which a few steps take a second."""
PUBLISHED = {
    "lenet5": 61_706,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "mobilenet_v2": 3_504_872,
}


@pytest.mark.parametrize("name", SPECS)
def test_it_checks_without_a_word(name: str) -> None:
    assert nnspec.check(SPECS[name], warnings=True) == []


@pytest.mark.parametrize("name", [name for name, path in SPECS.items() if "\ntrain {" in path.read_text("utf-8")])
def test_a_few_steps(name: str) -> None:
    spec = nnspec.load(SPECS[name], set=SMALL.get(name, {}))
    trainer = nnspec.Trainer(spec)
    before = trainer.parameters
    history = trainer.fit(steps=3)
    assert history.epochs[-1]["step"] == 3 and np.isfinite(history.epochs[-1]["train.loss"])
    assert all(np.isfinite(array).all() for array in trainer.parameters.values())
    changed = [path for path, array in trainer.parameters.items() if not np.array_equal(array, before[path])]
    assert {item.path for item in spec.parameters} == set(changed)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameters_are_as_many_as_published(name: str) -> None:
    assert nnspec.load(SPECS[name]).parameter_count == PUBLISHED[name]


LIBRARY = """nnspec 1
use std.{file}: {blocks}
model m {{
  input x: float32[N, {channels}, 224, 224]
  {body}
}}
"""


@pytest.mark.parametrize(
    ("file", "blocks", "body", "channels", "count"),
    [
        ("vgg", "vgg, classifier", "vgg([1, 1, 2, 2, 2]) -> classifier(1000)", 3, 132_863_336),  # VGG-11
        ("vgg", "vgg, classifier", "vgg -> classifier(1000)", 3, 138_357_544),  # VGG-16
        ("vgg", "vgg, classifier", "vgg(norm = true) -> classifier(1000)", 3, 138_365_992),
        ("vgg", "vgg, classifier", "vgg([2, 2, 4, 4, 4]) -> classifier(1000)", 3, 143_667_240),  # VGG-19
        ("resnet", "resnet", "resnet([3, 4, 6, 3]) -> global_avg_pool -> dense(1000)", 3, 21_797_672),  # ResNet-34
        ("resnet", "resnet", "resnet([3, 4, 23, 3], true) -> global_avg_pool -> dense(1000)", 3, 44_549_160),
        ("resnet", "resnet", "resnet([3, 8, 36, 3], true) -> global_avg_pool -> dense(1000)", 3, 60_192_808),
        ("resnet", "resnet", "resnet([3, 4, 6, 3], true, groups = 32, inner = 128) -> global_avg_pool -> dense(1000)",
         3, 25_028_904),  # ResNeXt-50 32x4d
        ("resnet", "resnet", "resnet([3, 4, 6, 3], true, inner = 128) -> global_avg_pool -> dense(1000)",
         3, 68_883_240),  # Wide ResNet-50-2
        ("mobilenet", "mobilenet_v2", "mobilenet_v2(0.5) -> global_avg_pool -> dense(1000)", 3, 1_968_680),
        ("unet", "unet", "unet(norm = false) -> conv2d(2, 1)", 1, 31_030_658),  # Ronneberger et al., two classes
        ("unet", "unet", "unet -> conv2d(1, 1)", 3, 31_037_633),
    ],
)  # fmt: skip
def test_other_networks_of_the_library(file: str, blocks: str, body: str, channels: int, count: int) -> None:
    spec = nnspec.loads(LIBRARY.format(file=file, blocks=blocks, body=body, channels=channels))
    assert spec.parameter_count == count


def test_images_of_32_pixels_are_halved_three_times() -> None:
    body = "resnet(small = true)"
    spec = nnspec.loads(LIBRARY.format(file="resnet", blocks="resnet", body=body, channels=3).replace("224", "32"))
    (output,) = (value for value in spec.values if value.name == spec.outputs[0].value)
    assert output.shape[1:] == (512, 4, 4)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("path", "metric", "least"),
    [
        (ACCEPTANCE / "digits_cnn.nn", "accuracy", 0.98),
        (ACCEPTANCE / "digits_resnet.nn", "accuracy", 0.98),
        (SPECS["lenet5"], "accuracy", 0.97),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else "",
)
def test_digits_are_learned(path: Path, metric: str, least: float, seed: int) -> None:
    """Of 300 rows that nobody has seen."""
    trainer = nnspec.Trainer(nnspec.load(path), seed=seed)
    trainer.fit()
    assert trainer.evaluate("test")[metric] >= least


@pytest.mark.parametrize("seed", SEEDS)
def test_shapes_are_found_in_less_than_a_minute(seed: int) -> None:
    """To the end, or but for the long campaigns until it is shown."""

    class Enough(nnspec.Callback):
        def on_epoch(self, epoch: nnspec.EpochDone) -> Any:
            return nnspec.STOP if not SOAK and epoch.record["validation.iou"] > 0.9 else None

    started = process_time()
    trainer = nnspec.Trainer(nnspec.load(SPECS["unet"]), seed=seed)
    trainer.fit(callbacks=[Enough()])
    assert trainer.evaluate("validation")["iou"] > 0.9
    assert process_time() - started < 2 * 60  # of two processors
