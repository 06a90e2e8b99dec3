"""Twenty updates of every optimizer with every option, and with all that a train section adds, against PyTorch or the
paper's formulas in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, optim

import nnspec
from nnspec.data.batching import Batches
from nnspec.library import registries
from tests.recipe.rules import lamb, lion

from .compare import worst
from .papers import Formula, Paper

pytestmark = pytest.mark.parity

UPDATES, BATCH = 20, 8
TOLERANCE = 1e-4
"""Of every parameter at the end: relative, in the maximum norm of the tensor."""

Parameters = dict[str, Tensor]
Make = Callable[[Parameters], Any]

SPEC = """nnspec 1
model small {{
  input x: float32[N, 5]
  hidden = dense(7) -> tanh
  output y = dense(3)
}}
train {{
  target t: label[N]
  loss = cross_entropy(y, t)
  optimizer = {optimizer}
  epochs = 1
  batch_size = 8
  seed = 3
{settings}
}}
"""


def torch_rule(cls: Any, off: str = "", **options: Any) -> Make:
    """PyTorch's optimizer; no weight decay on the parameters that the pattern `off` covers."""

    def make(parameters: Parameters) -> Any:
        groups: list[dict[str, Any]] = [
            {"params": [p for name, p in parameters.items() if not fnmatchcase(name, off)]},
            {"params": [p for name, p in parameters.items() if fnmatchcase(name, off)], "weight_decay": 0.0},
        ]
        return cls([group for group in groups if group["params"]], **options)

    return make


def paper_rule(formula: Formula, off: str = "", **options: float) -> Make:
    """The paper's optimizer, as above."""
    return lambda parameters: Paper(formula, parameters, {n for n in parameters if fnmatchcase(n, off)}, **options)


SGD, ADAM, ADAMW = partial(torch_rule, optim.SGD), partial(torch_rule, optim.Adam), partial(torch_rule, optim.AdamW)
RMSPROP, ADAGRAD = partial(torch_rule, optim.RMSprop), partial(torch_rule, optim.Adagrad)
ADADELTA = partial(torch_rule, optim.Adadelta)
LION, LAMB = partial(paper_rule, lion), partial(paper_rule, lamb)

