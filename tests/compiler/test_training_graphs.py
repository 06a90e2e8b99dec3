"""The graphs of training: gradients against finite differences, what they take and what they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from reference import Reference
from small_specs import classifier, rows

import nnspec
from nnspec.compiler.initial import initial_values
from nnspec.compiler.training_graphs import (
    LOSS,
    PENALTY,
    SEED,
    STEP,
    accumulation_graph,
    evaluation_graph,
    gradient_name,
    gradients_graph,
    norm_graph,
    trained_parameters,
    update_graph,
)
from nnspec.graph.onnx_file import check, to_bytes, to_model
from nnspec.ir.spec import Spec
from nnspec.library import registries
from nnspec.runtime.session import Session

LIBRARY = registries()


def feeds(spec: Spec, batch: dict[str, Any], step: int = 0) -> dict[str, Any]:
    words = {SEED: np.array(7, np.uint32), STEP: np.array(step, np.uint32)}
    return {**batch, **initial_values(spec, LIBRARY, 7), **words}


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("more", ["", 'regularize = [l2(0.1), l1(0.05, on = "dense_1.*")]'])
def test_gradients_agree_with_finite_differences(rate: float, more: str) -> None:
    """Along random directions, for the objective of the whole model, in float64; dropout draws the same numbers each
    time."""
    spec = classifier(more=more, rate=rate)
    run = Reference(to_model(gradients_graph(spec, LIBRARY, {"N": 6})))
    at = {name: np.asarray(value) for name, value in feeds(spec, rows(6)).items()}
    at = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in at.items()}
    found = run(at)

    def objective(shift: dict[str, Any]) -> float:
        result = run({name: value + shift.get(name, 0) for name, value in at.items()})
        return float(result[LOSS] + result.get(PENALTY, 0))

    random = np.random.default_rng(1)
    for parameter in trained_parameters(spec):
        direction = random.normal(size=parameter.shape)
        step = 1e-6
        slope = (objective({parameter.path: step * direction}) - objective({parameter.path: -step * direction})) / (
            2 * step
        )
        assert np.vdot(found[gradient_name(parameter.path)], direction) == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_onnxruntime_agrees_with_the_reference() -> None:
    spec = classifier(more="regularize = l2(0.1)", rate=0.3)
    model = to_model(gradients_graph(spec, LIBRARY, {"N": 6}))
    check(model)
    given = feeds(spec, rows(6))
    wanted = Reference(model)(given)
    for name, array in Session(to_bytes(model), threads=2).run(given).items():
        np.testing.assert_allclose(array, wanted[name], rtol=2e-5, atol=1e-6, err_msg=name)


def test_dropout_is_a_function_of_seed_and_step() -> None:
    spec = classifier(rate=0.5)
    session = Session(to_bytes(to_model(gradients_graph(spec, LIBRARY, {"N": 6}))))
    losses = [float(session.run(feeds(spec, rows(6), step))[LOSS]) for step in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_evaluation_draws_nothing() -> None:
    spec = classifier(rate=0.5)
    model = to_model(evaluation_graph(spec, LIBRARY, {"N": 6}))
    check(model)
    assert {item.name for item in model.graph.input}.isdisjoint({SEED, STEP})
    assert next(item.name for item in model.graph.output) == LOSS


def test_frozen_parameters_have_no_gradient() -> None:
    names = gradients_graph(classifier(more='freeze = ["dense_*", "*.bias"]'), LIBRARY, {"N": 4}).outputs
    assert [name for name in names if name.startswith("gradient/")] == ["gradient/logits.weight"]


def test_a_parameter_that_the_loss_ignores_has_gradient_zero() -> None:
    spec = nnspec.loads("""nnspec 1
model two_heads {
  input x: float32[N, 2]
  a = x -> dense(1)
  b = x -> dense(1)
  output a
  output b
}
train {
  target y: float32[N, 1]
  loss = mse(a, y)
  optimizer = sgd(lr = 0.1)
  steps = 1
}
""")
    model = to_model(gradients_graph(spec, LIBRARY, {"N": 3}))
    given = feeds(spec, {"x": np.ones((3, 2), np.float32), "y": np.zeros((3, 1), np.float32)})
    found = Session(to_bytes(model)).run(given)
    assert not found["gradient/b.weight"].any() and found["gradient/a.weight"].any()


@pytest.mark.parametrize("optimizer", sorted(LIBRARY["optimizer"]))
@pytest.mark.parametrize("length", [1, 64, 1000])
def test_an_update_may_write_over_its_inputs(optimizer: str, length: int) -> None:
    """Bound over its inputs, an update gives what it gives into new buffers, bit for bit."""
    rule = LIBRARY["optimizer"][optimizer](lr=0.1)
    session = Session(to_bytes(to_model(update_graph(rule, scaled=True, clip_value=0.5))))
    random = np.random.default_rng(2)
    names = ("parameter", *rule.slots)
    state = {name: random.uniform(0, 1, length).astype(np.float32) for name in names}
    scalars = {"lr": np.array(0.1, np.float32), "step": np.array(3, np.int64), "scale": np.array(0.7, np.float32)}
    given = {**state, **scalars, "gradient": random.normal(size=length).astype(np.float32)}
    wanted = session.run({name: given[name] for name in session.inputs})
    session.bind(given, {f"new/{name}": state[name] for name in names})()
    for name in names:
        assert np.array_equal(state[name], wanted[f"new/{name}"]), name


@pytest.mark.parametrize("norm, scale", [(0.5, 1.0), (10.0, 0.1)])
def test_the_norm_graph_only_scales_down(norm: float, scale: float) -> None:
    gradient = np.full(100, norm / 10, np.float32)
    found = Session(to_bytes(to_model(norm_graph(1.0)))).run({"gradient": gradient})["scale"]
    assert float(found) == pytest.approx(scale, rel=1e-5)


def test_accumulation_adds_in_place() -> None:
    total, gradient = np.ones(10, np.float32), np.full(10, 4, np.float32)
    weight = np.array(0.25, np.float32)
    run = Session(to_bytes(to_model(accumulation_graph()))).bind(
        {"total": total, "gradient": gradient, "weight": weight}, {"new/total": total}
    )
    run()
    run()
    assert (total == 3).all()
