"""Convolutions with every option over odd sizes: outputs, gradients and exported models against PyTorch.

PyTorch has neither padding of its own for each side nor "same" with strides. There a border stands in front of its
convolution, and its transposed convolution is cut: both follow from what the documentation says, not from our code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import nnspec
from nnspec.autodiff import gradients
from nnspec.compiler.lowering import lower_model
from nnspec.graph.graph import Graph
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.graph.passes import optimized
from nnspec.graph.training_forms import in_training_forms
from nnspec.ir.types import TensorType
from nnspec.library import registries
from nnspec.runtime.session import Session

from .compare import worst
from .forms import spelled

pytestmark = pytest.mark.parity

Arrays = dict[str, np.ndarray[Any, Any]]
Pairs = Sequence[tuple[int, int]]

TOLERANCE = 1e-5
"""Relative, in the maximum norm of each tensor."""
IN_TRAINING = 1e-4
"""Winograd's form evaluates polynomials at up to six points, at the cost of a digit."""

SIZES = {1: (11,), 2: (9, 7), 3: (5, 7, 6)}
KERNELS: dict[int, list[Any]] = {1: [3, 2, [4]], 2: [3, [2, 3], [3, 1]], 3: [2, [1, 3, 2], 3]}
PADDINGS: dict[int, list[Any]] = {
    1: [0, 1, [2, 0], "same", "valid"],
    2: [0, 1, [1, 2], [[0, 1], [2, 1]], "same", "valid"],
    3: [0, 1, [1, 0, 2], [[0, 1], 1, [2, 1]], "same"],
}
TORCH_MODES = {"zeros": "constant", "reflect": "reflect", "edge": "replicate", "circular": "circular"}


class Case(NamedTuple):
    call: str
    row: tuple[int, ...]
    """The shape of a row."""
    module: Callable[[], nn.Module]

    def __str__(self) -> str:
        return f"{self.call} {list(self.row)}"


class Bordered(nn.Module):
    """A convolution behind a border."""

    def __init__(self, module: nn.Module, amounts: Pairs, mode: str = "zeros") -> None:
        super().__init__()
        self.module, self.mode = module, TORCH_MODES[mode]
        self.amounts = [n for pair in reversed(amounts) for n in pair]

    def forward(self, x: Tensor) -> Tensor:
        return self.module(F.pad(x, self.amounts, self.mode))


class Cut(nn.Module):
    """A transposed convolution whose border is cut off; below 0, zeros and the offset are put there."""

    def __init__(self, module: nn.Module, amounts: Pairs) -> None:
        super().__init__()
        self.module = module
        self.amounts = [-n for pair in reversed(amounts) for n in pair]

    def forward(self, x: Tensor) -> Tensor:
        bias = self.module.bias
        ones = [1] * (x.dim() - 2)
        offset = 0 if bias is None else bias.reshape(-1, *ones)
        return F.pad(self.module(x) - offset, self.amounts) + offset


