"""A network while it is drawn: every step is written in the language, and done in PyTorch, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

Random = np.random.Generator
Shape = tuple[int, ...]
Draw = Callable[[Random, int], np.ndarray[Any, Any]]
"""An array of so many rows."""
Values = dict[str, Any]
"""Tensors by name; strings, which PyTorch lacks, as NumPy arrays."""

ROWS = 6
"""Rows of the batch that a network is drawn with."""


@dataclass(frozen=True)
class Piece:
    """One use of a layer: as written in the language, and in PyTorch; a module where it owns tensors."""

    text: str
    function: Callable[..., Any]

    @property
    def kind(self) -> str:
        return self.text.partition("(")[0]

    @property
    def owns(self) -> bool:
        return isinstance(self.function, nn.Module) and bool(self.function.state_dict())


class Step(NamedTuple):
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Net(nn.Module):
    """The PyTorch side: steps over named values, and the modules they use, at nnspec's paths of their parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Module()
        self.steps: list[Step] = []

    def own(self, path: str, module: nn.Module) -> None:
        """Put a module where its tensors have the names `path.weight`, …"""
        *scopes, leaf = path.split(".")
        home = self.weights
        for scope in scopes:
            if scope not in dict(home.named_children()):
                home.add_module(scope, nn.Module())
            home = home.get_submodule(scope)
        home.add_module(leaf, module)

    def forward(self, batch: Mapping[str, np.ndarray[Any, Any]]) -> Values:
        """Every value of the network."""
        values: Values = {name: tensor(array) for name, array in batch.items()}
        for step in self.steps:
            run(step, values)
        return values


def tensor(array: np.ndarray[Any, Any]) -> Any:
    return array if array.dtype.kind == "U" else torch.from_numpy(array)


def run(step: Step, values: Values) -> None:
    found = step.function(*(values[name] for name in step.inputs))
    values.update(zip(step.outputs, found if len(step.outputs) > 1 else (found,), strict=True))


def learns(value: Any) -> bool:
    """Whether gradients go through a value."""
    return isinstance(value, Tensor) and value.requires_grad


