"""Ten steps of each optimizer, updated in place, against PyTorch's formulas in NumPy's float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from part_graphs import N, build, session
from rules import adadelta, adagrad, adam, lamb, lion, rmsprop, sgd

from nnspec.graph.graph import Graph, Value
from nnspec.ir.types import TensorType
from nnspec.library import registries

STEPS, SIZE = 10, 1000
RATES = [0.1 / (1 + step) for step in range(STEPS)]


CASES: dict[str, Callable[..., Any]] = {
    "sgd(0.1)": sgd,
    "sgd(0.1, weight_decay = 0.1)": partial(sgd, weight_decay=0.1),
    "sgd(0.1, 0.9)": partial(sgd, momentum=0.9),
    "sgd(0.1, 0.9, dampening = 0.5, weight_decay = 0.1)": partial(sgd, momentum=0.9, dampening=0.5, weight_decay=0.1),
    "sgd(0.1, momentum = 0.9, nesterov = true)": partial(sgd, momentum=0.9, nesterov=True),
    "adam": adam,
    "adam(0.1, 0.8, 0.99, 1e-3)": partial(adam, beta1=0.8, beta2=0.99, eps=1e-3),
    "adam(weight_decay = 0.1)": partial(adam, weight_decay=0.1),
    "adam(beta2 = 0.5, amsgrad = true)": partial(adam, beta2=0.5, amsgrad=True),
    "adamw": partial(adam, weight_decay=0.01, decoupled=True),
    "adamw(weight_decay = 0.3)": partial(adam, weight_decay=0.3, decoupled=True),
    "adamw(weight_decay = 0)": adam,
    "rmsprop": rmsprop,
    "rmsprop(0.1, 0.9, 1e-3, momentum = 0.8, weight_decay = 0.1)": partial(
        rmsprop, alpha=0.9, eps=1e-3, momentum=0.8, weight_decay=0.1
    ),
    "rmsprop(centered = true, momentum = 0.5)": partial(rmsprop, centered=True, momentum=0.5),
    "adagrad": adagrad,
    "adagrad(0.1, 0.2, 0.3, 1e-3, weight_decay = 0.1)": partial(
        adagrad, lr_decay=0.2, initial_accumulator_value=0.3, eps=1e-3, weight_decay=0.1
    ),
    "adadelta": adadelta,
    "adadelta(1, 0.7, 1e-3, weight_decay = 0.1)": partial(adadelta, rho=0.7, eps=1e-3, weight_decay=0.1),
    "lion": lion,
    "lion(0.1, 0.7, 0.8, weight_decay = 0.1)": partial(lion, beta1=0.7, beta2=0.8, weight_decay=0.1),
    "lamb": lamb,
    "lamb(0.1, 0.7, 0.8, 1e-3, weight_decay = 0)": partial(lamb, beta1=0.7, beta2=0.8, eps=1e-3, weight_decay=0),
}


def test_every_optimizer_is_covered() -> None:
    assert {call.partition("(")[0] for call in CASES} == set(registries()["optimizer"])


@pytest.mark.parametrize("call", CASES)
def test_ten_steps_in_place(call: str) -> None:
    optimizer: Any = build("optimizer", call)
    random = np.random.default_rng(0)
    start = random.normal(size=SIZE).astype(np.float32)
    grads = [random.normal(size=SIZE).astype(np.float32) for _ in range(STEPS)]
    buffers = {"parameter": start.copy(), **{slot: np.zeros(SIZE, np.float32) for slot in optimizer.slots}}
    run = session(_update(optimizer), _types(optimizer))
    for step, (lr, grad) in enumerate(zip(RATES, grads, strict=True), 1):
        binding = run.io_binding()
        feeds = {**buffers, "gradient": grad, "lr": np.array(lr, np.float32), "step": np.array(step)}
        for name, array in feeds.items():
            if name in {item.name for item in run.get_inputs()}:
                binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for name, array in buffers.items():
            binding.bind_output(f"new_{name}", "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        run.run_with_iobinding(binding)
    wanted, memory = start.astype(np.float64), dict[str, Any]()
    for step, (lr, grad) in enumerate(zip(RATES, grads, strict=True), 1):
        wanted = CASES[call](wanted, grad.astype(np.float64), memory, step, lr)
    np.testing.assert_allclose(buffers["parameter"], wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("call", CASES)
def test_the_new_value_of_a_buffer_follows_all_readers_of_the_old_one(call: str) -> None:
    """What makes the update in place legal, whatever order the runtime chooses."""
    optimizer: Any = build("optimizer", call)
    g = Graph("update")
    inputs = {name: g.input(name, type) for name, type in _types(optimizer).items()}
    outputs = _update(optimizer)(g, *inputs.values())
    for name in ("parameter", *optimizer.slots):
        writer = outputs[f"new_{name}"]
        for reader in (node for node in g.nodes if inputs[name] in node.inputs):
            assert _depends(writer, reader.outputs[0])


def _depends(value: Value, on: Value) -> bool:
    return value is on or (value.node is not None and any(_depends(x, on) for x in value.node.inputs if x is not None))


def _types(optimizer: Any) -> dict[str, TensorType]:
    flat = TensorType("float32", (N,))
    scalars = {"lr": TensorType("float32", ()), "step": TensorType("int64", ())}
    return {"parameter": flat, "gradient": flat, **dict.fromkeys(optimizer.slots, flat), **scalars}


def _update(optimizer: Any) -> Callable[..., dict[str, Value]]:
    def make(g: Graph, parameter: Value, gradient: Value, *rest: Value) -> dict[str, Value]:
        *slots, lr, step = rest
        state = dict(zip(optimizer.slots, slots, strict=True))
        new, after = optimizer.update(g, parameter, gradient, state, lr, step)
        assert set(after) == set(optimizer.slots)
        return {"new_parameter": new, **{f"new_{slot}": value for slot, value in after.items()}}

    return make


def test_a_trust_ratio_without_norms_is_one() -> None:
    """A parameter that starts at 0 moves, and where parameter and gradient are 0 nothing happens."""
    optimizer: Any = build("optimizer", "lamb(0.1, weight_decay = 0)")
    run = session(_update(optimizer), _types(optimizer))
    zeros = {"parameter": np.zeros(4, np.float32), **{slot: np.zeros(4, np.float32) for slot in optimizer.slots}}
    numbers = {"lr": np.array(0.1, np.float32), "step": np.array(1)}
    moved = run.run(["new_parameter"], {**zeros, **numbers, "gradient": np.ones(4, np.float32)})[0]
    np.testing.assert_allclose(moved, np.full(4, -0.1), rtol=1e-5)
    assert not run.run(["new_parameter"], {**zeros, **numbers, "gradient": np.zeros(4, np.float32)})[0].any()


def test_a_constant_gradient_has_no_negative_variance() -> None:
    """In float32 the mean of squares may be less than the square of the mean, where PyTorch gives NaN."""
    optimizer: Any = build("optimizer", "rmsprop(0.01, alpha = 0.5, centered = true)")
    run = session(_update(optimizer), _types(optimizer))
    names = ("parameter", *optimizer.slots)
    buffers = {name: np.zeros(500, np.float32) for name in names}
    gradient = np.random.default_rng(0).normal(size=500).astype(np.float32)
    for step in range(1, 60):
        feeds = {**buffers, "gradient": gradient, "lr": np.array(0.01, np.float32), "step": np.array(step)}
        given = {item.name for item in run.get_inputs()}
        found = run.run([f"new_{name}" for name in names], {n: a for n, a in feeds.items() if n in given})
        buffers = dict(zip(names, found, strict=True))
    assert np.isfinite(buffers["parameter"]).all()


def test_weight_decay_acts_where_it_should() -> None:
    optimizer: Any = build("optimizer", 'adamw(weight_decay = 0.1, decay_on = ["*.weight", "head.*"])')
    paths = ("a.weight", "a.bias", "head.bias")
    assert [optimizer.decays(path) for path in paths] == [True, False, True]
    assert all(build("optimizer", "sgd(0.1)").decays(path) for path in paths)  # type: ignore[attr-defined]
    bare = optimizer.without_decay()
    assert (bare.weight_decay, bare.lr, bare.slots) == (0, optimizer.lr, optimizer.slots)


def test_average_copies_first_and_then_follows() -> None:
    ema: Any = build("average", "ema(0.9)")
    flat = TensorType("float32", (N,))
    types = {"average": flat, "parameter": flat, "step": TensorType("int64", ())}
    run = session(lambda g, *inputs: {"new": ema.update(g, *inputs)}, types)
    average = wanted = np.zeros(4, np.float32)
    for step in range(1, 6):
        parameter = np.random.default_rng(step).normal(size=4).astype(np.float32)
        (average,) = run.run(None, {"average": average, "parameter": parameter, "step": np.array(step)})
        wanted = parameter if step == 1 else 0.9 * wanted + 0.1 * parameter
    np.testing.assert_allclose(average, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "norm"), [("l1(0.1)", lambda w: np.abs(w).sum()), ('l2(0.1, on = "*")', lambda w: (w**2).sum())]
)
def test_penalty(call: str, norm: Callable[[Any], float]) -> None:
    regularizer: Any = build("regularizer", call)
    weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    run = session(lambda g, w: {"penalty": regularizer.penalty(g, w)}, {"w": TensorType("float32", (3, 4))})
    assert float(run.run(None, {"w": weight})[0]) == pytest.approx(0.1 * norm(weight), rel=1e-5)
