"""The text of the network that an estimator has where it is given no spec: dense layers over standardized columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

EPOCHS, BATCH_SIZE, LEARNING_RATE = 100, 32, 0.005
"""Of the built-in network."""


class Layers(NamedTuple):
    """The hidden part of the network."""

    hidden: Sequence[int]
    activation: str
    dropout: float


def network_text(features: int, layers: Layers, head: str, train: str, weight_decay: float) -> str:
    """A spec with the input `features`; `head` and `train` are the lines that depend on the task."""
    noise = f" -> dropout({layers.dropout!r})" if layers.dropout else ""
    stack = "".join(f"  dense({int(units)}) -> {layers.activation}{noise}\n" for units in layers.hidden)
    return (
        f"nnspec 1\n\nmodel network {{\n  input features: float32[N, {features}]\n\n  standardize\n{stack}{head}}}\n\n"
        f"train {{\n{train}"
        f"  optimizer  = adamw(lr = {LEARNING_RATE}, weight_decay = {weight_decay!r})\n"
        f"  epochs     = {EPOCHS}\n  batch_size = {BATCH_SIZE}\n}}\n"
    )


def classifier_text(features: int, classes: int, layers: Layers, weight_decay: float) -> str:
    """A network with a logit per class."""
    return network_text(
        features,
        layers,
        f"  logits = dense({classes})\n  output probability = logits -> softmax\n",
        "  target label: label[N]\n  loss       = cross_entropy(logits, label)\n"
        "  metrics    = [accuracy(logits, label)]\n",
        weight_decay,
    )


def regressor_text(features: int, outputs: int, layers: Layers, weight_decay: float) -> str:
    """A network with a number per column of y."""
    return network_text(
        features,
        layers,
        f"  output prediction = dense({outputs})\n",
        f"  target measured: float32[N, {outputs}]\n  loss       = mse(prediction, measured)\n",
        weight_decay,
    )
