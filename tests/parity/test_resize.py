"""Resampling and padding with every option: outputs, gradients and exported models against PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nnspec

from .compare import worst
from .forms import spelled
from .single import ours, spec_of, wanted

pytestmark = pytest.mark.parity

TOLERANCE = 1e-4
"""Relative, in the maximum norm of each tensor. PyTorch and ONNX Runtime compute places in float32, each in its own
way, so that weights along 70 elements are 1e-5 apart.
"""

SIZES = {1: [(7,), (70,), (1,)], 2: [(5, 8), (6, 66), (1, 4)], 3: [(3, 4, 5)]}
TORCH = {"nearest_exact": "nearest-exact"}
SMOOTH = {"linear": ("linear", "bilinear", "trilinear"), "cubic": ("", "bicubic", "")}


class Case(NamedTuple):
    sizes: tuple[int, ...]
    mode: str
    to: dict[str, Any]
    """Size or scale."""
    align_corners: bool = False
    antialias: bool = False

    def __str__(self) -> str:
        return f"{self.call} {list(self.sizes)}"

    @property
    def call(self) -> str:
        options = {**self.to, "mode": self.mode, "align_corners": self.align_corners, "antialias": self.antialias}
        return f"resize({', '.join(f'{name} = {spelled(value)}' for name, value in options.items())})"

    def function(self, x: torch.Tensor) -> torch.Tensor:
        smooth = SMOOTH.get(self.mode)
        more = {"align_corners": self.align_corners, "antialias": self.antialias} if smooth else {}
        mode = smooth[len(self.sizes) - 1] if smooth else TORCH.get(self.mode, self.mode)
        return F.interpolate(x, self.to.get("size"), self.to.get("scale"), mode, **more)


def cases() -> Iterator[Case]:
    for axes, kinds in ((1, 4), (2, 9), (3, 4)):
        ways = [
            *(("nearest", {}), ("nearest_exact", {}), ("linear", {}), ("linear", {"align_corners": True})),
            *(("area", {}), ("cubic", {}), ("cubic", {"align_corners": True})),
            *(("linear", {"antialias": True}), ("cubic", {"antialias": True})),
        ][: kinds + (axes != 2)]
        for (mode, options), sizes in product(ways, SIZES[axes]):
            for size in (1, 3, 5, 16):
                yield Case(sizes, mode, {"size": size}, **options)
            for scale in (2.0, 3.0, 1.5, 0.5, 0.7, 2.3):
                # PyTorch's gradient of nearest(scale = 2.3) on volumes is not that of its own output (2.13).
                if min(sizes) * scale >= 1 and (mode, axes, scale) != ("nearest", 3, 2.3):
                    yield Case(sizes, mode, {"scale": scale}, **options)
    yield Case((5, 8), "linear", {"size": [9, 3]})
    yield Case((5, 8), "cubic", {"scale": [0.6, 3]})
    yield Case((5, 8), "nearest", {"scale": [1, 2]})
    yield Case((5, 8), "linear", {"size": [5, 3]})
    yield Case((10, 100), "linear", {"scale": 0.29})
    yield Case((3, 5), "linear", {"scale": 1.25})
    yield Case((3, 5), "nearest", {"scale": 1.25})


CASES = list(cases())


def test_there_are_many_cases() -> None:
    assert len({str(case) for case in CASES}) > 250


@pytest.mark.parametrize("case", CASES, ids=str)
def test_resize(case: Case) -> None:
    x = np.random.default_rng(1).normal(0.2, 1, (2, 3, *case.sizes)).astype(np.float32)
    expected = wanted(case.function, x)
    assert worst(ours(case.call, x, expected["y"].shape), expected) < (TOLERANCE,)


SYMBOLIC = ("nearest", "nearest_exact", "linear", "cubic")
EXPORTED = [
    *(Case((0, 0), mode, {"scale": scale}) for mode in SYMBOLIC for scale in (2, 0.5, 1.5)),
    *(Case((0, 0), mode, {"size": [5, 12]}, align) for mode in ("linear", "cubic") for align in (False, True)),
    *(Case((0, 0), mode, {"scale": scale}, antialias=True) for mode in ("linear", "cubic") for scale in (2, 0.5)),
    *(Case((0, 0), "linear", {"scale": scale}, align_corners=True) for scale in (2, 0.5)),
]  # fmt: skip


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_exported_models_take_images_of_all_sizes(case: Case) -> None:
    model = nnspec.compile(spec_of(case.call, "3, H, W"))
    for rows, sizes in product((1, 3), ((4, 5), (7, 12), (9, 6))):
        x = np.random.default_rng(rows).normal(0, 1, (rows, 3, *sizes)).astype(np.float32)
        expected = case.function(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(model.run({"x": x})["y"], expected, rtol=1e-4, atol=1e-5)


TO_SIZES = [
    *((mode, align, False) for mode in ("linear", "cubic") for align in (False, True)),
    *((mode, False, True) for mode in ("linear", "cubic")),
    *((mode, False, False) for mode in ("nearest", "nearest_exact")),
]


@pytest.mark.parametrize(("mode", "align", "antialias"), TO_SIZES)
def test_exported_models_resize_to_the_size_of_another_value(mode: str, align: bool, antialias: bool) -> None:
    """A skip connection's, `F.interpolate(x, size = skip.shape[2:])`; of images of all sizes.

    Where the middle of a result falls on the border of two elements, as of 4 to 82, rounding decides between them for
    nearest_exact, and PyTorch's own loops (signals, images, channels last) differ.
    """
    if mode.startswith("nearest"):
        call = f'resize([H, W], mode = "{mode}")'
    else:
        call = f'resize([H, W], mode = "{mode}", align_corners = {spelled(align)}, antialias = {spelled(antialias)})'
    model = to_the_skip(call)
    for small, sizes in product(((5, 1), (3, 4), (8, 8)), ((70, 9), (7, 3), (3, 4), (1, 16), (49, 81))):
        x = np.random.default_rng(2).normal(0, 1, (2, 3, *small)).astype(np.float32)
        case = Case(small, mode, {"size": sizes}, align, antialias)
        expected = case.function(torch.from_numpy(x)).numpy()
        found = model.run({"x": x, "skip": np.zeros((2, 1, *sizes), np.float32)})["y"]
        tolerance = {"rtol": 0, "atol": 0} if mode.startswith("nearest") else {"rtol": 1e-4, "atol": 1e-5}
        np.testing.assert_allclose(found, expected, **tolerance)


@pytest.mark.parametrize("axes", (1, 3))
@pytest.mark.parametrize("mode", ("nearest", "linear"))
def test_exported_signals_and_volumes_resize_to_the_size_of_another_value(mode: str, axes: int) -> None:
    names = ", ".join("DHW"[-axes:])
    model = to_the_skip(f'resize([{names}], mode = "{mode}")', axes)
    for small, sizes in product(((5, 1, 3), (4, 6, 2)), ((7, 9, 5), (1, 3, 8))):
        x = np.random.default_rng(2).normal(0, 1, (2, 3, *small[:axes])).astype(np.float32)
        expected = Case(small[:axes], mode, {"size": sizes[:axes]}).function(torch.from_numpy(x)).numpy()
        found = model.run({"x": x, "skip": np.zeros((2, 1, *sizes[:axes]), np.float32)})["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_nearest_copies_the_element_that_pytorch_copies_for_every_pair_of_sizes() -> None:
    """Also 5 to 70, where the arithmetic of ONNX Runtime's own operator comes to the element beside it."""
    model = to_the_skip("resize(W)", 1, channels=1)
    for old, new in product((1, 2, 3, 5, 7, 16, 31, 65), (*range(1, 100), 223, 511)):
        x = np.arange(old, dtype=np.float32)[None, None]
        expected = F.interpolate(torch.from_numpy(x), new).numpy()
        found = model.run({"x": x, "skip": np.zeros((1, 1, new), np.float32)})["y"]
        np.testing.assert_array_equal(found, expected, f"{old} to {new}")


