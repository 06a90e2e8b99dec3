"""One step of each optimizer by PyTorch's formulas, or the paper's, in NumPy's float64.

Each takes parameter, gradient, a state that is empty at first, the number t of the step from 1, and the options; it
gives the new parameter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
State = dict[str, Any]


def sgd(
    p: Array, g: Array, state: State, t: int, lr: float,
    momentum: float = 0, dampening: float = 0, nesterov: bool = False, weight_decay: float = 0,
) -> Array:  # fmt: skip
    d = g + weight_decay * p
    if momentum:
        b = state["b"] = d if t == 1 else momentum * state["b"] + (1 - dampening) * d
        d = d + momentum * b if nesterov else b
    return p - lr * d


def adam(
    p: Array, g: Array, state: State, t: int, lr: float,
    beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, amsgrad: bool = False,
    weight_decay: float = 0, decoupled: bool = False,
) -> Array:  # fmt: skip
    if decoupled:
        p = p * (1 - lr * weight_decay)
    d = g if decoupled else g + weight_decay * p
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * d
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * d**2
    if amsgrad:
        v = state["top"] = np.maximum(state.get("top", 0), v)
    return p - lr / (1 - beta1**t) * m / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)


def rmsprop(
    p: Array, g: Array, state: State, t: int, lr: float,
    alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0, centered: bool = False, weight_decay: float = 0,
) -> Array:  # fmt: skip
    d = g + weight_decay * p
    v = state["v"] = alpha * state.get("v", 0) + (1 - alpha) * d**2
    if centered:
        mean = state["mean"] = alpha * state.get("mean", 0) + (1 - alpha) * d
        v = v - mean**2
    b = state["b"] = momentum * state.get("b", 0) + d / (np.sqrt(v) + eps)
    return p - lr * b


def adagrad(
    p: Array, g: Array, state: State, t: int, lr: float,
    lr_decay: float = 0, initial_accumulator_value: float = 0, eps: float = 1e-10, weight_decay: float = 0,
) -> Array:  # fmt: skip
    d = g + weight_decay * p
    total = state["total"] = state.get("total", initial_accumulator_value) + d**2
    return p - lr / (1 + (t - 1) * lr_decay) * d / (np.sqrt(total) + eps)


def adadelta(
    p: Array, g: Array, state: State, t: int, lr: float, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0
) -> Array:
    d = g + weight_decay * p
    v = state["v"] = rho * state.get("v", 0) + (1 - rho) * d**2
    change = np.sqrt(state.get("a", 0) + eps) / np.sqrt(v + eps) * d
    state["a"] = rho * state.get("a", 0) + (1 - rho) * change**2
    return p - lr * change


def lion(
    p: Array, g: Array, state: State, t: int, lr: float = 1e-4,
    beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0,
) -> Array:  # fmt: skip
    """Chen et al., 2023, algorithm 2."""
    m = state.get("m", 0)
    update = np.sign(beta1 * m + (1 - beta1) * g)
    state["m"] = beta2 * m + (1 - beta2) * g
    return p - lr * (update + weight_decay * p)


def lamb(
    p: Array, g: Array, state: State, t: int, lr: float = 1e-3,
    beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-6, weight_decay: float = 0.01,
) -> Array:  # fmt: skip
    """You et al., 2020, algorithm 2, with φ(z) = z."""
    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
    u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps) + weight_decay * p
    norms = np.linalg.norm(p), np.linalg.norm(u)
    return p - lr * (norms[0] / norms[1] if min(norms) > 0 else 1.0) * u
