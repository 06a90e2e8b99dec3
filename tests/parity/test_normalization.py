"""Normalizations with every option: outputs, gradients, running statistics over several steps, and inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nnspec
from nnspec.autodiff import gradients
from nnspec.compiler.lowering import lower_model
from nnspec.graph.graph import Graph
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.graph.passes import optimized
from nnspec.ir.types import TensorType
from nnspec.library import registries
from nnspec.runtime.session import Session

from .compare import worst

pytestmark = pytest.mark.parity

Arrays = dict[str, np.ndarray[Any, Any]]

TOLERANCE = 1e-5
"""Relative, in the maximum norm of each tensor."""
BATCHES = (6, 6, 4)
"""Rows of the steps: the last batch of an epoch is smaller. (Of two values per channel the output is -1 and 1 whatever
they are, and the gradient of the input nothing but rounding.)"""


class Case(NamedTuple):
    call: str
    row: tuple[int, ...]
    """The shape of a row."""
    module: Callable[[], nn.Module]

    def __str__(self) -> str:
        return f"{self.call} {list(self.row)}"


class OnAxis(nn.Module):
    """A module whose channels are on another axis than 1, or a function of the last axes on others."""

    def __init__(self, module: nn.Module, axis: int, to: int = 1) -> None:
        super().__init__()
        self.module, self.axis, self.to = module, axis, to

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x.movedim(self.axis, self.to)).movedim(self.to, self.axis)


def batch_norms() -> list[Case]:
    options = {
        "": {},
        "(momentum = 0.3)": {"momentum": 0.3},
        "(momentum = 0)": {"momentum": 0.0},
        "(momentum = 1, eps = 0.1)": {"momentum": 1.0, "eps": 0.1},
        "(momentum = none)": {"momentum": None},
        "(affine = false)": {"affine": False},
        "(affine = false, momentum = none)": {"affine": False, "momentum": None},
        "(track = false)": {"track_running_stats": False},
        "(affine = false, track = false, eps = 0.001)": {"affine": False, "track_running_stats": False, "eps": 0.001},
    }
    found = []
    for row, kind in (
        ((5,), nn.BatchNorm1d),
        ((3, 4), nn.BatchNorm1d),
        ((3, 4, 5), nn.BatchNorm2d),
        ((2, 3, 2, 3), nn.BatchNorm3d),
    ):
        for text, given in options.items():
            found.append(
                Case(f"batch_norm{text}", row, lambda kind=kind, c=row[0], given=given: kind(c, **given))  # type: ignore[misc]
            )
    found.append(Case("batch_norm", (1, 1, 1), lambda: nn.BatchNorm2d(1)))
    found.append(Case("batch_norm(axis = -1)", (4, 3), lambda: OnAxis(nn.BatchNorm1d(3), -1)))
    found.append(Case("batch_norm(axis = -1)", (4, 2, 3), lambda: OnAxis(nn.BatchNorm2d(3), -1)))
    found.append(Case("batch_norm(axis = 2)", (4, 3, 2), lambda: OnAxis(nn.BatchNorm2d(3), 2)))
    return found


def over_features(name: str, kind: type[nn.Module], more: dict[str, dict[str, Any]]) -> list[Case]:
    found = []
    for text, given in more.items():
        for row in ((7,), (4, 5), (2, 3, 4)):
            found.append(Case(f"{name}({text})", row, lambda c=row[-1], given=given: kind(c, **given)))  # type: ignore[misc]
        comma = ", " if text else ""
        found += [
            Case(f"{name}([-2, -1]{comma}{text})", (4, 5), lambda given=given: kind((4, 5), **given)),  # type: ignore[misc]
            Case(f"{name}([2, 3]{comma}{text})", (2, 3, 4), lambda given=given: kind((3, 4), **given)),  # type: ignore[misc]
            Case(
                f"{name}(axis = 1{comma}{text})",
                (3, 4, 2),
                lambda given=given: OnAxis(kind(3, **given), 1, -1),  # type: ignore[misc]
            ),
        ]
    return found


def layer_norms() -> list[Case]:
    options: dict[str, dict[str, Any]] = {
        "": {},
        "eps = 0.1": {"eps": 0.1},
        "affine = false": {"elementwise_affine": False},
        "bias = false": {"bias": False},
    }
    return over_features("layer_norm", nn.LayerNorm, options)


def rms_norms() -> list[Case]:
    options: dict[str, dict[str, Any]] = {
        "": {},
        "eps = 0.1": {"eps": 0.1},
        "affine = false": {"elementwise_affine": False},
    }
    return over_features("rms_norm", nn.RMSNorm, options)


def instance_norms() -> list[Case]:
    options: dict[str, dict[str, Any]] = {
        "": {},
        "(affine = true)": {"affine": True},
        "(eps = 0.1)": {"eps": 0.1},
        "(track = true)": {"track_running_stats": True},
        "(0.3, affine = true, track = true)": {"momentum": 0.3, "affine": True, "track_running_stats": True},
    }
    found = [
        Case(f"instance_norm{text}", row, lambda kind=kind, c=row[0], given=given: kind(c, **given))  # type: ignore[misc]
        for row, kind in (
            ((3, 4), nn.InstanceNorm1d),
            ((2, 3, 4), nn.InstanceNorm2d),
            ((2, 2, 3, 2), nn.InstanceNorm3d),
        )
        for text, given in options.items()
    ]
    found.append(Case("instance_norm(axis = -1)", (4, 3), lambda: OnAxis(nn.InstanceNorm1d(3), -1)))
    affine = "instance_norm(affine = true, track = true, axis = 2)"
    found.append(
        Case(affine, (4, 3, 2), lambda: OnAxis(nn.InstanceNorm2d(3, affine=True, track_running_stats=True), 2))
    )
    return found


def group_norms() -> list[Case]:
    found = [
        Case(f"group_norm({groups}{text})", row, lambda c=row[0], g=groups, given=given: nn.GroupNorm(g, c, **given))  # type: ignore[misc]
        for row in ((12,), (6, 5), (6, 3, 4), (6, 2, 3, 2))
        for groups in (1, 2, 3)
        for text, given in (("", {}), (", affine = false", {"affine": False}))
    ]
    found.append(Case("group_norm(6, eps = 0.1)", (6, 2, 3), lambda: nn.GroupNorm(6, 6, eps=0.1)))
    found.append(Case("group_norm(2, axis = -1)", (5, 4), lambda: OnAxis(nn.GroupNorm(2, 4), -1)))
    return found


class Unit(nn.Module):
    def __init__(self, axis: int, eps: float = 1e-12) -> None:
        super().__init__()
        self.axis, self.eps = axis, eps

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=self.axis, eps=self.eps)


def unit_norms() -> list[Case]:
    return [
        Case("l2_normalize", (5,), lambda: Unit(-1)),
        Case("l2_normalize", (3, 4), lambda: Unit(-1)),
        Case("l2_normalize(axis = 1)", (3, 4, 2), lambda: Unit(1)),
        Case("l2_normalize(eps = 4)", (5,), lambda: Unit(-1, 4.0)),
    ]


CASES = [*batch_norms(), *layer_norms(), *rms_norms(), *instance_norms(), *group_norms(), *unit_norms()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_training(case: Case) -> None:
    """A few steps: output, gradients of input and parameters, and the running statistics after each."""
    module, names = prepared(case)
    state = arrays_of(module, names)
    for step, rows in enumerate(BATCHES):
        x, projection = drawn(case, rows, step), drawn(case, rows, 100 + step)
        wanted = trained(module, names, x, projection)
        found, state = step_of(case, rows, x, projection, state)
        assert worst(found, wanted) < (TOLERANCE,)
        assert not state or worst(state, arrays_of(module, names)) < (TOLERANCE,)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_inference(case: Case) -> None:
    """The exported model, whose verification compares it at batch sizes 1, 2 and 7, against PyTorch's eval mode."""
    module, names = prepared(case)
    with torch.no_grad():
        module(torch.from_numpy(drawn(case, 8, 3)))
    model = nnspec.compile(spec_of(case), weights=arrays_of(module, names))
    module.eval()
    x = drawn(case, 5, 4)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x)).numpy()
    assert worst(model.run({"x": x}), {"y": wanted}) < (TOLERANCE,)


