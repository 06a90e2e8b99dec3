"""Random feed-forward networks against PyTorch: outputs, loss, every gradient, and the exported model."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import nnspec
from nnspec.library import registries

from .compare import worst
from .networks import COUNT, Batch, Network, network

pytestmark = pytest.mark.parity

TOLERANCE = 1e-5
"""Relative, in the maximum norm of each tensor."""

CANCELLED = 1e-3
"""Of the largest gradient of a network: below it, a gradient is what is left of terms that cancel, such as that of a
bias which a normalization takes off again, and its rounding is theirs.
"""

LEFT_OUT = {
    "dropout": "random: test_noise compares distributions",
    "spatial_dropout": "random: test_noise compares distributions",
    "gaussian_noise": "random: test_noise compares distributions",
    "avg_pool1d: kernel": "test_pooling compares all of them; the cards deal one here",
    "lookup: invert": "layers/test_values: no gradient comes from there",
    "attention: dropout": "random: test_attention compares means",
    "attention: mask": "a value: test_attention has every kind of it",
    "attention: memory": "a value: test_attention has every combination with it",
    "rnn": "test_recurrent compares all of its forms",
    "lstm": "test_recurrent compares all of its forms",
    "gru": "test_recurrent compares all of its forms",
}
"""Components that these networks leave out, with the reason."""

OPTIONS_LEFT_OUT = {"lengths": "layers/test_lengths compares with single rows"}
"""Options likewise."""

every = pytest.mark.parametrize("number", range(COUNT))


@cache
def trainer(number: int) -> nnspec.Trainer:
    """nnspec's side of a network, with the weights of PyTorch's."""
    net = network(number)
    found = nnspec.Trainer(net.spec())
    found.load_parameters(net.initial)
    return found


def numpy_of(value: torch.Tensor) -> Any:
    return value.detach().numpy()


def wanted_outputs(net: Network, batch: Batch) -> dict[str, Any]:
    """PyTorch's outputs in inference."""
    net.load(net.initial)
    net.net.eval()
    with torch.no_grad():
        values = net.net(net.inputs(batch))
    return {name: numpy_of(values[value]) for name, value in net.outputs.items()}


def wanted_gradients(net: Network, batch: Batch) -> tuple[float, dict[str, Any]]:
    """PyTorch's loss in inference, and its gradient in training for each parameter; 0 where there is none."""
    net.load(net.initial)
    net.net.zero_grad()
    net.loss(net.net(batch)).backward()
    net.load(net.initial)
    net.net.eval()
    with torch.no_grad():
        loss = net.loss(net.net(batch))
    gradients = {
        name: numpy_of(torch.zeros_like(weight) if weight.grad is None else weight.grad)
        for name, weight in net.net.weights.named_parameters()
    }
    return loss.item(), gradients


@every
def test_parameters_have_the_names_and_values_of_pytorch(number: int) -> None:
    assert worst(trainer(number).parameters, network(number).initial)[0] == 0


@every
def test_loss_and_gradients(number: int) -> None:
    net = network(number)
    for seed, rows in ((1, 6), (2, 9)):
        batch = net.batch(seed, rows)
        loss, gradients = wanted_gradients(net, batch)
        assert trainer(number).evaluate(batch)["loss"] == pytest.approx(loss, rel=TOLERANCE)
        least = CANCELLED * max(float(np.abs(gradient).max()) for gradient in gradients.values())
        assert worst(trainer(number).gradients(batch), gradients, least) < (TOLERANCE,)


@every
def test_outputs(number: int) -> None:
    net = network(number)
    batch = net.batch(3)
    assert worst(trainer(number).predict(net.inputs(batch)), wanted_outputs(net, batch)) < (TOLERANCE,)


@every
def test_exported_model(number: int) -> None:
    """At batch sizes of which none is that of training."""
    net = network(number)
    model = nnspec.compile(net.spec(), weights=trainer(number).parameters)
    for rows in (1, 2, 7):
        batch = net.batch(4, rows)
        assert worst(model.run(net.inputs(batch)), wanted_outputs(net, batch)) < (TOLERANCE,)


@cache
def usage() -> dict[tuple[str, str], dict[str, set[str]]]:
    """Every component of the networks: (kind, name) to option to the values that it has."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for number in range(COUNT):
        spec = network(number).spec()
        assert spec.train is not None
        for node in (*spec.nodes, *spec.train.nodes):
            values = found[node.kind, node.component]
            for option, value in node.options.items():
                values[option].add(str(value))
    return found


@pytest.mark.parametrize("kind", ["layer", "operator", "loss"])
def test_the_networks_cover_the_library(kind: str) -> None:
    covered = {name for of, name in usage() if of == kind}
    assert set(registries()[kind]) - covered <= set(LEFT_OUT)


def test_every_option_has_several_values() -> None:
    """Whatever option a layer or loss has, the networks give it at least two values."""
    fixed = [
        f"{name}: {option}"
        for (kind, name), options in usage().items()
        for option, values in options.items()
        if kind != "operator" and name not in LEFT_OUT and option not in OPTIONS_LEFT_OUT and len(values) < 2
        if f"{name}: {option}" not in LEFT_OUT
    ]
    assert not fixed


def test_inputs_have_two_to_four_dimensions_and_there_are_several() -> None:
    specs = [network(number).spec() for number in range(COUNT)]
    assert {2, 3, 4} <= {len(item.shape) for spec in specs for item in spec.inputs}
    assert max(len(spec.inputs) for spec in specs) > 1 and max(len(spec.outputs) for spec in specs) > 1


def test_most_parameters_matter() -> None:
    """Gradients of 0 prove little: all but few are not."""
    found = [wanted_gradients(net, net.batch(1))[1] for net in map(network, range(COUNT))]
    assert np.mean([np.any(gradient != 0) for gradients in found for gradient in gradients.values()]) > 0.97
