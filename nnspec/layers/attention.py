"""Attention: every position takes a mean of values, weighted by how well its query fits their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Initializer, Layer, ParameterSpec, called, known_size, require_dtype
from nnspec.ir.dims import Dim, product
from nnspec.ir.fields import PositiveFloat, PositiveInt, Rule, default
from nnspec.ir.types import FLOATS, TensorType, shape_text
from nnspec.layers.affine import affine
from nnspec.layers.initializers import GlorotUniform, Zeros
from nnspec.layers.registry import LAYERS
from nnspec.layers.regularisation import Rate

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value


@LAYERS("attention")
class Attention(Layer):
    """Scaled dot-product attention of several heads: softmax(q kᵀ scale) v. Vaswani et al., 2017.

    [N, T, D] -> [N, T, D]

    Queries come from the input, keys and values from it too or from `memory` [N, S, E]. A position that may look at
    nothing gives zeros to the output projection, never nan.

    Parameters: `query.weight` [heads · head_size, D], `key.weight` and `value.weight` [kv_heads · head_size, E],
    `output.weight` [D, heads · head_size], and with `bias` a `query.bias`, … for each. `in_proj_weight` of PyTorch's
    MultiheadAttention is query, key and value one above the other, its `out_proj` is output. ONNX: MatMul and Softmax;
    Attention and RotaryEmbedding in files of opset 23 and later.
    """

    foreign_options = called(
        heads="num_heads n_heads nhead n_head num_attention_heads h",
        kv_heads="num_kv_heads n_kv_heads num_key_value_heads",
        head_size="key_dim head_dim d_k",
        causal="is_causal use_causal_mask",
        window="sliding_window window_size",
        mask="attn_mask attention_mask key_padding_mask src_key_padding_mask",
        memory="context encoder_hidden_states encoder_output key_value",
        rotary="rope rope_theta rotary_base theta",
        dropout="dropout_p attention_dropout attn_dropout attn_pdrop",
    )
    foreign_names = (
        *("multihead_attention", "multi_head_attention", "self_attention", "cross_attention"),
        *("scaled_dot_product_attention", "GroupQueryAttention", "CausalSelfAttention"),
    )
    examples = (
        Example("attention(2)", ("float32[N, T, 6]",)),
        Example("attention(2, causal = true, scale = 0.25, init = normal(0.3))", ("float32[N, T, 6]",)),
        Example("attention(heads = 4, kv_heads = 2, head_size = 2, rotary = 10_000)", ("float32[N, T, 6]",)),
        Example("attention(2, window = 2, bias = false)", ("float32[N, T, 6]",), arguments=(("mask", "bool[N, T]"),)),
        Example("attention(1)", ("float32[N, T, 4]",), arguments=(("mask", "bool[N, T, T]"),)),
        Example(
            "attention(2, dropout = 0)",
            ("float32[N, T, 6]",),
            arguments=(("memory", "float32[N, H, 5]"), ("mask", "bool[N, H]")),
        ),
    )

    heads: PositiveInt
    """Number of heads, each with queries of its own."""
    kv_heads: PositiveInt | None = None
    """Number of heads of keys and values, each shared by a group of query heads; as many as `heads` by default.
    Ainslie et al., 2023."""
    head_size: PositiveInt | None = None
    """Features of a head; D / heads by default."""
    causal: bool = False
    """A position looks at itself and at those before it only."""
    window: PositiveInt | None = None
    """A position looks at the nearest `window` keys on a side only, itself the first of them. Beltagy et al., 2020."""
    mask: TensorType | None = None
    """bool, true where a position may look: [N, S] for keys, [N, T, S] for pairs of query and key."""
    memory: TensorType | None = None
    """What keys and values come from, [N, S, E]; the input itself by default."""
    rotary: PositiveFloat | None = None
    """Base of rotary positions, 10_000 in the paper: queries and keys are turned by their place, features i and
    i + head_size / 2 together. Su et al., 2021."""
    dropout: Rate = 0.0
    """Probability with which a weight is left out in training."""
    bias: bool = True
    """Add a learned offset in all four projections."""
    scale: PositiveFloat | None = None
    """Factor of the products q kᵀ; 1 / √head_size by default."""
    init: Initializer = default(GlorotUniform)
    """Initial values of the four weights; the biases begin at 0."""

    def _check(self) -> None:
        if self.kv_heads and self.heads % self.kv_heads:
            raise Rule("kv_heads", f"kv_heads ({self.kv_heads}) must divide heads ({self.heads})")
        if self.rotary and self.memory:
            raise Rule("rotary", "rotary positions are those of one sequence, and memory is another")
        if self.rotary and self.head_size and self.head_size % 2:
            raise Rule("rotary", f"rotary positions turn pairs of features, and head_size is {self.head_size}")

    def infer(self, x: TensorType) -> TensorType:
        for value in (x, *([self.memory] if self.memory else [])):
            require_dtype(self.name, value, FLOATS)
            if value.rank != 3:
                which = "an input [N, T, D]" if value is x else "memory [N, S, E]"
                raise Fault("E203", f"attention needs {which} of 3 dimensions, got {value}")
        known_size(self.name, x, -1)
        size = self._head_size(x)
        if self.rotary and size % 2:
            raise Fault("E203", f"attention: rotary positions turn pairs of features, and a head has {size}")
        if self.memory:
            self._check_memory(x, self.memory)
        if self.mask:
            self._check_mask(x, self.mask)
        return x

    def _check_memory(self, x: TensorType, memory: TensorType) -> None:
        known_size(self.name, memory, -1)
        if memory.dtype != x.dtype:
            raise Fault("E215", f"attention needs memory of the input's dtype, {x.dtype}, got {memory}")
        if memory.shape[0] != x.shape[0]:
            raise Fault("E208", f"attention needs as many rows of memory as of input {x}, got {memory}")

    def _check_mask(self, x: TensorType, mask: TensorType) -> None:
        require_dtype("attention with a mask", mask, ("bool",))
        rows, queries = x.shape[:2]
        keys = self._source(x).shape[1]
        wanted = ((rows, keys), (rows, queries, keys))
        if mask.shape not in wanted:
            either = " or ".join(map(shape_text, wanted))
            raise Fault("E208", f"attention needs a mask of keys or of pairs, bool{either}, got {mask}")

    def _source(self, x: TensorType) -> TensorType:
        return self.memory or x

    def _head_size(self, x: TensorType) -> int:
        features = known_size(self.name, x, -1)
        if self.head_size is None and features % self.heads:
            raise Fault(
                "E203",
                f"attention: {self.heads} heads do not divide the {features} features of {x}",
                help="choose heads that divide them, or state head_size",
            )
        return self.head_size or features // self.heads

    def _widths(self, x: TensorType) -> dict[str, tuple[int, int]]:
        """[out, in] of the four weights."""
        features, size = known_size(self.name, x, -1), self._head_size(x)
        queries, keys = self.heads * size, (self.kv_heads or self.heads) * size
        source = known_size(self.name, self._source(x), -1)
        return {
            "query": (queries, features),
            "key": (keys, source),
            "value": (keys, source),
            "output": (features, queries),
        }

    def parameters(self, x: TensorType) -> dict[str, ParameterSpec]:
        made = {}
        for name, shape in self._widths(x).items():
            made[f"{name}.weight"] = ParameterSpec(shape, self.init, dtype=x.dtype)
            if self.bias:
                made[f"{name}.bias"] = ParameterSpec(shape[:1], Zeros(), dtype=x.dtype)
        return made

    def macs(self, x: TensorType) -> Dim:
        rows, queries = x.shape[:2]
        keys = self._source(x).shape[1]
        total: Dim = rows * queries * keys * (2 * self.heads * self._head_size(x))
        for name, shape in self._widths(x).items():
            total = total + rows * (keys if name in ("key", "value") else queries) * product(shape)
        return total

    def _require_steps(self) -> None:
        """Raise E719 where what comes later changes what was said."""
        if self.memory or self.mask or not self.causal:
            what = "memory" if self.memory else "a mask" if self.mask else "no causal = true"
            raise Fault("E719", f"attention with {what} cannot be run step by step")

    def lower(
        self, g: Graph, x: Value, *, mask: Value | None = None, memory: Value | None = None, **weights: Value
    ) -> Value:
        """Products of [N, heads, T, head_size]: four axes at most, in which the keys of a group are shared by putting
        the queries of its heads one after the other; deployed at opset 23 and later, ONNX's own operator.
        """
        from nnspec.layers import attention_core as core
        from nnspec.layers import attention_native as native

        kv_heads = self.kv_heads or self.heads
        heads = core.Heads(self.heads, kv_heads, self._head_size(x.type), self.scale, self.causal, self.window)
        if g.caches:
            self._require_steps()
        if native.fits(g, x):
            joined = native.attention(g, heads, x, memory, mask, weights, self.rotary)
        else:
            q, k, v = core.projected(g, heads, x, memory, weights, self.rotary)
            k, v = core.with_past(g, k, v, self.window)
            allowed = core.allowed(g, mask, x.shape[1], k.shape[2], causal=self.causal, window=self.window)
            mixed = core.mixed(g, q, k, v, allowed, self.dropout)
            if mask is not None and allowed is not None:
                mixed = g.op("Mul", mixed, core.looks(g, allowed, mixed.dtype))
            joined = g.reshape(g.transpose(mixed, (0, 2, 1, 3)), (*x.shape[:2], self.heads * heads.size))
        return affine(g, joined, weights["output.weight"], weights.get("output.bias"))