RULES: dict[str, Make] = {
    "sgd(lr = 0.05)": SGD(lr=0.05),
    "sgd(0.05, momentum = 0.9)": SGD(lr=0.05, momentum=0.9),
    "sgd(0.05, momentum = 0.9, nesterov = true)": SGD(lr=0.05, momentum=0.9, nesterov=True),
    "sgd(0.05, 0.8, dampening = 0.3, weight_decay = 0.01)": SGD(
        lr=0.05, momentum=0.8, dampening=0.3, weight_decay=0.01
    ),
    'sgd(0.05, weight_decay = 0.3, decay_on = "*.weight")': SGD("*.bias", lr=0.05, weight_decay=0.3),
    "adam": ADAM(),
    "adam(0.02, beta1 = 0.8, beta2 = 0.95, eps = 1e-6)": ADAM(lr=0.02, betas=(0.8, 0.95), eps=1e-6),
    "adam(lr = 0.02, weight_decay = 0.05)": ADAM(lr=0.02, weight_decay=0.05),
    "adam(0.02, beta2 = 0.5, amsgrad = true)": ADAM(lr=0.02, betas=(0.9, 0.5), amsgrad=True),
    'adam(0.02, weight_decay = 0.3, decay_on = ["hidden.*", "y.bias"])': ADAM("y.weight", lr=0.02, weight_decay=0.3),
    "adamw": ADAMW(),
    "adamw(lr = 0.02, beta1 = 0.85, beta2 = 0.9, eps = 1e-5, weight_decay = 0.2)": ADAMW(
        lr=0.02, betas=(0.85, 0.9), eps=1e-5, weight_decay=0.2
    ),
    "adamw(0.02, beta2 = 0.5, amsgrad = true, weight_decay = 0)": ADAMW(
        lr=0.02, betas=(0.9, 0.5), amsgrad=True, weight_decay=0
    ),
    'adamw(0.02, weight_decay = 0.5, decay_on = "*.weight")': ADAMW("*.bias", lr=0.02, weight_decay=0.5),
    "rmsprop": RMSPROP(),
    "rmsprop(lr = 0.005, alpha = 0.9, eps = 1e-5)": RMSPROP(lr=0.005, alpha=0.9, eps=1e-5),
    "rmsprop(0.002, momentum = 0.8, weight_decay = 0.1)": RMSPROP(lr=0.002, momentum=0.8, weight_decay=0.1),
    "rmsprop(0.002, centered = true)": RMSPROP(lr=0.002, centered=True),
    "rmsprop(0.002, 0.95, momentum = 0.5, centered = true)": RMSPROP(lr=0.002, alpha=0.95, momentum=0.5, centered=True),
    'rmsprop(0.005, weight_decay = 0.5, decay_on = "hidden.*")': RMSPROP("y.*", lr=0.005, weight_decay=0.5),
    "adagrad": ADAGRAD(),
    "adagrad(lr = 0.05, lr_decay = 0.1, eps = 1e-6)": ADAGRAD(lr=0.05, lr_decay=0.1, eps=1e-6),
    "adagrad(0.05, initial_accumulator_value = 0.2, weight_decay = 0.1)": ADAGRAD(
        lr=0.05, initial_accumulator_value=0.2, weight_decay=0.1
    ),
    'adagrad(0.05, weight_decay = 0.5, decay_on = "*.weight")': ADAGRAD("*.bias", lr=0.05, weight_decay=0.5),
    "adadelta": ADADELTA(),
    "adadelta(lr = 2.0, rho = 0.8, eps = 1e-4)": ADADELTA(lr=2.0, rho=0.8, eps=1e-4),
    "adadelta(weight_decay = 0.1)": ADADELTA(weight_decay=0.1),
    'adadelta(3, weight_decay = 0.5, decay_on = "*.weight")': ADADELTA("*.bias", lr=3, weight_decay=0.5),
    "lion": LION(),
    "lion(lr = 2e-3, beta1 = 0.8, beta2 = 0.95)": LION(lr=2e-3, beta1=0.8, beta2=0.95),
    "lion(2e-3, weight_decay = 0.5)": LION(lr=2e-3, weight_decay=0.5),
    'lion(2e-3, weight_decay = 5, decay_on = "*.weight")': LION("*.bias", lr=2e-3, weight_decay=5),
    "lamb": LAMB(),
    "lamb(lr = 0.02, beta1 = 0.8, beta2 = 0.95, eps = 1e-4)": LAMB(lr=0.02, beta1=0.8, beta2=0.95, eps=1e-4),
    "lamb(0.02, weight_decay = 0)": LAMB(lr=0.02, weight_decay=0),
    'lamb(0.02, weight_decay = 0.5, decay_on = "*.weight")': LAMB("*.bias", lr=0.02, weight_decay=0.5),
}

COMMON = [
    "sgd(0.05, momentum = 0.9)", "adam(lr = 0.02, weight_decay = 0.05)", "rmsprop(0.002, centered = true)",
    'adamw(0.02, weight_decay = 0.5, decay_on = "*.weight")', "adagrad", "adadelta(lr = 2.0, rho = 0.8, eps = 1e-4)",
    "lion(2e-3, weight_decay = 0.5)", 'lamb(0.02, weight_decay = 0.5, decay_on = "*.weight")',
]  # fmt: skip
"""One of each kind, with what a train section adds."""

SETTINGS: dict[str, dict[str, Any]] = {
    "regularize = l1(2e-3)": {"l1": {"*.weight": 2e-3}},
    'regularize = [l2(5e-3), l1(3e-3, on = "*.bias")]': {"l2": {"*.weight": 5e-3}, "l1": {"*.bias": 3e-3}},
    "clip_norm = 0.1": {"norm": 0.1},
    "clip_value = 0.01": {"value": 0.01},
    "clip_norm = 0.3\n  clip_value = 0.02": {"norm": 0.3, "value": 0.02},
    "accumulate = 3": {"group": 3},
    "average = ema(0.7)": {"decay": 0.7},
    'freeze = ["hidden.*"]': {"frozen": "hidden.*"},
    'accumulate = 2\n  clip_norm = 0.1\n  average = ema(0.5)\n  regularize = l2(1e-2)\n  freeze = ["y.bias"]': {
        "group": 2, "norm": 0.1, "decay": 0.5, "l2": {"*.weight": 1e-2}, "frozen": "y.bias",
    },
}  # fmt: skip


