"""Every loss with its options, over values of a sketch: as written in the language, and in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .forms import spelled
from .sketch import Draw, Piece, Sketch
from .structures import normal, whole

Loss = Callable[..., Tensor]


class Term(NamedTuple):
    """A loss over values and targets."""

    text: str
    function: Loss
    inputs: tuple[str, ...]


Head = Callable[[Sketch, str], Term]
"""Makes an output of the features [N, F] of a sketch, and a loss of it."""

HEADS: list[Head] = []


def scores(s: Sketch, features: str, *sizes: int, last: Piece | None = None) -> str:
    """An output of so many numbers for each row."""
    count = int(np.prod(sizes))
    pieces = [Piece(f"dense({count})", nn.Linear(s.shape(features)[1], count))]
    if len(sizes) != 1:
        text = f"reshape({', '.join(map(str, sizes))})" if sizes else "squeeze(-1)"
        pieces.append(Piece(text, lambda x: x.reshape(len(x), *sizes)))
    name = s.chain([*pieces, last] if last else pieces, features)
    s.outputs[f"out_{name}"] = name
    return name


def classes(options: str, sizes: tuple[int, ...], **arguments: Any) -> None:
    """Cross-entropy of logits [N, *sizes], whose last size, or with `axis = 1` the first, are the classes."""
    first = "axis = 1" in options
    count, others = (sizes[0], sizes[1:]) if first else (sizes[-1], sizes[:-1])
    dims = "".join(f", {size}" for size in others)

    def loss(x: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(x if first else x.movedim(-1, 1), target.long(), **arguments)

    def head(s: Sketch, features: str) -> Term:
        name = scores(s, features, *sizes)
        form = "int32" if "ignore = 0" in options else "label"
        target = s.target(f"{form}[N{dims}]", whole("int32" if form == "int32" else "int64", 0, count, *others))
        return Term(f"cross_entropy({name}, {target}{options})", loss, (name, target))

    HEADS.append(head)


weight = [0.5, 1.0, 2.5, 0.1]
weights = {"weight": torch.tensor(weight)}
classes("", (3,))
classes(", label_smoothing = 0.15", (4,), label_smoothing=0.15)
classes(", ignore = 2", (4,), ignore_index=2)
classes(f", weight = {spelled(weight)}", (4,), **weights)
classes(f", 0.1, ignore = 0, weight = {spelled(weight)}", (3, 4), label_smoothing=0.1, ignore_index=0, **weights)
classes(", axis = 1", (3, 4))
classes(f", label_smoothing = 0.2, weight = {spelled(weight)}, axis = 1", (4, 2, 3), label_smoothing=0.2, **weights)
classes(", ignore = 1, label_smoothing = 0.3", (2, 3), ignore_index=1, label_smoothing=0.3)


def pointwise(text: str, loss: Loss, draw: Callable[..., Draw], *sizes: int, last: Piece | None = None) -> None:
    """A loss whose target has the shape of the prediction, [N, *sizes]; `text` ends with its options."""
    dims = "".join(f", {size}" for size in sizes)
    kind, _, options = text.partition("(")

    def head(s: Sketch, features: str) -> Term:
        name = scores(s, features, *sizes, last=last)
        target = s.target(f"float32[N{dims}]", draw(*sizes))
        return Term(f"{kind}({name}, {target}{', ' + options if options else ')'}", loss, (name, target))

    HEADS.append(head)


def between(low: float, high: float) -> Callable[..., Draw]:
    return lambda *sizes: lambda r, rows: r.uniform(low, high, (rows, *sizes)).astype(np.float32)


def signs(*sizes: int) -> Draw:
    return lambda r, rows: r.choice([-1, 1], (rows, *sizes)).astype(np.float32)


def distribution(*sizes: int) -> Draw:
    """Probabilities along the last axis, one of which is 0."""

    def draw(r: np.random.Generator, rows: int) -> Any:
        found = r.uniform(0.1, 1, (rows, *sizes))
        found[..., 0] = 0
        return (found / found.sum(-1, keepdims=True)).astype(np.float32)

    return draw


pointwise("binary_cross_entropy", F.binary_cross_entropy_with_logits, between(0, 1), 3)
pointwise("binary_cross_entropy", F.binary_cross_entropy_with_logits, lambda *sizes: whole("float32", 0, 2, *sizes))
pointwise("mse", F.mse_loss, normal, 2)
pointwise("mse", F.mse_loss, normal)
pointwise("mae", F.l1_loss, normal, 2, 3)
pointwise("huber", F.huber_loss, normal, 3)
pointwise("huber(delta = 0.4)", lambda x, t: F.huber_loss(x, t, delta=0.4), normal, 2, 2)
pointwise("hinge", lambda x, t: (1 - x * t).relu().mean(), signs, 3)
pointwise(
    "kl_divergence",
    lambda x, t: F.kl_div(x, t, reduction="none").mean(),
    distribution,
    4,
    last=Piece("log_softmax", lambda x: x.log_softmax(-1)),
)
pointwise("cosine", lambda x, t: 1 - F.cosine_similarity(x, t, -1).mean(), normal, 4)
pointwise("cosine(axis = 1)", lambda x, t: 1 - F.cosine_similarity(x, t, 1).mean(), normal, 3, 2)


def between_values(s: Sketch, features: str) -> Term:
    """A loss over values alone: without a target."""
    a, b = scores(s, features, 4), scores(s, features, 4, last=Piece("tanh", torch.tanh))
    return Term(f"mse({a}, {b})", F.mse_loss, (a, b))


HEADS.append(between_values)
