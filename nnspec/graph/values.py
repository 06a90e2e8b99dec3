"""Values and nodes: what a graph is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnspec.graph.errors import GraphError
from nnspec.ir.dims import Shape
from nnspec.ir.types import TensorType

Array = np.ndarray[Any, Any]
Number = int | float | bool
Attribute = int | float | str | Array | Sequence[int] | Sequence[float] | Sequence[str]
"""As in ONNX; dtypes are written by name (`to="float32"`), and a tensor is an array."""


@dataclass(eq=False, slots=True)
class Value:
    """A tensor. `constant` is its content where that is known when the graph is built."""

    name: str
    type: TensorType
    node: Node | None = None
    constant: Array | None = None

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def rank(self) -> int:
        return len(self.type.shape)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape, where every dimension is a number; a GraphError elsewhere."""
        dims = tuple(dim for dim in self.type.shape if isinstance(dim, int))
        if len(dims) < self.rank:
            raise GraphError(f"{self.name}: {self.type} has no static shape")
        return dims

    def __repr__(self) -> str:
        return f"{self.name}: {self.type}"


@dataclass(eq=False, slots=True)
class Node:
    """One application of a standard ONNX operator. A missing optional input is None."""

    op_type: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Value, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    origin: str = ""
    """Where it comes from: the path of the layer in the spec, for messages and for names."""
