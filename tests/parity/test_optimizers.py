"""Ten updates with the same batches on both sides: optimizers, regularizers, clipping, accumulation, averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.swa_utils import get_ema_multi_avg_fn

import nnspec
from nnspec.data.batching import Batches
from nnspec.library import registries

from .compare import worst
from .networks import COUNT, Batch, Network, network

pytestmark = pytest.mark.parity

STEPS = 10
TOLERANCE = 1e-4
"""Of the parameters after the last step: relative, in the maximum norm of each tensor."""

Parameters = dict[str, torch.nn.Parameter]
Make = Callable[[Iterable[Tensor]], Optimizer]
Terms = Sequence[tuple[str, float, str]]
"""Penalties: kind, factor, pattern of the parameters."""
Clip = Callable[[Iterable[Tensor]], Any]

OPTIMIZERS: dict[str, Make] = {
    "sgd(lr = 0.05)": lambda p: SGD(p, 0.05),
    "sgd(0.05, weight_decay = 0.02)": lambda p: SGD(p, 0.05, weight_decay=0.02),
    "sgd(0.05, momentum = 0.9)": lambda p: SGD(p, 0.05, 0.9),
    "sgd(0.05, momentum = 0.9, nesterov = true)": lambda p: SGD(p, 0.05, 0.9, nesterov=True),
    "sgd(0.05, 0.8, dampening = 0.3)": lambda p: SGD(p, 0.05, 0.8, 0.3),
    "sgd(0.05, 0.8, 0.3, weight_decay = 0.01)": lambda p: SGD(p, 0.05, 0.8, 0.3, 0.01),
    "sgd(0.05, 0.9, nesterov = true, weight_decay = 0.01)": lambda p: SGD(p, 0.05, 0.9, 0, 0.01, True),
    "adam": Adam,
    "adam(0.003, beta1 = 0.8, beta2 = 0.95, eps = 1e-3)": lambda p: Adam(p, 0.003, (0.8, 0.95), 1e-3),
    "adam(0.003, weight_decay = 0.05)": lambda p: Adam(p, 0.003, weight_decay=0.05),
    "adamw": AdamW,
    "adamw(0.003, 0.85, 0.9, 1e-4, weight_decay = 0.2)": lambda p: AdamW(p, 0.003, (0.85, 0.9), 1e-4, 0.2),
    "adamw(0.003, weight_decay = 0)": lambda p: AdamW(p, 0.003, weight_decay=0),
    "rmsprop(0.002, 0.9, momentum = 0.5)": lambda p: RMSprop(p, 0.002, 0.9, momentum=0.5),
    "adagrad(0.02, weight_decay = 0.01)": lambda p: Adagrad(p, 0.02, weight_decay=0.01),
    "adadelta": Adadelta,
}
"""Adam divides by the size of the gradient, so that an entry which is all rounding moves as far as any other, by lr.
The rates are such that ten steps of such an entry stay below the tolerance.
"""

PENALTIES: dict[str, Terms] = {
    "": (),
    "regularize = l1(2e-3)": (("l1", 2e-3, "*.weight"),),
    'regularize = l2(5e-3, on = "*")': (("l2", 5e-3, "*"),),
    'regularize = [l2(1e-3), l1(3e-3, on = "*.bias")]': (("l2", 1e-3, "*.weight"), ("l1", 3e-3, "*.bias")),
}

CASES = [(optimizer, penalty) for optimizer in OPTIMIZERS for penalty in PENALTIES]


def test_the_optimizers_of_the_library_are_covered() -> None:
    """But for those that PyTorch has not, which `test_all_optimizers` compares with their papers."""
    assert {text.partition("(")[0] for text in OPTIMIZERS} == set(registries()["optimizer"]) - {"lion", "lamb"}
    assert {kind for terms in PENALTIES.values() for kind, _, _ in terms} == set(registries()["regularizer"])


@pytest.mark.parametrize("place", range(len(CASES)))
def test_ten_steps(place: int) -> None:
    """Each case on two networks, so that together they go through all of them."""
    optimizer, penalty = CASES[place]
    for number in (place % COUNT, (place + COUNT // 2 + 1) % COUNT):
        check(network(number), optimizer, PENALTIES[penalty], f"optimizer = {optimizer}\n  {penalty}")


def clip_both(parameters: Iterable[Tensor]) -> None:
    given = list(parameters)
    torch.nn.utils.clip_grad_norm_(given, 0.3)
    torch.nn.utils.clip_grad_value_(given, 0.02)


CLIPS: dict[str, Clip] = {
    "clip_norm = 0.1": lambda p: torch.nn.utils.clip_grad_norm_(p, 0.1),
    "clip_norm = 1e6": lambda p: torch.nn.utils.clip_grad_norm_(p, 1e6),
    "clip_value = 0.01": lambda p: torch.nn.utils.clip_grad_value_(p, 0.01),
    "clip_norm = 0.3\n  clip_value = 0.02": clip_both,
}


@pytest.mark.parametrize("setting", CLIPS)
@pytest.mark.parametrize(
    "optimizer", ["sgd(0.05, momentum = 0.9)", "adamw(0.003, 0.85, 0.9, 1e-4, weight_decay = 0.2)"]
)
def test_ten_steps_with_clipped_gradients(optimizer: str, setting: str) -> None:
    penalty = 'regularize = [l2(1e-3), l1(3e-3, on = "*.bias")]'
    for number in (2, 5, 11):
        train = f"optimizer = {optimizer}\n  {penalty}\n  {setting}"
        check(network(number), optimizer, PENALTIES[penalty], train, CLIPS[setting])


def check(net: Network, optimizer: str, terms: Terms, train: str, clip: Clip = list) -> None:
    """Ten steps on both sides: loss and penalty of every step, and the parameters after the last."""
    trainer = nnspec.Trainer(net.spec(train))
    trainer.load_parameters(net.initial)
    net.load(net.initial)
    parameters = dict(net.net.weights.named_parameters())
    rule = OPTIMIZERS[optimizer](parameters.values())
    for step in range(STEPS):
        batch = net.batch(100 + step)
        loss, extra = backward(net, parameters, terms, batch)
        clip(parameters.values())
        rule.step()
        found = trainer.step(batch)
        assert found["loss"] == pytest.approx(loss, rel=TOLERANCE)
        assert found.get("penalty", 0.0) == pytest.approx(extra, rel=TOLERANCE)
    assert worst(trainer.parameters, net.state()) < (TOLERANCE,)


def backward(
    net: Network, parameters: Parameters, terms: Terms, batch: Batch, share: float = 1.0
) -> tuple[float, float]:
    """PyTorch's loss and penalty; their gradients are set, or as a share of several batches added to what is there."""
    if share == 1.0:
        net.net.zero_grad()
    loss, extra = net.loss(net.net(batch)), penalty_of(parameters, terms)
    ((loss + extra) * share).backward()
    for parameter in parameters.values():
        if parameter.grad is None:  # PyTorch would leave it out, its weight decay too; for nnspec its gradient is 0
            parameter.grad = torch.zeros_like(parameter)
    return loss.item(), float(torch.as_tensor(extra).detach())


