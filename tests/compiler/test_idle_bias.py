"""A bias right in front of a batch norm: left out of the graph that trains, with the same results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.compiler import training_graphs
from nnspec.compiler.initial import initial_values
from nnspec.compiler.training_graphs import SEED, STEP, gradient_name, gradients_graph, state_name
from nnspec.graph.graph import Graph
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.library import registries
from nnspec.runtime.session import Session
from nnspec.training.trainer import Trainer

SPEC = """nnspec 1
model m {
  input x: float32[N, 2, 5, 4]
  %s
  output y = h -> global_avg_pool -> dense(2)
}
train {
  target t: float32[N, 2]
  loss = mse(y, t)%s
  optimizer = sgd(lr = 0.1)
  steps = 10
  %s
}
"""


def spec(body: str, loss: str = "", more: str = "") -> nnspec.Spec:
    return nnspec.loads(SPEC % (body.replace("; ", "\n  "), loss, more))


def results(of: nnspec.Spec, weights: dict[str, Any]) -> tuple[Graph, dict[str, Any]]:
    g = gradients_graph(of, registries(), {"N": 6})
    random = np.random.default_rng(1)
    feeds = {"x": random.normal(size=(6, 2, 5, 4)), "t": random.normal(size=(6, 2))}
    given = {name: array.astype(np.float32) for name, array in feeds.items()} | weights
    given |= {SEED: np.array(1, np.uint32), STEP: np.array(1, np.uint32)}
    session = Session(to_bytes(to_model(g)))
    return g, session.run({name: given[name] for name in session.inputs})


@pytest.mark.parametrize(
    "layer",
    [
        "conv2d(4, 3)",
        "conv2d(4, 3, padding = 1, groups = 2)",
        "conv_transpose2d(4, 2, stride = 2)",
        "depthwise_conv2d(3, multiplier = 2)",
        "flatten -> dense(12)",
    ],
)
@pytest.mark.parametrize("norm", ["batch_norm", "batch_norm(momentum = none)", "batch_norm(0.3, affine = false)"])
def test_nothing_changes_but_the_gradient_of_the_bias(layer: str, norm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = spec(f"h = {layer} -> {norm} -> tanh" + (" -> reshape(3, 2, 2)" if "dense" in layer else ""))
    random = np.random.default_rng(0)
    weights = {
        path: random.uniform(0.5, 1.5, a.shape).astype(np.float32)
        for path, a in initial_values(found, registries(), 0).items()
    }
    _, ours = results(found, weights)
    monkeypatch.setattr(training_graphs, "leave_out_idle_biases", lambda g: None)
    _, plain = results(found, weights)
    bias = next(path for path in weights if path.startswith("h.") and path.endswith("_1.bias") and "norm" not in path)
    idle = gradient_name(bias)
    assert not ours.pop(idle).any() and np.abs(plain.pop(idle)).max() < 1e-5
    assert ours.keys() == plain.keys()
    for name, wanted in plain.items():
        np.testing.assert_allclose(ours[name], wanted, rtol=1e-4, atol=1e-6, err_msg=name)
    assert any(name.startswith(state_name("")) for name in ours)


@pytest.mark.parametrize(
    "body, loss, more",
    [
        ("c = conv2d(4, 3); h = (c -> batch_norm) + c", "", ""),
        ("c = conv2d(4, 3); h = c -> batch_norm", " + 0.1 * mse(c, c)", ""),
        ("h = conv2d(4, 3) -> relu -> batch_norm", "", ""),
        ("h = conv2d(4, 3) -> batch_norm(track = false)", "", ""),
        ("h = conv2d(4, 3) -> batch_norm", "", 'freeze = ["*.running_*"]'),
        ("h = conv2d(4, 3) -> group_norm(2)", "", ""),
    ],
)
def test_elsewhere_it_stays(body: str, loss: str, more: str) -> None:
    g = gradients_graph(spec(body, loss, more), registries(), {"N": 6})
    assert any(len(node.inputs) > 2 and node.inputs[2] is not None for node in g.nodes if node.op_type == "Conv")


def test_it_is_part_of_what_is_deployed() -> None:
    """Training leaves it where it began, and the running mean knows it."""
    trainer = Trainer(spec("h = conv2d(4, 3) -> batch_norm -> relu"))
    trainer.load_parameters({"h.conv2d_1.bias": np.full(4, 100)}, strict=False)
    random = np.random.default_rng(0)
    batch = {"x": random.normal(size=(8, 2, 5, 4)).astype(np.float32), "t": np.zeros((8, 2), np.float32)}
    for _ in range(200):
        loss = trainer.step(batch)["loss"]
    assert (trainer.parameters["h.conv2d_1.bias"] == 100).all()
    assert trainer.parameters["h.batch_norm_1.running_mean"].min() > 95
    assert trainer.evaluate(batch)["loss"] == pytest.approx(loss, abs=0.02)
    compiled = nnspec.compile(trainer.spec, trainer)
    np.testing.assert_allclose(
        compiled.run({"x": batch["x"]})["y"], trainer.predict({"x": batch["x"]})["y"], rtol=1e-3, atol=1e-4
    )
