"""Ten steps of each optimizer, updated in place, against PyTorch's formulas in NumPy's float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from part_graphs import N, build, session

from nnspec.graph.graph import Graph, Value
from nnspec.ir.types import TensorType

STEPS, SIZE = 10, 1000
RATES = [0.1 / (1 + step) for step in range(STEPS)]


def sgd(
    p: Any, grads: Any, momentum: float = 0, dampening: float = 0, nesterov: bool = False, weight_decay: float = 0
) -> Any:
    buffer = None
    for lr, grad in zip(RATES, grads, strict=True):
        d = grad + weight_decay * p
        if momentum:
            buffer = d if buffer is None else momentum * buffer + (1 - dampening) * d
            d = d + momentum * buffer if nesterov else buffer
        p = p - lr * d
    return p


def adam(
    p: Any,
    grads: Any,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0,
    decoupled: bool = False,
) -> Any:
    m = v = 0
    for t, (lr, grad) in enumerate(zip(RATES, grads, strict=True), 1):
        if decoupled:
            p = p * (1 - lr * weight_decay)
        d = grad if decoupled else grad + weight_decay * p
        m, v = beta1 * m + (1 - beta1) * d, beta2 * v + (1 - beta2) * d**2
        p = p - lr / (1 - beta1**t) * m / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)
    return p


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "sgd(0.1)": sgd,
    "sgd(0.1, weight_decay = 0.1)": lambda p, g: sgd(p, g, weight_decay=0.1),
    "sgd(0.1, 0.9)": lambda p, g: sgd(p, g, 0.9),
    "sgd(0.1, 0.9, dampening = 0.5, weight_decay = 0.1)": lambda p, g: sgd(p, g, 0.9, 0.5, weight_decay=0.1),
    "sgd(0.1, momentum = 0.9, nesterov = true)": lambda p, g: sgd(p, g, 0.9, nesterov=True),
    "adam": adam,
    "adam(0.1, 0.8, 0.99, 1e-3)": lambda p, g: adam(p, g, 0.8, 0.99, 1e-3),
    "adam(weight_decay = 0.1)": lambda p, g: adam(p, g, weight_decay=0.1),
    "adamw": lambda p, g: adam(p, g, weight_decay=0.01, decoupled=True),
    "adamw(weight_decay = 0.3)": lambda p, g: adam(p, g, weight_decay=0.3, decoupled=True),
    "adamw(weight_decay = 0)": adam,
}


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
    wanted = CASES[call](start.astype(np.float64), [grad.astype(np.float64) for grad in grads])
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