def penalty_of(parameters: Parameters, terms: Terms) -> Any:
    """k Σ |w| and k Σ w² over the parameters that the patterns match."""
    total: Any = 0.0
    for kind, k, pattern in terms:
        for name, weight in parameters.items():
            if fnmatchcase(name, pattern):
                total = total + k * (weight.abs() if kind == "l1" else weight * weight).sum()
    return total


@pytest.mark.parametrize("optimizer", ["sgd(0.05, momentum = 0.9)", "adam(0.003, weight_decay = 0.05)"])
def test_an_epoch_with_accumulated_gradients(optimizer: str) -> None:
    """Updates by the mean of the gradients of three batches; the last group has one batch, of three rows."""
    net, penalty, rows, size, group = network(8), "regularize = l1(2e-3)", 51, 8, 3
    settings = f"batch_size = {size}\n  accumulate = {group}\n  seed = 3"
    trainer = nnspec.Trainer(net.spec(f"optimizer = {optimizer}\n  {penalty}\n  {settings}"))
    trainer.load_parameters(net.initial)
    data = net.batch(1, rows)
    trainer.fit(train=data, epochs=1)
    net.load(net.initial)
    parameters = dict(net.net.weights.named_parameters())
    rule = OPTIMIZERS[optimizer](parameters.values())
    batches = list(Batches(rows, size, seed=3).epoch(0))
    for start in range(0, len(batches), group):
        chosen = batches[start : start + group]
        net.net.zero_grad()
        for order in chosen:
            batch = {name: array[order] for name, array in data.items()}
            backward(net, parameters, PENALTIES[penalty], batch, 1 / len(chosen))
        rule.step()
    assert worst(trainer.parameters, net.state()) < (TOLERANCE,)


def test_frozen_parameters_stay() -> None:
    net = network(6)
    held = [name for name, _ in net.net.weights.named_parameters() if name.endswith(".bias")]
    trainer = nnspec.Trainer(net.spec('optimizer = adamw(0.003, weight_decay = 0.1)\n  freeze = ["*.bias"]'))
    trainer.load_parameters(net.initial)
    net.load(net.initial)
    parameters = {name: weight for name, weight in net.net.weights.named_parameters() if name not in held}
    rule = AdamW(parameters.values(), 0.003, weight_decay=0.1)
    for step in range(STEPS):
        batch = net.batch(100 + step)
        backward(net, parameters, (), batch)
        rule.step()
        trainer.step(batch)
    assert held and all(np.array_equal(trainer.parameters[name], net.initial[name]) for name in held)
    assert worst(trainer.parameters, net.state()) < (TOLERANCE,)


def test_an_exponential_average() -> None:
    """What `fit` leaves is the average, as PyTorch's AveragedModel keeps it."""
    net, rows, size = network(10), 40, 8
    settings = f"optimizer = sgd(0.1, 0.9)\n  average = ema(0.7)\n  batch_size = {size}\n  seed = 3"
    trainer = nnspec.Trainer(net.spec(settings))
    trainer.load_parameters(net.initial)
    data = net.batch(1, rows)
    trainer.fit(train=data, epochs=1)
    net.load(net.initial)
    parameters = dict(net.net.weights.named_parameters())
    rule, merge, average = SGD(parameters.values(), 0.1, 0.9), get_ema_multi_avg_fn(0.7), []
    for order in Batches(rows, size, seed=3).epoch(0):
        backward(net, parameters, (), {name: array[order] for name, array in data.items()})
        rule.step()
        now = [weight.detach().clone() for weight in parameters.values()]
        merge(average, now, None) if average else average.extend(now)
    wanted = net.state() | {name: value.numpy() for name, value in zip(parameters, average, strict=True)}
    assert worst(trainer.parameters, wanted) < (TOLERANCE,)