def test_every_option_of_every_optimizer_is_covered() -> None:
    used: dict[str, set[str]] = {name: set() for name in registries()["optimizer"]}
    for text in RULES:
        name, _, inside = text.partition("(")
        used[name] |= {part.partition("=")[0].strip(" ,") for part in inside.split(", ") if "=" in part}
    assert used == {name: set(registries()["optimizer"][name].option_names) for name in used}
    assert {text.partition("(")[0] for text in COMMON} == set(used)


@pytest.mark.parametrize("optimizer", RULES)
def test_twenty_updates(optimizer: str) -> None:
    check(optimizer, "")


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("optimizer", COMMON)
def test_twenty_updates_with_what_a_train_section_adds(optimizer: str, settings: str) -> None:
    check(optimizer, settings)


def check(optimizer: str, settings: str) -> None:
    asked = SETTINGS.get(settings, {})
    rows = UPDATES * BATCH * asked.get("group", 1) - 3  # the last batch is smaller
    random = np.random.default_rng(5)
    data = {"x": random.normal(size=(rows, 5)).astype(np.float32), "t": random.integers(0, 3, rows)}
    trainer = nnspec.Trainer(nnspec.loads(SPEC.format(optimizer=optimizer, settings=f"  {settings}")))
    start = {
        name: array + random.normal(0, 0.1, array.shape).astype(np.float32)
        for name, array in trainer.parameters.items()
    }
    trainer.load_parameters(start)
    history = trainer.fit(train=data)
    assert history.epochs[-1]["step"] == UPDATES
    wanted = reference(start, RULES[optimizer], data, asked)
    moved = worst(wanted, start)[0]
    error, name = worst(trainer.parameters, wanted)
    assert moved > 10 * TOLERANCE, "nothing to see"
    assert error < TOLERANCE, f"{name}: {error}"


def reference(
    start: Mapping[str, Any], make: Make, data: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters after an epoch in float64: the average, where one is asked for."""
    parameters = {name: torch.from_numpy(array.astype(np.float64)).requires_grad_() for name, array in start.items()}
    trained = {name: p for name, p in parameters.items() if not fnmatchcase(name, asked.get("frozen", ""))}
    rule, average = make(trained), dict[str, Any]()
    for batches in grouped(len(data["t"]), asked.get("group", 1)):
        for p in trained.values():
            p.grad = torch.zeros_like(p)
        for order in batches:
            (objective(parameters, data["x"][order], data["t"][order], asked) / len(batches)).backward()
        if "norm" in asked:
            torch.nn.utils.clip_grad_norm_(trained.values(), asked["norm"])
        if "value" in asked:
            torch.nn.utils.clip_grad_value_(trained.values(), asked["value"])
        rule.step()
        part = asked.get("decay", 0.0) if average else 0.0
        for name, p in parameters.items():
            average[name] = part * average.get(name, 0.0) + (1 - part) * p.detach().numpy()
    return average


def grouped(rows: int, size: int) -> Iterator[list[Any]]:
    batches = list(Batches(rows, BATCH, seed=3).epoch(0))
    return (batches[start : start + size] for start in range(0, len(batches), size))


def objective(parameters: Parameters, x: Any, t: Any, asked: Mapping[str, Any]) -> Tensor:
    """Loss and penalties of one batch."""
    hidden = torch.tanh(
        torch.from_numpy(x.astype(np.float64)) @ parameters["hidden.weight"].T + parameters["hidden.bias"]
    )
    total = torch.nn.functional.cross_entropy(
        hidden @ parameters["y.weight"].T + parameters["y.bias"], torch.from_numpy(t)
    )
    for kind, measure in (("l1", torch.abs), ("l2", torch.square)):
        for pattern, k in asked.get(kind, {}).items():
            for name, p in parameters.items():
                if fnmatchcase(name, pattern):
                    total = total + k * measure(p).sum()
    return total
