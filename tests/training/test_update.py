"""The update over the buffers of a run: who is decayed, and that neither tiles nor threads change a bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.training import update
from nnspec.training.engine import Engine
from nnspec.training.programs import Device
from nnspec.training.update import Rule, Update

SPEC = """nnspec 1
model small {{
  input x: float32[N, 5]
  hidden = dense(9) -> tanh
  output y = dense(3)
}}
train {{
  target t: label[N]
  loss = cross_entropy(y, t)
  optimizer = {optimizer}
  epochs = 1
}}
"""


def engine_of(optimizer: str) -> Engine:
    """With gradients, and after no update."""
    engine = nnspec.Trainer(nnspec.loads(SPEC.format(optimizer=optimizer)), seed=4)._engine
    for array in engine.state.gradient.values():
        array[...] = np.random.default_rng(array.size).normal(size=array.shape)
    return engine


def after(engine: Engine, **how: Any) -> dict[str, Any]:
    """The parameters after three updates."""
    rule = Rule(engine.optimizer, engine.average)
    run = Update(engine.train, rule, engine.state, Device("cpu", how.pop("threads", 1)), **how)
    for _ in range(3):
        run(0.1)
    return {name: array.copy() for name, array in engine.state.trained.items()}


@pytest.mark.parametrize("rule", ["sgd", "adamw", "lamb", "lion"])
def test_decay_on_is_decay_for_those_and_none_for_the_others(rule: str) -> None:
    everywhere = after(engine_of(f"{rule}(0.1, weight_decay = 0.5)"))
    nowhere = after(engine_of(f"{rule}(0.1, weight_decay = 0)"))
    some = after(engine_of(f'{rule}(0.1, weight_decay = 0.5, decay_on = ["*.bias", "y.*"])'))
    for name, found in some.items():
        wanted, other = (nowhere, everywhere) if name == "hidden.weight" else (everywhere, nowhere)
        assert np.array_equal(found, wanted[name]), name
        assert name.endswith("bias") or not np.array_equal(found, other[name])


def test_parameters_keep_the_order_of_the_spec() -> None:
    trainer = nnspec.Trainer(nnspec.loads(SPEC.format(optimizer='adamw(decay_on = "*.bias")')))
    assert list(trainer.parameters) == ["hidden.weight", "hidden.bias", "y.weight", "y.bias"]


@pytest.mark.parametrize("optimizer", ["sgd(0.1, momentum = 0.9)", 'adamw(decay_on = "*.weight")', "lamb"])
def test_threads_and_tiles_change_no_bit(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = after(engine_of(optimizer))
    monkeypatch.setattr(update, "SERIAL_UPDATE", 0)
    for threads in (1, 3):
        found = after(engine_of(optimizer), threads=threads, tile=16)
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
