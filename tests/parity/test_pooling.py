"""Pools with every option over odd sizes: outputs, gradients and exported models against PyTorch.

The maxima are of small whole numbers, so that nearly every window has its greatest element several times: the gradient
belongs to the first of them. PyTorch has no padding of its own for each side and no "same". There a border stands in
front of its pool: of -inf, or of zeros that are counted or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import nnspec

from .compare import worst
from .forms import spelled
from .single import Array, ours, projection, session_of, spec_of, wanted

pytestmark = pytest.mark.parity

TOLERANCE = 1e-6
"""Relative, in the maximum norm of each tensor."""

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
SIZES = {1: [(9,), (14,)], 2: [(7, 9), (8, 8)], 3: [(5, 4, 7), (6, 6, 6)]}
KERNELS: dict[int, list[Any]] = {1: [2, 3], 2: [2, 3, [3, 2]], 3: [2, [1, 3, 2]]}
PADDINGS: dict[int, list[Any]] = {
    1: [0, 1, [1, 0], "same"],
    2: [0, 1, [0, 1], [[1, 0], [0, 1]], "same", "valid"],
    3: [0, [0, 1, 1], "same"],
}


class Case(NamedTuple):
    call: str
    row: tuple[int, ...]
    """The shape of a row."""
    function: Callable[[Tensor], Tensor]
    whole: bool = True
    """Whether PyTorch's pool does all of it, without a border in front."""

    def __str__(self) -> str:
        return f"{self.call} {list(self.row)}"


def per_axis(axes: int, value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] * axes


def written(**options: Any) -> str:
    return ", ".join(f"{name} = {spelled(value)}" for name, value in options.items() if value is not None)


