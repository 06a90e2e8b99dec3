"""Products with a learned matrix, and rows of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called, known_size, require_dtype
from nnspec.ir.dims import Dim, product
from nnspec.ir.fields import NonNegativeInt, PositiveInt, default
from nnspec.ir.types import FLOATS, INTEGERS, TensorType
from nnspec.layers.initializers import GlorotUniform, Normal, Zeros
from nnspec.layers.registry import LAYERS

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("dense")
class Dense(Layer):
    """Affine map of the last axis: y = x Wᵀ + b.    [*, in] -> [*, units]

    Parameters: `weight` [units, in], `bias` [units]. ONNX: Gemm.
    """

    foreign_options = called(units="out_features output_dim hidden_units features n_out size output_size")
    foreign_names = ("linear", "fc", "fully_connected", "InnerProduct", "gemm", "affine", "mlp", "LazyLinear")
    examples = (
        Example("dense(3)"),
        Example("dense(5, bias = false)", ("float32[N, 4, 6]",)),
        Example("dense(2, true, init = normal(0.1))", ("float32[N, T, 6]",)),
    )

    units: PositiveInt
    """Size of the last axis of the result."""
    bias: bool = True
    """Add a learned offset."""
    init: Initializer = default(GlorotUniform)
    """Initial values of the weight; the bias begins at 0."""

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, FLOATS)
        if x.rank < 2:
            raise Fault(
                "E203",
                f"dense needs an input [*, in] of at least 2 dimensions, got {x}",
                help="unsqueeze(1) makes [N, 1] of [N]",
            )
        known_size(self.name, x, -1)
        return x.with_shape(*x.shape[:-1], self.units)

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        weight = ParameterSpec((self.units, known_size(self.name, x, -1)), self.init, dtype=x.dtype)
        return (
            {"weight": weight, "bias": ParameterSpec((self.units,), Zeros(), dtype=x.dtype)}
            if self.bias
            else {"weight": weight}
        )

    def macs(self, x: TensorType) -> Dim:
        return product(x.shape) * self.units

    def lower(self, g: Graph, x: Value, *, weight: Value, bias: Value | None = None) -> Value:
        return affine(g, x, weight, bias)


def affine(g: Graph, x: Value, weight: Value, bias: Value | None = None) -> Value:
    """x Wᵀ + b over the last axis: one Gemm over all rows, so that the gradient of the weight is one product as well.

    A Reshape can say one unknown dimension; where more are symbolic, which happens in inference alone, MatMul does the
    same product.
    """
    rows = x.shape[:-1]
    if sum(not isinstance(dim, int) for dim in rows) > 1:
        y: Value = g.op("MatMul", x, g.transpose(weight, (1, 0)))
        return g.op("Add", y, bias) if bias else y
    y = g.op("Gemm", g.reshape(x, (product(rows), x.shape[-1])), weight, bias, transB=1)
    return g.reshape(y, (*rows, weight.shape[0]))


@LAYERS("embedding")
class Embedding(Layer):
    """A learned vector per id: y = weight[x].    integers [*] -> [*, dim]

    Parameter: `weight` [count, dim]. ONNX: Gather.
    """

    foreign_options = called(
        count="num_embeddings input_dim vocab_size vocabulary_size",
        dim="embedding_dim output_dim features embed_dim",
        padding="padding_idx",
    )
    foreign_names = ("Embed", "token_embedding", "word_embedding", "EmbeddingBag")
    examples = (
        Example("embedding(11, 4)", ("int64[N, T]",), 0, 11),
        Example("embedding(5, 3, padding = 0)", ("int32[N, 4]",), 0, 5),
        Example("embedding(5, 3, init = uniform(-1, 1))", ("uint8[N]",), 0, 5),
    )

    count: PositiveInt
    """Number of ids; they go from 0 to count - 1."""
    dim: PositiveInt
    """Size of a vector."""
    padding: NonNegativeInt | None = None
    """An id that stands for nothing: its vector is 0 and is not learned."""
    init: Initializer = default(lambda: Normal(deviation=0.02))
    """Initial values of the weight."""

    def _check(self) -> None:
        if self.padding is not None and self.padding >= self.count:
            raise ValueError(f"padding ({self.padding}) must be an id below count ({self.count})")

    def infer(self, x: TensorType) -> TensorType:
        require_dtype(self.name, x, INTEGERS)
        return TensorType("float32", (*x.shape, self.dim))

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        return {"weight": ParameterSpec((self.count, self.dim), self.init)}

    def lower(self, g: Graph, x: Value, *, weight: Value) -> Value:
        ids = g.cast(x, "int64") if x.dtype == "uint8" else x
        y: Value = g.op("Gather", weight, ids, axis=0)
        if self.padding is None:
            return y
        real = g.op("Not", g.op("Equal", ids, self.padding))
        return g.op("Mul", y, g.op("Unsqueeze", g.cast(real, y.dtype), g.constant([-1], "int64")))
