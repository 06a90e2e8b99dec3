"""Recurrent layers against PyTorch: outputs, last states, gradients, ten optimizer steps, and the exported operators.

Rows of different lengths are held against `pack_padded_sequence`, states to begin with against `hx`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import nnspec

from .compare import worst

pytestmark = pytest.mark.parity

ROWS, STEPS, FEATURES, UNITS = 5, 7, 3, 4
LENGTHS = np.array([4, 7, 1, 3, 7])
Arrays = dict[str, Any]


class Case(NamedTuple):
    kind: str
    layers: int
    bidirectional: bool
    lengths: bool
    initial: bool
    bias: bool = True
    activation: str = "tanh"

    def __str__(self) -> str:
        said = [name for name in ("bidirectional", "lengths", "initial") if getattr(self, name)]
        return "-".join([self.kind, str(self.layers), *said, *(() if self.bias else ("plain",)), self.activation])

    @property
    def states(self) -> tuple[str, ...]:
        return ("h", "c") if self.kind == "lstm" else ("h",)

    @property
    def count(self) -> int:
        return self.layers * (2 if self.bidirectional else 1)

    def text(self, train: str) -> str:
        """y, the last output and the last states, all of them in the loss."""
        state = f"[N, {UNITS}]" if self.count == 1 else f"[N, {self.count}, {UNITS}]"
        inputs = [f"input x: float32[N, T, {FEATURES}]"]
        options = [f"{UNITS}", f"layers = {self.layers}", f"bidirectional = {self.bidirectional}".lower()]
        options.append(f"bias = {self.bias}".lower())
        if self.kind == "rnn":
            options.append(f'activation = "{self.activation}"')
        if self.lengths:
            inputs.append("input n: int64[N]")
            options.append("lengths = n")
        if self.initial:
            inputs += [f"input {name}0: float32{state}" for name in self.states]
            options.append(f"initial = [{', '.join(f'{name}0' for name in self.states)}]")
        call = f"{self.kind}({', '.join(options)}"
        outputs = ["y", "end", *self.states]
        wide = UNITS * (2 if self.bidirectional else 1)
        targets = [f"target ty: float32[N, T, {wide}]", f"target tend: float32[N, {wide}]"]
        targets += [f"target t{name}: float32{state}" for name in self.states]
        return "\n".join(
            [
                "nnspec 1",
                "model m {",
                *inputs,
                f'y, {", ".join(self.states)} = x -> {call}, returns = "state")',
                f'end = y -> {self.kind}({UNITS}, returns = "last", bidirectional = {self.bidirectional}'.lower()
                + (", lengths = n)" if self.lengths else ")"),
                *(f"output {name}" for name in outputs),
                "}",
                "train {",
                *targets,
                f"loss = {' + '.join(f'mse({name}, t{name})' for name in outputs)}",
                train,
                "steps = 10",
                "}",
            ]
        )

    def batch(self, seed: int, rows: int = ROWS, steps: int = STEPS) -> Arrays:
        """Padding holds large numbers."""
        random = np.random.default_rng(seed)
        wide = UNITS * (2 if self.bidirectional else 1)
        state = (rows, UNITS) if self.count == 1 else (rows, self.count, UNITS)
        batch: Arrays = {"x": random.normal(size=(rows, steps, FEATURES)).astype(np.float32)}
        if self.lengths:
            batch["n"] = np.resize(np.minimum(LENGTHS, steps), rows)
            batch["x"][np.arange(steps) >= batch["n"][:, None]] = 1e4
        for name in self.states if self.initial else ():
            batch[f"{name}0"] = random.normal(size=state).astype(np.float32)
        batch["ty"] = random.normal(size=(rows, steps, wide)).astype(np.float32)
        batch["tend"] = random.normal(size=(rows, wide)).astype(np.float32)
        return batch | {f"t{name}": random.normal(size=state).astype(np.float32) for name in self.states}


class Torch(nn.Module):
    """The same in PyTorch."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.case = case
        cls: Any = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[case.kind]
        more = {"nonlinearity": case.activation} if case.kind == "rnn" else {}
        self.first = cls(
            FEATURES,
            UNITS,
            case.layers,
            bias=case.bias,
            batch_first=True,
            bidirectional=case.bidirectional,
            **more,
        )
        wide = UNITS * (2 if case.bidirectional else 1)
        self.last = cls(wide, UNITS, batch_first=True, bidirectional=case.bidirectional)

    def forward(self, batch: Arrays) -> dict[str, Tensor]:
        given = {name: torch.from_numpy(array) for name, array in batch.items()}
        start = [self.to_torch(given[f"{name}0"]) for name in self.case.states] if self.case.initial else []
        hx = (tuple(start) if len(start) > 1 else start[0]) if start else None
        y, states = self.run(self.first, given["x"], given.get("n"), hx)
        ends = states if isinstance(states, tuple) else (states,)
        _, last = self.run(self.last, y, given.get("n"), None)
        h = last[0] if isinstance(last, tuple) else last
        found = {"y": y, "end": torch.cat(list(h), -1)}
        return found | {name: self.to_ours(end) for name, end in zip(self.case.states, ends, strict=True)}

    def run(self, module: Any, x: Tensor, n: Tensor | None, hx: Any) -> tuple[Tensor, Any]:
        if n is None:
            return module(x, hx)  # type: ignore[no-any-return]
        packed = pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False)
        y, states = module(packed, hx)
        return pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], states

    def to_torch(self, state: Tensor) -> Tensor:
        return state.reshape(len(state), self.case.count, UNITS).transpose(0, 1).contiguous()

    def to_ours(self, state: Tensor) -> Tensor:
        return state.transpose(0, 1).reshape(-1, *((UNITS,) if self.case.count == 1 else (self.case.count, UNITS)))

    def loss(self, batch: Arrays) -> Tensor:
        found = self.forward(batch)
        return sum((((found[k] - torch.from_numpy(batch[f"t{k}"])) ** 2).mean() for k in found), torch.zeros(()))

    def initial(self) -> Arrays:
        """The weights by our names."""
        named = self.state_dict().items()
        scopes = {"first": f"{self.case.kind}_1", "last": "end"}
        return {f"{scopes[name.split('.')[0]]}.{name.split('.')[1]}": value.numpy().copy() for name, value in named}