def borders(sizes: tuple[int, ...], kernel: Any, stride: Any, padding: Any, dilation: Any) -> list[tuple[int, int]]:
    """[before, behind] of each axis, by the documentation."""
    axes = len(sizes)
    found = []
    numbers = [per_axis(axes, value) for value in (kernel, stride, dilation)]
    for at, (size, k, s, d) in enumerate(zip(sizes, *numbers, strict=True)):
        if padding == "same":
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            found.append((total // 2, total - total // 2))
            continue
        pair = padding if axes == 1 and isinstance(padding, list) else per_axis(axes, padding)[at]
        found.append((0, 0) if padding == "valid" else tuple(pair) if isinstance(pair, list) else (pair, pair))
    return found


def beyond(sizes: tuple[int, ...], around: list[tuple[int, int]], kernel: list[int], stride: list[int],
           dilation: list[int]) -> list[tuple[int, int]]:  # fmt: skip
    """The border with which windows that begin inside are whole: what ceil_mode does, in our own words."""
    found = []
    for size, (before, behind), k, s, d in zip(sizes, around, kernel, stride, dilation, strict=True):
        starts = [p for p in range(0, before + size, s) if p <= before + size + behind - (k - 1) * d - 1 + s - 1]
        found.append((before, max(behind, starts[-1] + (k - 1) * d + 1 - size - before)))
    return found


def padded(x: Tensor, around: list[tuple[int, int]], value: float) -> Tensor:
    return F.pad(x, [n for pair in reversed(around) for n in pair], value=value)


def greatest(axes: int, sizes: tuple[int, ...], kernel: Any, stride: Any, padding: Any, dilation: Any = 1,
             ceil: bool = False) -> Case:  # fmt: skip
    call = (
        f"max_pool{axes}d({written(kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil)})"
    )
    step = kernel if stride is None else stride
    around = borders(sizes, kernel, step, padding, dilation)
    options = [tuple(per_axis(axes, value)) for value in (kernel, step)]
    spread = tuple(per_axis(axes, dilation))
    fits = all(a == b and 2 * a <= k for (a, b), k in zip(around, options[0], strict=True))

    def function(x: Tensor) -> Tensor:
        if fits:
            return MAX[axes](x, *options, tuple(a for a, _ in around), spread, ceil_mode=ceil)
        wide = beyond(sizes, around, *map(list, options), list(spread)) if ceil else around
        return MAX[axes](padded(x, wide, -np.inf), *options, 0, spread)

    return Case(call, (2, *sizes), function, fits)


def mean(axes: int, sizes: tuple[int, ...], kernel: Any, stride: Any, padding: Any, ceil: bool = False,
         count: bool = True, divisor: int | None = None) -> Case:  # fmt: skip
    options = {"ceil_mode": ceil, "count_include_pad": count, "divisor": divisor}
    call = f"avg_pool{axes}d({written(kernel=kernel, stride=stride, padding=padding, **options)})"
    step = kernel if stride is None else stride
    around = borders(sizes, kernel, step, padding, 1)
    given = [tuple(per_axis(axes, value)) for value in (kernel, step)]
    fits = all(a == b and 2 * a <= k for (a, b), k in zip(around, given[0], strict=True))

    def function(x: Tensor) -> Tensor:
        if fits and (axes > 1 or divisor is None):
            more = {} if axes == 1 else {"divisor_override": divisor}
            return AVG[axes](x, *given, tuple(a for a, _ in around), ceil, count, **more)
        wide = beyond(sizes, around, *map(list, given), [1] * axes) if ceil else around
        sums = AVG[axes](padded(x, wide, 0), *given) * np.prod(given[0])
        counted = padded(torch.ones_like(x), around, 1.0 if count else 0.0)
        rest = [(b - a, d - c) for (a, c), (b, d) in zip(around, wide, strict=True)]
        return sums / (divisor or AVG[axes](padded(counted, rest, 0), *given) * np.prod(given[0]))

    return Case(call, (2, *sizes), function)


def maxima() -> Iterator[Case]:
    for axes in (1, 2, 3):
        for at, (kernel, stride, padding, ceil) in enumerate(
            product(KERNELS[axes], (None, 1, 2, 3), PADDINGS[axes], (False, True))
        ):
            if min(per_axis(axes, kernel)) == 1 and padding == 1:
                continue
            if axes == 1 or at % axes == 0:
                yield greatest(axes, SIZES[axes][at % 3 % 2], kernel, stride, padding, 1, ceil)
        for stride, padding, ceil in product((1, 2, 3), (0, 1, "same"), (False, True)):
            yield greatest(axes, SIZES[axes][stride % 2], 2, stride, padding, 2, ceil)
    yield greatest(2, (9, 11), [3, 2], [2, 1], [[2, 1], [3, 2]], [2, 4])
    yield greatest(2, (9, 11), [2, 3], [5, 7], 0, [3, 2])
    yield greatest(2, (40, 66), 2, 2, 0)
    yield greatest(2, (41, 67), 2, 2, 1, 1, True)
    yield greatest(2, (40, 66), 3, 3, 0)
    yield greatest(2, (33, 35), 3, 2, 1)
    yield greatest(2, (5, 5), 5, 1, 2)
    yield greatest(2, (1, 1), 1, 1, 0)
    yield greatest(2, (2, 3), [2, 3], 1, 0)


def means() -> Iterator[Case]:
    for axes in (1, 2, 3):
        for at, (kernel, stride, padding, ceil, count) in enumerate(
            product(KERNELS[axes], (None, 1, 2, 3), PADDINGS[axes], (False, True), (True, False))
        ):
            if min(per_axis(axes, kernel)) == 1 and padding == 1:
                continue
            if at % (axes + 1) == 0:
                yield mean(axes, SIZES[axes][at % 3 % 2], kernel, stride, padding, ceil, count)
        for stride, padding, ceil in product((1, 2, 3), (0, 1), (False, True)):
            yield mean(axes, SIZES[axes][1], 2, stride, padding, ceil, divisor=3)
    yield mean(2, (40, 66), 2, 2, 0)
    yield mean(2, (41, 67), 2, 2, 1, True, False)
    yield mean(2, (33, 35), 3, 2, 1)
    yield mean(2, (14, 14), 3, 1, 1, count=False)


MAXIMA, MEANS = list(maxima()), list(means())


def test_there_are_many_cases() -> None:
    assert min(len({str(case) for case in cases}) for cases in (MAXIMA, MEANS)) > 120


@pytest.mark.parametrize("case", MAXIMA, ids=str)
def test_maxima_with_ties(case: Case) -> None:
    x = np.random.default_rng(1).integers(-2, 2, (2, *case.row)).astype(np.float32)
    assert_equal(case, x)


@pytest.mark.parametrize("case", MEANS, ids=str)
def test_means(case: Case) -> None:
    assert_equal(case, np.random.default_rng(1).normal(0.2, 1, (2, *case.row)).astype(np.float32))


def assert_equal(case: Case, x: Array) -> None:
    expected = wanted(case.function, x)
    assert worst(ours(case.call, x, expected["y"].shape), expected) < (TOLERANCE,)


@pytest.mark.parametrize("case", [case for case in MAXIMA if case.whole][::4], ids=str)
def test_infinities_are_numbers_like_others(case: Case) -> None:
    """-inf is what masked elements are. Of windows that hold nothing else the first element gets the gradient, and
    ONNX Runtime gives -3.4e38 for some of them.
    """
    x = np.random.default_rng(1).integers(-1, 2, (2, *case.row)).astype(np.float32)
    x[x == 0] = -np.inf
    x[0, 0] = -np.inf
    expected = wanted(case.function, x)
    found = ours(case.call, x, expected["y"].shape)
    lowest = np.finfo(np.float32).min
    np.testing.assert_array_equal(np.maximum(found["y"], lowest), np.maximum(expected["y"], lowest))
    np.testing.assert_allclose(found["dx"], expected["dx"], rtol=1e-5, atol=1e-6)


GLOBALS = {"avg": (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d),
           "max": (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)}  # fmt: skip


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("keep", [False, True])
def test_global_pools(kind: str, axes: int, keep: bool) -> None:
    call = f"global_{kind}_pool" + ("(keepdims = true)" if keep else "")
    case = Case(call, (3, *SIZES[axes][0]), lambda x: GLOBALS[kind][axes - 1](x, 1))
    flat = Case(call, case.row, lambda x: case.function(x).flatten(1))
    x = np.random.default_rng(1).integers(-2, 2, (2, *case.row)).astype(np.float32)
    assert_equal(case if keep else flat, x)


EXPORTED = [
    ("max_pool2d(2)", lambda x: F.max_pool2d(x, 2)),
    ("max_pool2d(3, 2, 1)", lambda x: F.max_pool2d(x, 3, 2, 1)),
    ("max_pool2d(3, 2, ceil_mode = true)", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)),
    ("max_pool2d(2, 2, 1, ceil_mode = true)", lambda x: F.max_pool2d(x, 2, 2, 1, ceil_mode=True)),
    ("max_pool2d(2, 1, 2, dilation = 3)", lambda x: F.max_pool2d(padded(x, [(2, 2)] * 2, -np.inf), 2, 1, 0, 3)),
    ('max_pool2d(3, 2, "same")', lambda x: same(F.max_pool2d, x, 3, 2, 1, -np.inf)),
    ('max_pool2d(3, 2, "same", dilation = 2)', lambda x: same(F.max_pool2d, x, 3, 2, 2, -np.inf)),
    ("avg_pool2d(2)", lambda x: F.avg_pool2d(x, 2)),
    ("avg_pool2d(3, 2, 1, ceil_mode = true)", lambda x: F.avg_pool2d(x, 3, 2, 1, True)),
    ("avg_pool2d(3, 2, 1, true, false)", lambda x: F.avg_pool2d(x, 3, 2, 1, True, False)),
    ("avg_pool2d(3, 2, 1, true, divisor = 5)", lambda x: F.avg_pool2d(x, 3, 2, 1, True, divisor_override=5)),
    ('avg_pool2d(3, 2, "same", count_include_pad = false)',
     lambda x: same(F.avg_pool2d, x, 3, 2, 1, 0.0) / same(F.avg_pool2d, torch.ones_like(x), 3, 2, 1, 0.0)),
    ('avg_pool2d(3, 2, "same")', lambda x: same(F.avg_pool2d, x, 3, 2, 1, 0.0)),
    ("global_avg_pool", lambda x: x.mean((2, 3))),
    ("global_max_pool(true)", lambda x: x.amax((2, 3), keepdim=True)),
]  # fmt: skip


def same(pool: Any, x: Tensor, kernel: int, stride: int, dilation: int, border: float) -> Tensor:
    around = borders(tuple(x.shape[2:]), kernel, stride, "same", dilation)
    more = {"dilation": dilation} if dilation > 1 else {}
    return pool(padded(x, around, border), kernel, stride, **more)


@pytest.mark.parametrize(("call", "function"), EXPORTED, ids=[call for call, _ in EXPORTED])
def test_exported_models_take_images_of_all_sizes(call: str, function: Callable[[Tensor], Tensor]) -> None:
    model = nnspec.compile(spec_of(call, "3, H, W"))
    for rows, sizes in product((1, 3), ((7, 8), (8, 9), (9, 11), (10, 10), (12, 7))):
        x = np.random.default_rng(rows).normal(0, 1, (rows, 3, *sizes)).astype(np.float32)
        found = model.run({"x": x})["y"]
        expected = function(torch.from_numpy(x)).numpy()
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("call", ["max_pool2d(3, 2, 1)", "max_pool2d(2)", "avg_pool2d(3, 2, 1)"])
def test_gradients_do_not_depend_on_threads(call: str) -> None:
    x = np.random.default_rng(0).normal(0, 1, (4, 16, 40, 40)).astype(np.float32)
    feeds = {"x": x, "projection": projection((4, 16, 20, 20))}
    first = session_of(call, x).run(feeds)["dx"]
    many = session_of(call, x, threads=4)
    assert all(many.run(feeds)["dx"].tobytes() == first.tobytes() for _ in range(50))