class Sketch:
    """A network while it is drawn. `values` are those of a sample batch: they tell the shapes."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.net = Net()
        self.uses: list[str] = []
        self.blocks: list[str] = []
        self.inputs: list[str] = []
        self.lines: list[str] = []
        self.targets: list[str] = []
        self.outputs: dict[str, str] = {}
        self.draws: dict[str, Draw] = {}
        self.values: Values = {}
        self.floats: list[str] = []
        """Values of at least two dimensions that gradients go through: what layers are applied to."""
        self.open: dict[str, None] = {}
        """Values that nothing has used yet through which gradients go, in order."""
        self._names = 0
        self._kinds: dict[str, int] = {}

    def name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def number(self, kind: str) -> str:
        """The path of the next unnamed `kind`: `dense_1`, `dense_2`, …"""
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        return f"{kind}_{self._kinds[kind]}"

    def draw(self, name: str, draw: Draw) -> None:
        self.draws[name] = draw
        self.values[name] = tensor(draw(np.random.default_rng(self.seed), ROWS))

    def input(self, name: str, type_text: str, draw: Draw) -> str:
        """Declare a model input, once."""
        if name not in self.draws:
            self.inputs.append(f"input {name}: {type_text}")
            self.draw(name, draw)
        return name

    def target(self, type_text: str, draw: Draw) -> str:
        """Declare a target."""
        name = f"t{len(self.targets) + 1}"
        self.targets.append(f"target {name}: {type_text}")
        self.draw(name, draw)
        return name

    def block(self, text: str) -> None:
        """Declare a block, once."""
        if text not in self.blocks:
            self.blocks.append(text)

    def use(self, text: str) -> None:
        """Use blocks of another file, once."""
        if f"use {text}" not in self.uses:
            self.uses.append(f"use {text}")

    def forget(self, *names: str) -> None:
        """Leave values to what used them: their sizes are symbolic, which not every layer takes."""
        self.floats = [name for name in self.floats if name not in names]
        for name in names:
            self.open.pop(name, None)

    def step(self, function: Callable[..., Any], inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Add a step to the PyTorch side, and do it for the sample."""
        step = Step(function, tuple(inputs), tuple(outputs))
        self.net.steps.append(step)
        run(step, self.values)
        if any(learns(self.values[name]) for name in outputs):
            for name in inputs:
                self.open.pop(name, None)
        self.open |= dict.fromkeys(name for name in outputs if isinstance(self.values[name], Tensor))

    def define(self, text: str, function: Callable[..., Any], *inputs: str) -> str:
        """`name = text`, for an expression over the inputs; the new value's name."""
        name = self.name()
        self.lines.append(f"{name} = {text}")
        self.step(function, inputs, [name])
        return self.offer(name)

    def chain(self, pieces: Sequence[Piece], *inputs: str) -> str:
        """`name = inputs -> piece -> piece`; the new value's name."""
        name = self.name()
        source = inputs[0] if len(inputs) == 1 else f"({', '.join(inputs)})"
        self.lines.append(" -> ".join([f"{name} = {source}", *(piece.text for piece in pieces)]))
        for path, module in named(name, pieces).items():
            self.net.own(path, module)
        self.step(composed(pieces), inputs, [name])
        return self.offer(name)

    def offer(self, name: str) -> str:
        """Make a value available to what is drawn later; one of large numbers is scaled first."""
        value = self.values[name]
        if not learns(value) or value.dim() < 2:
            return name
        largest = float(value.detach().abs().max())
        if largest > LARGE:
            factor = float(f"{2 / largest:.2g}")
            return self.chain([Piece(f"rescale({factor})", lambda x: x * factor)], name)
        self.floats.append(name)
        return name

    def pick(self, *ranks: int) -> str:
        """A value of one of these ranks, made of one that there is where there is none."""
        fitting = [name for name in self.floats if self.values[name].dim() in ranks]
        if fitting:
            return fitting[self.random.integers(len(fitting))]
        source = self.floats[self.random.integers(len(self.floats))]
        return self.chain(to_rank(self.shape(source), ranks[-1]), source)

    def shape(self, name: str) -> Shape:
        return tuple(self.values[name].shape)

    def batch(self, seed: int, rows: int) -> dict[str, np.ndarray[Any, Any]]:
        """Arrays for all inputs and targets."""
        random = np.random.default_rng(seed)
        return {name: draw(random, rows) for name, draw in self.draws.items()}


LARGE = 6.0
"""Values above it are scaled, so that errors of rounding stay those of a network that is in use."""


def named(name: str, pieces: Sequence[Piece]) -> dict[str, nn.Module]:
    """The paths of the modules in a statement `name = …`: the name for the only one, else each below it."""
    owners = [piece for piece in pieces if piece.owns]
    if len(owners) == 1:
        return {name: owners[0].function}  # type: ignore[dict-item]
    return numbered(owners, f"{name}.")


def numbered(pieces: Sequence[Piece], start: str = "") -> dict[str, nn.Module]:
    """The paths of modules without a name in a scope: kind and number."""
    counts: dict[str, int] = {}
    found = {}
    for piece in pieces:
        if piece.owns:
            counts[piece.kind] = counts.get(piece.kind, 0) + 1
            found[f"{start}{piece.kind}_{counts[piece.kind]}"] = piece.function
    return found  # type: ignore[return-value]


def composed(pieces: Sequence[Piece]) -> Callable[..., Any]:
    """The functions of the pieces, one after the other; the first takes all inputs."""

    def function(*inputs: Tensor) -> Any:
        value = pieces[0].function(*inputs)
        for piece in pieces[1:]:
            value = piece.function(value)
        return value

    return function


def to_rank(shape: Shape, rank: int) -> list[Piece]:
    """Pieces that make a value of this rank of any other, with dense between them."""
    sizes = {2: (6,), 3: (3, 4), 4: (2, 4, 3)}[rank]
    columns = int(np.prod(shape[1:]))
    pieces = [Piece("flatten", lambda x: x.flatten(1))] if len(shape) > 2 else []
    pieces.append(Piece(f"dense({int(np.prod(sizes))})", nn.Linear(columns, int(np.prod(sizes)))))
    if rank > 2:
        pieces.append(Piece(f"reshape({', '.join(map(str, sizes))})", lambda x: x.reshape(-1, *sizes)))
    return pieces
