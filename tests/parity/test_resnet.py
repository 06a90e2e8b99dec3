"""ResNet-18, ResNet-50 and MobileNetV2 of `specs/` with the weights of PyTorch's modules, at 64 x 64.

The weights travel as a user's would: the module's `state_dict` in a safetensors file, and the rename table beside the
spec. Gradients are held against the same module in float64.

Where a relu lies within rounding of 0, it falls to the other side in one of two engines. That moves single entries of
the gradients by more than rounding, and in a deep network everything before them: PyTorch in float32 is off by as much.
So the networks as they are are compared in the Euclidean norm of a tensor, with a floor of a thousandth of the norm of
all tensors, and with room for a few such flips; and once more, narrowly, with silu, which has no kinks, in the place of
relu: errors are near 5e-6 for gradients, 2e-6 for statistics and 5e-5 for parameters after ten steps, as PyTorch's are.

The scales of the last normalisation of each block are small, as in trained networks; with scales around 1 the error of
PyTorch itself is a hundred times larger.
"""

from __future__ import annotations

import copy
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nnspec
from nnspec.ir.renaming import Table
from nnspec.runtime.tensor_file import write_tensors

from .torchvision_networks import NETWORKS, lived_in, smooth

pytestmark = pytest.mark.parity
SPECS = Path(__file__).parents[2] / "specs"
LIBRARY = Path(nnspec.__file__).parent / "std"
Array = np.ndarray[Any, Any]
SETTINGS: dict[str, dict[str, Any]] = {"mobilenet_v2": {"rate": 0.0}}
TABLES = {"resnet18": "resnet", "resnet50": "resnet", "mobilenet_v2": "mobilenet_v2"}
BATCH, STEPS, RATE, DECAY = 8, 10, 3e-5, 0.01
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class Sides(NamedTuple):
    """Both sides of one network, which begin with the same weights."""

    trainer: nnspec.Trainer
    module: nn.Module
    path: Callable[[str], str]
    """From PyTorch's name of a parameter to ours."""


def sides(name: str, folder: Path, *, kinks: bool = True) -> Sides:
    torch.manual_seed(3)
    module = NETWORKS[name]()
    module = lived_in(module if kinks else smooth(module), torch.randn(32, 3, 64, 64))
    write_tensors(folder / "theirs.safetensors", {key: value.numpy() for key, value in module.state_dict().items()})
    shutil.copytree(SPECS / "torchvision", folder / "torchvision")
    table = f"torchvision/{TABLES[name]}.toml"
    text = (SPECS / f"{name}.nn").read_text("utf-8")
    for old, new in (
        ("train {\n", f'train {{\n  init = weights("theirs.safetensors", rename = "{table}")\n'),
        (re.search(r"lr = \w+\(.*?\)", text)[0], f"lr = {RATE}"),  # type: ignore[index]
        (re.search(r"weight_decay = [\d.e-]+", text)[0], f"weight_decay = {DECAY}"),  # type: ignore[index]
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    if not kinks:
        blocks = re.search(r"use std\.(\w+):", text)[1]  # type: ignore[index]
        text = text.replace(f"use std.{blocks}", f'use "{blocks}.nn"')
        own = (LIBRARY / f"{blocks}.nn").read_text("utf-8")
        (folder / f"{blocks}.nn").write_text(re.sub(r"\brelu6?\b", "silu", own), "utf-8")
    (folder / "spec.nn").write_text(text, "utf-8")
    spec = nnspec.load(folder / "spec.nn", set={"size": 64, **SETTINGS.get(name, {})})
    names = Table(tomllib.loads((SPECS / table).read_text("utf-8"))["rename"])
    return Sides(nnspec.Trainer(spec), module, lambda key: names(key).names[0])


def batch(seed: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (BATCH, 3, 64, 64)).astype(np.uint8)
    return {"image": image, "kind": random.integers(0, 1000, BATCH)}


def prepared(image: Array, like: nn.Module) -> torch.Tensor:
    dtype = next(like.parameters()).dtype
    scaled = torch.from_numpy(image).to(dtype) / 255
    return (scaled - MEAN.to(dtype)[:, None, None]) / DEVIATION.to(dtype)[:, None, None]


def loss(module: nn.Module, rows: Mapping[str, Array]) -> torch.Tensor:
    return F.cross_entropy(module(prepared(rows["image"], module)), torch.from_numpy(rows["kind"]))


def numbers(found: Mapping[str, torch.Tensor], path: Callable[[str], str]) -> dict[str, Array]:
    """Copies by our paths, without the counters."""
    return {
        path(key): value.detach().double().numpy().copy()
        for key, value in found.items()
        if "num_batches_tracked" not in key
    }


def gradients(module: nn.Module, rows: Mapping[str, Array], path: Callable[[str], str]) -> dict[str, Array]:
    module.zero_grad()
    loss(module, rows).backward()
    return numbers({key: value.grad for key, value in module.named_parameters()}, path)


def norm(found: Mapping[str, Array]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(value)) for value in found.values())))


