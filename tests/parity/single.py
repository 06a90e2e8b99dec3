"""One layer alone: its outputs, the gradients of its input, and its exported model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

import nnspec
from nnspec.autodiff import gradients
from nnspec.compiler.lowering import lower_model
from nnspec.graph.graph import Graph
from nnspec.graph.onnx_file import to_bytes, to_model
from nnspec.graph.passes import optimized
from nnspec.ir.types import TensorType
from nnspec.library import registries
from nnspec.runtime.session import Session

Array = np.ndarray[Any, Any]


def spec_of(call: str, row: str) -> nnspec.Spec:
    """A model of this layer alone, for rows of this shape: `2, H, 5`."""
    return nnspec.loads(f"nnspec 1\nmodel m {{\n  input x: float32[N, {row}]\n  output y = {call}\n}}\n")


def session_of(call: str, x: Array, threads: int = 1) -> Session:
    """x and projection in; y, and the gradient of x for the projection of y, out. As it runs when it trains."""
    spec = spec_of(call, ", ".join(map(str, x.shape[1:])))
    g = Graph("step", training=True)
    values = lower_model(spec, registries(), g, {"N": len(x)})
    y = values["y"]
    weights = g.input("projection", TensorType("float32", y.shape))
    loss = g.reduce("ReduceSum", g.op("Mul", y, weights), list(range(y.rank)))
    (dx,) = gradients(g, loss, [values["x"]])
    assert dx is not None
    g.output("y", y)
    g.output("dx", dx)
    return Session(to_bytes(to_model(optimized(g))), threads=threads)


def ours(call: str, x: Array, shape: tuple[int, ...]) -> dict[str, Array]:
    """The output, of this shape, and the gradient of x."""
    return session_of(call, x).run({"x": x, "projection": projection(shape)})


def wanted(function: Callable[[Tensor], Tensor], x: Array) -> dict[str, Array]:
    """PyTorch's output and gradient."""
    given = torch.from_numpy(x).requires_grad_()
    y = function(given)
    (y * torch.from_numpy(projection(tuple(y.shape)))).sum().backward()
    assert given.grad is not None
    return {"y": y.detach().numpy(), "dx": given.grad.numpy()}


def projection(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(3).normal(0.1, 1, shape).astype(np.float32)
