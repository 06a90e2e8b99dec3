"""Gated linear units: a function of the second half of an axis decides what passes of the first. Shazeer, 2020."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Layer, feature_axis, known_size, require_dtype
from nnspec.ir.types import FLOATS, TensorType
from nnspec.layers.activations import Formula, gelu_erf, silu
from nnspec.layers.registry import LAYERS, define

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


class Gated(Layer):
    """Base of the gated units."""

    gate: ClassVar[Formula]
    """What the second half becomes before it is multiplied with the first."""

    axis: int = -1
    """The axis to halve."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        at = feature_axis(self.name, x, self.axis)
        size = known_size(self.name, x, at)
        if size % 2:
            raise Fault("E203", f"{self.name} halves axis {at} of {x}, but {size} is odd")
        return x.with_shape(*x.shape[:at], size // 2, *x.shape[at + 1 :])

    def lower(self, g: Graph, x: Value) -> Value:
        half = known_size(self.name, x.type, self.axis) // 2
        passed, gate = g.split(x, (half, half), self.axis)
        return g.op("Mul", passed, type(self).gate(g, gate))


def gated(name: str, formula: str, gate: Formula, *foreign: str) -> None:
    """Register the gated unit with the function `gate` of the second half."""
    doc = f"a {formula} of the halves a and b of an axis.    [*, 2 n] -> [*, n]"
    examples = (Example(name), Example(f"{name}(axis = 1)", ("float32[N, 4, 3]",)))
    define(LAYERS, name, Gated, doc=doc, foreign_names=foreign, examples=examples, gate=staticmethod(gate))


gated("glu", "sigmoid(b)", lambda g, b: g.op("Sigmoid", b), "gated_linear_unit")
gated("swiglu", "silu(b)", silu)
gated("geglu", "gelu(b)", lambda g, b: gelu_erf(g, b) if g.training else g.op("Gelu", b))
