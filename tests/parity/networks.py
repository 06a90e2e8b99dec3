"""Random networks: every form, structure and loss is dealt to one of them, with random ones beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

import nnspec

from .decks import FORMS, STRUCTURES
from .forms import Form, dense_piece
from .heads import HEADS, Head, Term
from .sketch import Net, Piece, Sketch, Values
from .structures import Structure, normal

T = TypeVar("T")
Batch = dict[str, np.ndarray[Any, Any]]

COUNT = 24
"""How many networks there are."""

SEED = 1000
"""One with which no gradient is a single number whose terms cancel, which float32 cannot say to 1e-5 on either side. Of
400 networks four had one, with errors up to 2.2e-5, and two had a gradient that is 0 but for rounding.
"""

SHAPES = ((5,), (7,), (4, 3), (3, 6), (2, 3, 4), (3, 2, 2))
"""Shapes of a row of the inputs."""


class Network:
    """One network in both languages: the text of its spec, the PyTorch module, and batches for both."""

    def __init__(self, number: int, sketch: Sketch, terms: Sequence[Term]) -> None:
        self.number = number
        self.net: Net = sketch.net
        self.terms = terms
        self.factors = [1.0, *(round(float(f), 2) for f in sketch.random.uniform(0.2, 1.5, len(terms) - 1))]
        self.outputs = sketch.outputs
        self._sketch = sketch
        self.initial = self.state()

    def __str__(self) -> str:
        return f"network{self.number}"

    def text(self, train: str = "optimizer = sgd(lr = 0.1)") -> str:
        """The `.nn` file, with these lines in its train section."""
        s = self._sketch
        body = [*s.inputs, *s.lines, *(f"output {name} = {value}" for name, value in s.outputs.items())]
        model = "\n".join(f"  {line}" for line in body)
        header = "\n".join([*s.uses, *s.blocks])
        settings = "\n".join(f"  {line}" for line in [*s.targets, f"loss = {self._loss_text()}", train, "steps = 10"])
        return f"nnspec 1\n{header}\nmodel {self} {{\n{model}\n}}\ntrain {{\n{settings}\n}}\n"

    def spec(self, train: str = "optimizer = sgd(lr = 0.1)") -> nnspec.Spec:
        return nnspec.loads(self.text(train))

    def batch(self, seed: int, rows: int = 6) -> Batch:
        """Inputs and targets."""
        return self._sketch.batch(seed, rows)

    def inputs(self, batch: Mapping[str, Any]) -> Batch:
        """The inputs of a batch, without the targets."""
        targets = {line.split()[1].rstrip(":") for line in self._sketch.targets}
        return {name: array for name, array in batch.items() if name not in targets}

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """The weights of the PyTorch module, by nnspec's names, without the counters that only PyTorch needs."""
        known = {item.path for item in self.spec().parameters}
        return {
            name: value.detach().numpy().astype(np.float32)
            for name, value in self.net.weights.state_dict().items()
            if name in known or not name.endswith("num_batches_tracked")
        }

    def load(self, parameters: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Give the PyTorch module weights; the names must match. It is in training then."""
        self.net.train()
        self.net.weights.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in parameters.items()})

    def loss(self, values: Values) -> Tensor:
        parts = [term.function(*(values[name] for name in term.inputs)) for term in self.terms]
        return sum((factor * part for factor, part in zip(self.factors[1:], parts[1:], strict=True)), parts[0])

    def _loss_text(self) -> str:
        first, *others = zip(self.factors, self.terms, strict=True)
        return " + ".join([first[1].text, *(f"{factor} * {term.text}" for factor, term in others)])


@cache
def network(number: int) -> Network:
    """The network of a number, always the same."""
    sketch = Sketch(SEED + number)
    begin(sketch)
    for make in hand(sketch, number):
        make(sketch)
    features = gathered(sketch)
    heads: list[Head] = dealt(HEADS, number)
    return Network(number, sketch, [head(sketch, features) for head in heads])


def begin(s: Sketch) -> None:
    """One to three inputs, each behind a dense layer, so that all that follows depends on parameters."""
    for place in range(int(s.random.integers(1, 4))):
        shape = SHAPES[s.random.integers(len(SHAPES))]
        name = s.input(f"x{place}", f"float32[N{''.join(f', {size}' for size in shape)}]", normal(*shape))
        units = int(s.random.integers(3, 7))
        s.chain([dense_piece(shape, units)], name)


def hand(s: Sketch, number: int) -> list[Callable[[Sketch], None]]:
    """What this network is made of, in random order."""
    forms: list[Form] = dealt(FORMS, number)
    structures: list[Structure] = dealt(STRUCTURES, number)
    found = [*structures, *(lambda s, form=form: use(s, form) for form in forms)]
    return [found[place] for place in s.random.permutation(len(found))]  # type: ignore[misc]


def dealt(items: Sequence[T], number: int) -> list[T]:
    """The share of one network in a shuffled deck, and some more at random."""
    order = np.random.default_rng(7).permutation(len(items))
    own = [items[place] for place in order[number % COUNT % len(items) :: COUNT]]
    more = np.random.default_rng(number).integers(0, len(items), len(items) // 20)
    return [*own, *(items[place] for place in more)]


def use(s: Sketch, form: Form) -> None:
    """Apply a form to a value that it takes, with an activation behind it now and then."""
    source = s.pick(*form.ranks)
    pieces = form.make(s.random, s.shape(source))
    if s.random.random() < 0.3:
        pieces.append(Piece("silu", nn.functional.silu))
    s.chain(pieces, source)


def gathered(s: Sketch) -> str:
    """Features [N, F] of all values that nothing has used."""
    parts = [flat(s, name) for name in list(s.open) if s.values[name].is_floating_point()]
    if len(parts) > 1:
        parts = [s.chain([Piece("concat", lambda *x: torch.cat(x, -1))], *parts)]
    width = int(s.random.integers(6, 12))
    return s.chain([dense_piece(s.shape(parts[0]), width), Piece("tanh", torch.tanh)], parts[0])


def flat(s: Sketch, name: str) -> str:
    return name if len(s.shape(name)) == 2 else s.chain([Piece("flatten", lambda x: x.flatten(1))], name)