def cases() -> Iterator[Case]:
    for kind in ("rnn", "lstm", "gru"):
        for layers in (1, 2):
            for bidirectional in (False, True):
                for lengths in (False, True):
                    for initial in (False, True):
                        yield Case(kind, layers, bidirectional, lengths, initial)
        yield Case(kind, 2, True, True, True, bias=False)
    yield Case("rnn", 2, True, False, True, activation="relu")


CASES = tuple(cases())
every = pytest.mark.parametrize("case", CASES, ids=str)


ADAM = "optimizer = adam(lr = 0.003, eps = 1e-3)"


@cache
def spec(case: Case) -> nnspec.Spec:
    return nnspec.loads(case.text(ADAM))


@cache
def trainer_of(case: Case) -> nnspec.Trainer:
    return nnspec.Trainer(spec(case))


def both(case: Case) -> tuple[nnspec.Trainer, Torch]:
    """Both sides with the same weights. One test alone makes updates, which the optimizer would remember."""
    trainer, other = trainer_of(case), Torch(case)
    trainer.load_parameters(other.initial())
    return trainer, other


def inputs(batch: Arrays) -> Arrays:
    return {name: array for name, array in batch.items() if not name.startswith("t")}


def arrays(found: dict[str, Tensor]) -> Arrays:
    return {name: value.detach().numpy() for name, value in found.items()}


@every
def test_outputs_states_and_gradients(case: Case) -> None:
    trainer, other = both(case)
    batch = case.batch(1)
    assert worst(trainer.predict(inputs(batch)), arrays(other(batch))) < (1e-5,)
    loss = other.loss(batch)
    loss.backward()
    assert trainer.evaluate(batch)["loss"] == pytest.approx(loss.item(), rel=1e-5)
    named = dict(zip(other.initial(), other.parameters(), strict=True))
    wanted = {name: weight.grad.numpy() for name, weight in named.items() if weight.grad is not None}
    assert worst(trainer.gradients(batch), wanted) < (1e-4,)


@every
def test_ten_steps(case: Case) -> None:
    trainer, other = both(case)
    rule = torch.optim.Adam(other.parameters(), 0.003, eps=1e-3)
    for seed in range(10):
        batch = case.batch(seed)
        rule.zero_grad()
        loss = other.loss(batch)
        loss.backward()
        rule.step()
        assert trainer.step(batch)["loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert worst(trainer.parameters, other.initial()) < (1e-4,)


@pytest.mark.parametrize("case", [case for case in CASES if case.bidirectional], ids=str)
def test_the_exported_model_at_other_sizes(case: Case) -> None:
    other = Torch(case)
    model = nnspec.compile(spec(case), weights=other.initial())
    for rows in (1, 3):
        for steps in (1, 7, 50):
            batch = case.batch(2, rows, steps)
            with torch.no_grad():
                assert worst(model.run(inputs(batch)), arrays(other(batch))) < (1e-5,)