def per_axis(axes: int, value: Any) -> list[int]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def pairs(axes: int, padding: Any, wanted: Callable[[int], int]) -> Pairs:
    """[before, behind] for each axis; `wanted` is what "same" adds to an axis in all."""
    if padding == "same":
        totals = [wanted(at) for at in range(axes)]
        return [(total // 2, total - total // 2) for total in totals]
    if axes == 1 and isinstance(padding, list):
        return [tuple(padding)]
    amounts = per_axis(axes, 0 if padding == "valid" else padding)
    return [tuple(n) if isinstance(n, list) else (n, n) for n in amounts]


def written(**options: Any) -> str:
    return ", ".join(f"{name} = {spelled(value)}" for name, value in options.items())


def conv(axes: int, channels: int, filters: int, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int,
         bias: bool = True, mode: str = "zeros", sizes: tuple[int, ...] = ()) -> Case:  # fmt: skip
    """With the options that PyTorch has, where it has them."""
    sizes = sizes or SIZES[axes]
    text = written(kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias)
    call = f"conv{axes}d({filters}, {text}{written(padding_mode=mode).join([', ', '']) if mode != 'zeros' else ''})"
    strides, extents = per_axis(axes, stride), spans(axes, kernel, dilation)
    amounts = pairs(axes, padding, lambda at: same_total(sizes[at], strides[at], extents[at]))
    options = {"stride": stride, "dilation": dilation, "groups": groups, "bias": bias}
    kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]

    def module() -> nn.Module:
        size, step = tuple(per_axis(axes, kernel)), options | {"stride": tuple(strides)}
        step["dilation"] = tuple(per_axis(axes, dilation))
        if all(a == b for a, b in amounts):
            return kind(channels, filters, size, padding=tuple(a for a, _ in amounts),
                        padding_mode="replicate" if mode == "edge" else mode, **step)  # fmt: skip
        return Bordered(kind(channels, filters, size, **step), amounts, mode)

    return Case(call, (channels, *sizes), module)


def depthwise(channels: int, multiplier: int, kernel: Any, stride: Any, padding: Any, dilation: Any,
              bias: bool = True, mode: str = "zeros") -> Case:  # fmt: skip
    whole = conv(2, channels, multiplier * channels, kernel, stride, padding, dilation, channels, bias, mode)
    text = written(kernel=kernel, stride=stride, padding=padding, dilation=dilation, multiplier=multiplier, bias=bias)
    return whole._replace(call=f"depthwise_conv2d({text}, {written(padding_mode=mode)})")


def transpose(axes: int, channels: int, filters: int, kernel: Any, stride: Any, padding: Any, dilation: Any,
              groups: int, bias: bool = True, more: Any = 0) -> Case:  # fmt: skip
    sizes = tuple(max(size // 2, 2) for size in SIZES[axes])
    text = written(kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias)
    call = f"conv_transpose{axes}d({filters}, {text}{', ' + written(output_padding=more) if more else ''})"
    strides, extents = per_axis(axes, stride), spans(axes, kernel, dilation)
    amounts = pairs(axes, padding, lambda at: extents[at] - strides[at])
    if padding == "same":
        surplus = [extent - stride for extent, stride in zip(extents, strides, strict=True)]
        amounts = [(max(n, 0) // 2, n - max(n, 0) // 2) for n in surplus]
    extra, kind = per_axis(axes, more), (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]

    def module() -> nn.Module:
        size = tuple(per_axis(axes, kernel))
        step = {"stride": tuple(strides), "dilation": tuple(per_axis(axes, dilation)), "groups": groups, "bias": bias}
        if all(a == b >= 0 for a, b in amounts):
            return kind(channels, filters, size, padding=tuple(a for a, _ in amounts), output_padding=tuple(extra),
                        **step)  # fmt: skip
        ends = [(a, b - n) for (a, b), n in zip(amounts, extra, strict=True)]
        return Cut(kind(channels, filters, size, **step), ends)

    return Case(call, (channels, *sizes), module)


def spans(axes: int, kernel: Any, dilation: Any) -> list[int]:
    sizes = zip(per_axis(axes, kernel), per_axis(axes, dilation), strict=True)
    return [(k - 1) * d + 1 for k, d in sizes]


def same_total(size: int, stride: int, extent: int) -> int:
    """TensorFlow's rule: as much as it takes for ceil(size / stride) elements."""
    return max((-(-size // stride) - 1) * stride + extent - size, 0)


def convolutions() -> Iterator[Case]:
    """Every stride with every dilation and number of groups; kernels, paddings and offsets take turns."""
    turn = count()
    for axes in (1, 2, 3):
        for padding, stride, dilation, groups in product(PADDINGS[axes], (1, 2, 3), (1, 2), (1, 2, 4)):
            at = next(turn)
            if axes == 3 and at % 3:
                continue
            kernel = KERNELS[axes][at % 7 % 3]
            filters = (4, 8)[at % 5 % 2]
            yield conv(axes, 4, filters, kernel, stride, padding, dilation, groups, bool(at % 4))
    for axes in (2, 3):
        steps, spread = [2, 1, 3][:axes], [1, 2, 2][:axes]
        yield conv(axes, 3, 2, 2, steps, 1, spread, 1)
        yield conv(axes, 6, 9, 2, steps, "same", spread, 3)


def products() -> Iterator[Case]:
    """Kernels of one element."""
    for axes, stride, padding in product((1, 2, 3), (1, 2, 3), (0, 1)):
        yield conv(axes, 4, 6, 1, stride, padding, 1, 1 + stride % 2)


def large() -> Iterator[Case]:
    """Kernels as large as the image, images of one element, one channel, one filter."""
    yield conv(2, 1, 1, 3, 1, 1, 1, 1)
    yield conv(2, 1, 8, 5, 1, 2, 1, 1)
    yield conv(2, 3, 5, [9, 7], 1, 0, 1, 1)
    yield conv(2, 3, 5, 7, 2, 3, 1, 1)
    yield conv(2, 2, 3, 3, 3, 2, 1, 1, sizes=(1, 1))
    yield conv(1, 2, 3, 5, 1, 4, 1, 1, sizes=(1,))
    yield conv(1, 2, 3, 1, 4, 0, 1, 1, sizes=(10,))
    yield conv(2, 2, 3, 3, 1, 5, 1, 1, sizes=(4, 5))


def wide() -> Iterator[Case]:
    """So many channels that training takes another form."""
    for stride, padding in product((1, 2), PADDINGS[2]):
        yield conv(2, 16 * 8 ** (stride - 1), 16, 3, stride, padding, 1, 1, padding != 1, sizes=(7, 6))
    for padding in PADDINGS[1]:
        yield conv(1, 16, 17, 3, 1, padding, 1, 1)
    yield conv(2, 18, 16, 3, 1, 1, 1, 1, sizes=(14, 13))
    yield conv(2, 16, 16, 3, 1, 1, 1, 1, sizes=(33, 1))


def borders() -> Iterator[Case]:
    for axes, mode, padding in product((1, 2, 3), ("reflect", "edge", "circular"), (2, "same", "asymmetric")):
        amounts: Any = ([1, 2] if axes == 1 else [[1, 2], *[1] * (axes - 1)]) if padding == "asymmetric" else padding
        yield conv(axes, 2, 4, 3, 2 if padding == "same" else 1, amounts, 1, 2, True, mode)


def depthwises() -> Iterator[Case]:
    turn = count()
    for padding, stride, dilation, multiplier in product(PADDINGS[2], (1, 2, 3), (1, 2), (1, 3)):
        at = next(turn)
        yield depthwise(3, multiplier, KERNELS[2][at % 7 % 3], stride, padding, dilation, bool(at % 4))
    yield depthwise(2, 2, 5, [1, 2], 2, [2, 1], True, "reflect")


def transposes() -> Iterator[Case]:
    turn = count()
    for axes in (1, 2, 3):
        for padding, stride, dilation, groups in product(PADDINGS[axes], (1, 2, 3), (1, 2), (1, 2, 4)):
            at = next(turn)
            if (axes == 3 and at % 4) or (axes == 2 and at % 2):
                continue
            kernel = [4, 3] if padding == [1, 2] else KERNELS[axes][at % 7 % 3]
            more = 0 if padding == "same" else at % max(stride, dilation)
            yield transpose(axes, 4, (4, 8)[at % 5 % 2], kernel, stride, padding, dilation, groups, bool(at % 4), more)
    yield transpose(2, 2, 3, [3, 2], [3, 1], 1, [1, 2], 1, True, [2, 1])
    yield transpose(2, 3, 3, 1, 3, 0, 1, 3)


CASES = [case for cases in (convolutions, products, large, wide, borders, depthwises, transposes) for case in cases()]


def test_there_are_many_cases() -> None:
    assert len({str(case) for case in CASES}) > 400


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_gradients(case: Case) -> None:
    """Gradients of input, weight and bias, by their rules and in the form in which the convolution trains."""
    module, names = prepared(case)
    x = drawn(case, 2)
    wanted = trained(module, names, x)
    shape, state = wanted["y"].shape, arrays_of(module, names)
    assert worst(step_of(case, x, shape, state), wanted) < (TOLERANCE,)
    assert worst(step_of(case, x, shape, state, in_training_forms), wanted) < (IN_TRAINING,)


@pytest.mark.parametrize("case", CASES[::12], ids=str)
def test_exported_model(case: Case) -> None:
    """Its verification compares it at batch sizes 1, 2 and 7."""
    module, names = prepared(case)
    model = nnspec.compile(spec_of(case), weights=arrays_of(module, names))
    x = drawn(case, 3)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    assert worst(model.run({"x": x}), {"y": wanted}) < (TOLERANCE,)


def prepared(case: Case) -> tuple[nn.Module, dict[str, str]]:
    """The module with random parameters, and our name for each of its tensors."""
    torch.manual_seed(len(str(case)))
    module = case.module()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, -1, 1)
    names = {f"y.{name.rpartition('.')[2]}": name for name in module.state_dict()}
    assert {(item.path, item.shape) for item in spec_of(case).parameters} == {
        (own, tuple(module.state_dict()[name].shape)) for own, name in names.items()
    }
    return module, names


def spec_of(case: Case) -> nnspec.Spec:
    row = "".join(f", {size}" for size in case.row)
    return nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: float32[N{row}]\n  output y = {case.call}\n}}\n")


def arrays_of(module: nn.Module, names: dict[str, str]) -> Arrays:
    state = module.state_dict()
    return {own: state[name].numpy() for own, name in names.items()}


def drawn(case: Case, rows: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(rows).normal(0.2, 1, (rows, *case.row)).astype(np.float32)


def projection(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).normal(0.1, 1, shape).astype(np.float32)


def trained(module: nn.Module, names: dict[str, str], x: Any) -> Arrays:
    """PyTorch's output, and the gradients of its projection."""
    given = torch.from_numpy(x).requires_grad_()
    y = module(given)
    (y * torch.from_numpy(projection(tuple(y.shape)))).sum().backward()
    assert given.grad is not None
    parameters = dict(module.named_parameters())
    found = {"y": y.detach().numpy(), "dx": given.grad.numpy()}
    for own, name in names.items():
        gradient = parameters[name].grad
        assert gradient is not None
        found[f"d{own}"] = gradient.numpy()
    return found


def step_of(
    case: Case, x: Any, shape: tuple[int, ...], state: Arrays, prepare: Callable[[Graph], None] | None = None
) -> Arrays:
    """The same of ours."""
    spec = spec_of(case)
    g = Graph("step", training=True)
    values = lower_model(spec, registries(), g, {"N": len(x)})
    y = values["y"]
    assert y.shape == shape
    if prepare:
        prepare(g)
    weights = g.input("projection", TensorType("float32", y.shape))
    loss = g.reduce("ReduceSum", g.op("Mul", y, weights), list(range(y.rank)))
    found = gradients(g, loss, [values["x"], *g.parameters.values()])
    g.output("y", y)
    for name, value in zip(["x", *g.parameters], found, strict=True):
        assert value is not None
        g.output(f"d{name}", value)
    session = Session(to_bytes(to_model(optimized(g))))
    return session.run({"x": x, "projection": projection(shape), **state})
