"""Optimizers that PyTorch has not, by the formulas of their papers in NumPy's float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Formula = Callable[..., Any]
"""The new parameter from parameter, gradient, state, the number of the step from 1, and options."""


class Paper:
    """A formula in the shape of a PyTorch optimizer, for float64 parameters by name."""

    def __init__(self, formula: Formula, parameters: Mapping[str, Tensor], undecayed: set[str], **options: float):
        self._formula, self._parameters = formula, dict(parameters)
        self._options = {name: options | ({"weight_decay": 0.0} if name in undecayed else {}) for name in parameters}
        self._state: dict[str, dict[str, Any]] = {name: {} for name in parameters}
        self._step = 0

    def step(self) -> None:
        self._step += 1
        for name, p in self._parameters.items():
            assert p.grad is not None
            old = p.detach().numpy()
            old[...] = self._formula(old, p.grad.numpy(), self._state[name], self._step, **self._options[name])
