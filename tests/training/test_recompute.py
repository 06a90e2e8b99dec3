"""Blocks that are computed again in the backward pass: the same numbers from less memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnspec

ROOT = Path(__file__).parents[2]

SPEC = """nnspec 1
block one_layer(heads, dropout) {{
  input x: [N, T, D]
  x = x + (x -> layer_norm -> attention(heads, causal = true, dropout = dropout) -> dropout(dropout))
  output x + (x -> layer_norm -> dense(4 * D) -> {activation} -> dense(D) -> dropout(dropout))
}}
model language(recompute = {recompute}) {{
  input tokens: int64[N, T]
  layer embed = embedding(64, {dim})
  tokens -> embed -> learned_position(128)
  {repeat}
  layer_norm
  output logits = dense(64, weight = embed.weight, bias = false)
}}
train {{
  target following: int64[N, T]
  loss = cross_entropy(logits, following)
  optimizer = adamw(lr = 0.01)
  steps = 10
}}
"""

MEASURE = """
import sys
from pathlib import Path
import numpy as np
import nnspec
trainer = nnspec.Trainer(nnspec.loads(sys.stdin.read()), seed=3, threads=1)
random = np.random.default_rng(0)
batch = {name: random.integers(0, 64, (16, 128)) for name in ("tokens", "following")}
def peak():
    # ru_maxrss would count the process that this one was forked from
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
for _ in range(2):
    trainer.step(batch)
print(peak() - before)
"""


BLOCK = "repeat {layers} {{ one_layer(4, 0.1, recompute = recompute) }}"
STEPS = "decoder = repeat {layers} as i, recompute = recompute {{ one_layer(4, 0.1) }}"
OUTSIDE = "decoder = repeat {layers} as i, recompute = recompute {{ one_layer(4, 0.1, recompute = i > 0) }}"
"""What is computed again: blocks, the steps of a repeat, and steps with blocks that say so too."""


def text(recompute: bool, dim: int = 16, layers: int = 3, activation: str = "gelu", repeat: str = BLOCK) -> str:
    written = repeat.format(layers=layers)
    return SPEC.format(recompute=str(recompute).lower(), dim=dim, activation=activation, repeat=written)


@pytest.mark.parametrize(
    ("activation", "repeat"),
    [("gelu", BLOCK), ('gelu("tanh")', BLOCK), ("relu", BLOCK), ("gelu", STEPS), ("gelu", OUTSIDE)],
)
def test_gradients_are_the_same_to_the_last_bit(activation: str, repeat: str) -> None:
    """Dropout included, whose masks are made again as well."""
    random = np.random.default_rng(1)
    batch = {name: random.integers(0, 64, (4, 16)) for name in ("tokens", "following")}
    kept, again = (
        nnspec.Trainer(nnspec.loads(text(it, activation=activation, repeat=repeat)), seed=3) for it in (False, True)
    )
    for _ in range(3):
        found, wanted = again.gradients(batch), kept.gradients(batch)
        assert all(found[name].tobytes() == wanted[name].tobytes() for name in wanted)
        assert again.step(batch) == kept.step(batch)


def test_a_step_of_twelve_layers_takes_a_third_less_memory() -> None:
    """Of what the first steps add to the peak of a process; here it is two thirds less, by either form."""
    kept = _added(text(False, dim=64, layers=12))
    for repeat in (BLOCK, STEPS):
        assert _added(text(True, dim=64, layers=12, repeat=repeat)) < kept * 2 / 3


def test_steps_of_a_repeat_without_blocks() -> None:
    """Each step is a group of its own, with what its body writes, and the numbers are the same."""
    spec = """nnspec 1
model one(recompute = true) {
  input x: float32[N, 5]
  repeat 3, recompute = recompute {
    x = x + (x -> dense(7) -> tanh -> dropout(0.2) -> dense(5))
    x -> layer_norm
  }
  output y = dense(1)
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  steps = 3
}
"""
    random = np.random.default_rng(2)
    batch = {"x": random.normal(size=(8, 5)).astype(np.float32), "t": random.normal(size=(8, 1)).astype(np.float32)}
    again, kept = (nnspec.loads(spec, set={"recompute": it}) for it in (True, False))
    assert sorted({node.recompute for node in again.nodes}) == [0, 1, 2, 3]
    assert {node.recompute for node in kept.nodes} == {0}
    found, wanted = (nnspec.Trainer(it, seed=3).gradients(batch) for it in (again, kept))
    assert all(found[name].tobytes() == wanted[name].tobytes() for name in wanted)


def _added(spec: str) -> int:
    run = [sys.executable, "-c", MEASURE]
    return int(subprocess.run(run, input=spec, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def test_inference_and_its_file_know_nothing_of_it() -> None:
    kept, again = (nnspec.loads(text(it)) for it in (False, True))
    weights = nnspec.Trainer(kept, seed=3).parameters
    models = [nnspec.compile(spec, weights=weights) for spec in (kept, again)]
    assert [node.op_type for node in models[0].onnx.graph.node] == [node.op_type for node in models[1].onnx.graph.node]


def test_running_statistics_and_losses_inside_a_block() -> None:
    """What the rest of the graph takes from a block is kept: its results, and the state that it leaves."""
    spec = """nnspec 1
block normed(units) {
  input x
  x -> dense(units) -> batch_norm -> relu
}
model one(recompute = RECOMPUTE) {
  input x: float32[N, 5]
  normed(6, recompute = recompute)
  normed(7, recompute = recompute)
  output y = dense(1)
}
train {
  target t: float32[N, 1]
  loss = mse(y, t)
  optimizer = sgd(lr = 0.1)
  steps = 3
}
"""
    random = np.random.default_rng(2)
    batch = {"x": random.normal(size=(8, 5)).astype(np.float32), "t": random.normal(size=(8, 1)).astype(np.float32)}
    trained = []
    for recompute in ("false", "true"):
        trainer = nnspec.Trainer(nnspec.loads(spec.replace("RECOMPUTE", recompute)), seed=3)
        for _ in range(3):
            trainer.step(batch)
        trained.append(trainer.parameters)
    assert all(trained[0][name].tobytes() == trained[1][name].tobytes() for name in trained[0])


def test_what_recompute_may_be() -> None:
    with pytest.raises(nnspec.SpecError, match="one_layer: recompute is true or false"):
        nnspec.loads(text(True).replace("recompute = recompute", "recompute = 2"))
    own = text(True).replace("one_layer(heads, dropout)", "one_layer(heads, dropout, recompute = 3)")
    with pytest.raises(nnspec.SpecError, match="recompute"):
        nnspec.loads(own)  # a block's own parameter of that name is that