def apart(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """The greatest error of a tensor, in Euclidean norms, with the floor of a thousandth of the norm of all."""
    assert set(found) == set(expected)
    least = 1e-3 * norm(expected)
    return max(norm({key: found[key] - value}) / max(norm({key: value}), least) for key, value in expected.items())


def together(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """The error of all tensors as one."""
    return norm({key: found[key] - value for key, value in expected.items()}) / norm(expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_gradients_statistics_and_ten_steps(name: str, tmp_path: Path) -> None:
    trainer, module, path = sides(name, tmp_path)
    assert sum(value.numel() for value in module.parameters()) == trainer.spec.parameter_count
    start, rows = numbers(module.state_dict(), path), batch(0)
    assert apart({key: trainer.parameters[key] for key in start}, start) == 0

    exact = copy.deepcopy(module).double().eval()
    with torch.no_grad():
        wanted = exact(prepared(rows["image"], exact)).softmax(-1).numpy()
    assert together({"p": trainer.predict({"image": rows["image"]})["probability"]}, {"p": wanted}) < 5e-5
    found, true = trainer.gradients(rows), gradients(exact.train(), rows, path)
    assert together(found, true) < 0.02 and apart(found, true) < 0.1
    statistics, learned = errors_after_steps(trainer, module, start, path)
    assert statistics < 5e-3 and learned < 0.05


@pytest.mark.parametrize("name", NETWORKS)
def test_without_kinks_all_of_it_agrees_narrowly(name: str, tmp_path: Path) -> None:
    trainer, module, path = sides(name, tmp_path, kinks=False)
    start, rows = numbers(module.state_dict(), path), batch(0)
    true = gradients(copy.deepcopy(module).double().train(), rows, path)
    assert apart(trainer.gradients(rows), true) < 5e-5
    statistics, learned = errors_after_steps(trainer, module, start, path)
    assert statistics < 2e-5 and learned < 5e-4


def errors_after_steps(
    trainer: nnspec.Trainer, module: nn.Module, start: Mapping[str, Array], path: Callable[[str], str]
) -> tuple[float, float]:
    """How far apart running statistics and parameters have gone after STEPS steps, as a part of the way they went."""
    module.train()
    optimizer = optimizer_of(module)
    for step in range(STEPS):
        rows = batch(step)
        optimizer.zero_grad()
        value = loss(module, rows)
        value.backward()
        optimizer.step()
        assert trainer.step(rows)["loss"] == pytest.approx(value.item(), rel=1e-4)
    now, theirs = trainer.parameters, numbers(module.state_dict(), path)
    kept = {key for key in start if "running" in key}
    assert len(kept) == 2 * sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())
    found, expected = ({key: after[key] - start[key] for key in start} for after in (now, theirs))
    statistics, learned = (
        together({key: found[key] for key in which}, {key: expected[key] for key in which})
        for which in (kept, set(start) - kept)
    )
    return statistics, learned


def optimizer_of(module: nn.Module) -> torch.optim.Optimizer:
    """That of the spec: weight decay for matrices and filters alone."""
    weights = [value for value in module.parameters() if value.ndim > 1]
    others = [value for value in module.parameters() if value.ndim == 1]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=RATE, momentum=0.9)