def prepared(case: Case) -> tuple[nn.Module, dict[str, str]]:
    """The module with random parameters, and our name for each of its tensors."""
    torch.manual_seed(len(str(case)))
    module = case.module()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    kept = {item.path for item in spec_of(case).parameters}
    names = {f"y.{name.rpartition('.')[2]}": name for name in module.state_dict()}
    assert {name for name in names if not name.endswith("num_batches_tracked")} <= kept <= set(names)
    return module, {name: names[name] for name in kept}


def spec_of(case: Case) -> nnspec.Spec:
    row = "".join(f", {size}" for size in case.row)
    return nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: float32[N{row}]\n  output y = {case.call}\n}}\n")


def arrays_of(module: nn.Module, names: dict[str, str]) -> Arrays:
    state = module.state_dict()
    return {own: state[name].numpy().astype(np.float32) for own, name in names.items()}


def drawn(case: Case, rows: int, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(0.7, 1.5, (rows, *case.row)).astype(np.float32)


def trained(module: nn.Module, names: dict[str, str], x: Any, projection: Any) -> Arrays:
    """PyTorch's output, and the gradients of its projection."""
    given = torch.from_numpy(x).requires_grad_()
    module.zero_grad()
    y = module(given)
    (y * torch.from_numpy(projection)).sum().backward()
    assert given.grad is not None
    parameters = dict(module.named_parameters())
    found = {"y": y.detach().numpy(), "dx": given.grad.numpy()}
    for own, name in names.items():
        gradient = parameters[name].grad if name in parameters else None
        found |= {f"d{own}": gradient.numpy()} if gradient is not None else {}
    return found


def step_of(case: Case, rows: int, x: Any, projection: Any, state: Arrays) -> tuple[Arrays, Arrays]:
    """The same of ours, and all parameters with the new statistics."""
    spec = spec_of(case)
    g = Graph("step", training=True)
    values = lower_model(spec, registries(), g, {"N": rows})
    y = values["y"]
    weights = g.input("projection", TensorType("float32", y.shape))
    loss = g.reduce("ReduceSum", g.op("Mul", y, weights), list(range(y.rank)))
    learned = {item.path: g.parameters[item.path] for item in spec.parameters if item.trainable}
    found = gradients(g, loss, [values["x"], *learned.values()])
    g.output("y", y)
    for name, value in zip(["x", *learned], found, strict=True):
        assert value is not None
        g.output(f"d{name}", value)
    for path, value in g.state.items():
        g.output(f"new/{path}", value)
    session = Session(to_bytes(to_model(optimized(g))))
    feeds = {"x": x, "projection": projection, **state}
    results = session.run({name: feeds[name] for name in session.inputs})
    new = {name.removeprefix("new/"): array for name, array in results.items() if name.startswith("new/")}
    return {name: array for name, array in results.items() if not name.startswith("new/")}, state | new