@pytest.mark.parametrize("mode", ("nearest", "nearest_exact"))
def test_exported_models_copy_the_same_elements_to_a_given_size(mode: str) -> None:
    case = Case((0, 0), mode, {"size": [70, 49]})
    model = nnspec.compile(spec_of(case.call, "3, H, W"))
    x = np.random.default_rng(1).normal(0, 1, (2, 3, 5, 9)).astype(np.float32)
    np.testing.assert_array_equal(model.run({"x": x})["y"], case.function(torch.from_numpy(x)).numpy())


def to_the_skip(call: str, axes: int = 2, channels: int = 3) -> Any:
    """x of any size, made as large as skip."""
    small, large = ", ".join("ABC"[-axes:]), ", ".join("DHW"[-axes:])
    return nnspec.compile(
        nnspec.loads(
            f"nnspec 1\nmodel m {{\n  input x: float32[N, {channels}, {small}]\n  input skip: float32[N, 1, {large}]\n"
            f"  output y = x -> {call}\n  output z = skip -> relu\n}}\n"
        )
    )


PADS = [
    (mode, amounts)
    for mode in ("constant", "reflect", "replicate", "circular")
    for amounts in ([[1, 2]], [[0, 3]], [[1, 0], [2, 3]], [[3, 3], [1, 1]], [[1, 2], [0, 1], [2, 0]])
]


@pytest.mark.parametrize(("mode", "amounts"), PADS, ids=str)
def test_pad(mode: str, amounts: list[list[int]]) -> None:
    axes = [-1 - at for at in range(len(amounts))]
    ours_mode = {"replicate": "edge"}.get(mode, mode)
    value = 0.7 if mode == "constant" else 0.0
    call = f'pad({spelled(amounts)}, axis = {spelled(axes)}, mode = "{ours_mode}", value = {value})'
    x = np.random.default_rng(1).normal(0, 1, (2, 3, 4, 5, 6)[: 2 + len(amounts)]).astype(np.float32)
    flat = [n for pair in amounts for n in pair]
    expected = wanted(lambda x: F.pad(x, flat, mode, value if mode == "constant" else None), x)
    assert worst(ours(call, x, expected["y"].shape), expected) < (1e-6,)
