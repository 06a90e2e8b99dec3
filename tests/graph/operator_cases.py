"""One table of uses of operators: with safe domains, attribute variants, and shapes that broadcast.

The typing tests, the gradient tests, the folding tests and the writer's tests all run over it. A new operator needs a
row here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from nnspec.graph.dtypes import tensor_type
from nnspec.graph.graph import Array, Graph
from nnspec.graph.scan import Body
from nnspec.layers.cells import rnn


class Real(NamedTuple):
    """Distinct numbers in [low, high), none of them near a point of `avoid`, where the operator has a kink."""

    shape: tuple[int, ...]
    low: float
    high: float
    avoid: tuple[float, ...]


class RnnStep(NamedTuple):
    """The step of a cell of 2 units over 3 rows."""

    activation: str

    def body(self, dtype: str) -> Body:
        g = Graph("step", training=True)
        shapes = (2, 3), (4, 2, 3), (2, 2)
        state, z, recurrent = (g.input(f"x{i}", tensor_type(dtype, shape)) for i, shape in enumerate(shapes))
        rnn(g, self.activation, z, recurrent, (state,), False)
        body = g.nodes[-1].attributes["body"]
        assert isinstance(body, Body)
        return body


Operand = Real | Array | None


class Case(NamedTuple):
    op_type: str
    operands: tuple[Operand, ...]
    attributes: dict[str, Any]
    outputs: int = 1
    since: int = 17
    """The first opset in which ONNX has it."""

    def arrays(self, dtype: str) -> list[Array | None]:
        """The content of the operands."""
        random = np.random.default_rng(crc32(repr(self).encode()))
        return [_sampled(random, x, dtype) if isinstance(x, Real) else _in_dtype(x, dtype) for x in self.operands]

    def options(self, dtype: str) -> dict[str, Any]:
        """The attributes; a step is made for the dtype."""
        return {k: v.body(dtype) if isinstance(v, RnnStep) else v for k, v in self.attributes.items()}


def _sampled(random: np.random.Generator, real: Real, dtype: str) -> Array:
    count = int(np.prod(real.shape))
    grid = (random.permutation(count) + random.uniform(0.25, 0.75, count)) / max(count, 1)
    values = real.low + (real.high - real.low) * grid
    for point in real.avoid:
        near = np.abs(values - point) < 0.02
        values = np.where(near, values + 0.05, values)
    return values.reshape(real.shape).astype(dtype)


def _in_dtype(array: Array | None, dtype: str) -> Array | None:
    """Constants of float64 take the dtype of the case; float32 ones, such as the scales of Resize, keep theirs."""
    return array.astype(dtype) if array is not None and array.dtype == np.float64 else array


def real(*shape: int, low: float = -2.0, high: float = 2.0, avoid: tuple[float, ...] = ()) -> Real:
    return Real(shape, low, high, avoid)


def ints(*values: Any, dtype: str = "int64") -> Array:
    return np.array(values, dtype)


def case(op_type: str, *operands: Operand | list[int], outputs: int = 1, since: int = 17, **attributes: Any) -> Case:
    """A row; a list stands for an int64 tensor."""
    given = tuple(np.array(x, np.int64) if isinstance(x, list) else x for x in operands)
    return Case(op_type, given, attributes, outputs, since)


UNARY = {
    "Neg": (-2, 2), "Exp": (-2, 2), "Log": (0.1, 3), "Sqrt": (0.1, 3), "Reciprocal": (0.5, 2), "Erf": (-2, 2),
    "Sin": (-3, 3), "Cos": (-3, 3), "Tanh": (-2, 2), "Sigmoid": (-4, 4), "Softplus": (-4, 4), "Identity": (-2, 2),
}  # fmt: skip
"""Smooth functions, with a domain."""

KINKED = ("Abs", "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Softsign")
"""Functions with a kink at 0."""


def _elementwise() -> Iterator[Case]:
    for op_type, (low, high) in UNARY.items():
        yield case(op_type, real(2, 3, low=low, high=high))
    for op_type in KINKED:
        yield case(op_type, real(3, 4, avoid=(0,)))
    yield case("Sqrt", real(low=0.5, high=1))
    yield case("LeakyRelu", real(5, avoid=(0,)), alpha=-0.3)
    yield case("Elu", real(5, avoid=(0,)), alpha=0.5)
    yield case("Selu", real(5, avoid=(0,)), alpha=1.5, gamma=2)
    yield case("Celu", real(5, avoid=(0,)), alpha=2.5)
    yield case("ThresholdedRelu", real(3, 4, avoid=(0.5,)), alpha=0.5)
    yield case("HardSigmoid", real(3, 4, low=-4, high=4, avoid=(-2.5, 2.5)))
    yield case("HardSigmoid", real(6, avoid=(-1, 1)), alpha=0.5, beta=0.5)
    yield case("HardSwish", real(3, 4, low=-5, high=5, avoid=(-3, 3)))
    yield case("Mish", real(3, 4, low=-5, high=5), since=18)
    yield case("Gelu", real(3, 4), since=20)
    yield case("Gelu", real(3, 4), approximate="tanh", since=20)
    yield case("PRelu", real(2, 3, 4, avoid=(0,)), real(3, 1, low=0.1, high=1))
    yield case("PRelu", real(2, 3, avoid=(0,)), real(low=0.1, high=1))
    yield case("Cast", real(2, 3), to="float64")
    for op_type in ("Add", "Sub", "Mul"):
        yield case(op_type, real(2, 3), real(2, 3))
        yield case(op_type, real(2, 3), real(3))
        yield case(op_type, real(3, 1), real(2, 1, 4))
        yield case(op_type, real(2, 3), real())
    yield case("Div", real(2, 3), real(3, low=0.5, high=2))
    yield case("Div", real(1), real(2, 3, low=-2, high=-0.5))
    yield case("Mod", real(2, 3, low=0.2, high=0.8), real(3, low=-0.15, high=-0.11), fmod=1)
    for exponent in (2.0, 3.0, 0.5, -1.5, 0.0, 1.0):
        yield case("Pow", real(2, 3, low=0.5, high=2), np.array(exponent))
    yield case("Pow", real(2, 3, low=0.5, high=2), ints(3, 0, 2))
    yield case("Pow", real(2, 3, low=0.5, high=2), real(3))
    yield case("Pow", real(low=0.5, high=2), real(2, 2))
    for op_type, level in (("Max", 0.1), ("Min", -0.2)):
        yield case(op_type, real(2, 3), real(3, low=-1.7, high=1.9))
        yield case(op_type, real(2, 3), np.array(0.01), real(1, 1, low=level, high=level + 0.1))
        yield case(op_type, real(2, 3))
    yield case("Sum", real(2, 3), real(3), real(2, 1))
    yield case("Sum", real(2))
    condition = np.array([[True, False, True], [False, False, True]])
    yield case("Where", condition, real(2, 3), real(3))
    yield case("Where", condition[:, :1], real(), real(2, 3))
    yield case("Where", np.array(True), real(2), real(3, 1))
    low, high = np.array(-1.03), np.array(0.77)
    yield case("Clip", real(3, 4, avoid=(-1.03, 0.77)), low, high)
    yield case("Clip", real(3, 4, avoid=(-1.03,)), low)
    yield case("Clip", real(3, 4, avoid=(0.77,)), None, high)
    yield case("Clip", real(3, 4), real(low=-1.01, high=-1), real(low=1, high=1.01))


def _tests_and_bits() -> Iterator[Case]:
    condition = np.array([[True, False, True], [False, False, True]])
    for op_type in ("Floor", "Ceil", "Round", "Sign", "IsNaN", "IsInf"):
        yield case(op_type, real(2, 3, avoid=(-1.5, -1, -0.5, 0, 0.5, 1, 1.5)))
    for op_type in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
        yield case(op_type, real(2, 3), real(3))
    truth = np.array([True, False, True])
    for op_type in ("And", "Or", "Xor"):
        yield case(op_type, condition, truth)
    yield case("Not", condition)
    words = ints(1, 2**31, 2**32 - 1, dtype="uint32")
    for op_type in ("BitwiseXor", "BitwiseAnd", "BitwiseOr"):
        yield case(op_type, words, ints(3, dtype="uint32"), since=18)
    yield case("BitwiseNot", words, since=18)
    yield case("BitShift", words, ints(16, dtype="uint32"), direction="RIGHT")
    yield case("BitShift", words, np.array(3, np.uint32), direction="LEFT")


def _attention() -> Iterator[Case]:
    """Of opset 23: three heads of two features, or of one and of two heads of keys."""
    heads = {"q_num_heads": 2, "kv_num_heads": 2, "since": 23}
    q, k, v = real(2, 4, 6), real(2, 5, 6), real(2, 5, 4)
    added = np.where(np.arange(40).reshape(2, 1, 4, 5) % 3, 0.0, -1e30)
    past = real(2, 1, 3, 3), real(2, 1, 3, 2)
    yield case("Attention", q, k, v, **heads)
    yield case("Attention", q, real(2, 4, 6), real(2, 4, 4), is_causal=1, scale=0.3, **heads)
    yield case("Attention", q, k, v, added, **heads)
    one = {**heads, "kv_num_heads": 1}
    yield case("Attention", q, real(2, 4, 3), real(2, 4, 2), None, *past, outputs=3, is_causal=1, **one)
    tables = [real(5, 1), real(5, 1)]
    yield case("RotaryEmbedding", q, *tables, ints([0, 1, 2, 3], [4, 3, 0, 1]), num_heads=3, since=23)
    yield case("RMSNormalization", real(2, 3, 4), real(4), axis=-1, epsilon=1e-4, since=23)
    yield case("RMSNormalization", real(2, 3, 4), real(3, 4), axis=1, since=23)


def _linear() -> Iterator[Case]:
    matrices = [
        ((2, 3), (3, 4)),
        ((2, 5, 3), (3, 4)),
        ((2, 2, 3), (2, 3, 2)),
        ((2, 1, 2, 3), (3, 3, 2)),
        ((1, 3), (3, 1)),
    ]
    vectors = [((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2))]
    for a, b in [*matrices, ((2, 3), (4, 3, 2)), *vectors]:
        yield case("MatMul", real(*a), real(*b))
    for trans_a in (0, 1):
        for trans_b in (0, 1):
            a, b = (4, 2) if trans_a else (2, 4), (3, 4) if trans_b else (4, 3)
            yield case("Gemm", real(*a), real(*b), transA=trans_a, transB=trans_b, alpha=0.5)
    for c in [(3,), (2, 3), (2, 1), (1,), ()]:
        yield case("Gemm", real(2, 4), real(4, 3), real(*c), beta=2.5)
    yield case("Gemm", real(2, 4), real(4, 3), real(3))


def _reductions() -> Iterator[Case]:
    for op_type in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare", "ReduceProd"):
        yield case(op_type, real(2, 3, 2))
        yield case(op_type, real(2, 3, 2), keepdims=0)
        yield case(op_type, real(2, 3, 2), [1])
        yield case(op_type, real(2, 3, 2), [-1, 0], keepdims=0)
        yield case(op_type, real(2, 3, 2), [-2], keepdims=0)
        yield case(op_type, real())
    yield case("ReduceSum", real(2, 3), [], noop_with_empty_axes=1)
    for op_type in ("ArgMax", "ArgMin"):
        yield case(op_type, real(2, 3))
        yield case(op_type, real(2, 3), axis=-1, keepdims=0)
    yield case("TopK", real(3, 5), [2], outputs=2)
    yield case("TopK", real(5, 3), [2], outputs=2, axis=0, largest=0)
    for exclusive in (0, 1):
        for reverse in (0, 1):
            yield case("CumSum", real(2, 4), np.array(-1), exclusive=exclusive, reverse=reverse)
    for op_type in ("Softmax", "LogSoftmax"):
        yield case(op_type, real(2, 3))
        yield case(op_type, real(2, 3, 2), axis=1)
        yield case(op_type, real(4), axis=0)


def _shapes() -> Iterator[Case]:
    yield case("Reshape", real(2, 3, 4), [4, -1])
    yield case("Reshape", real(2, 3, 4), [0, 12])
    yield case("Reshape", real(1), np.array([], np.int64))
    yield case("Flatten", real(2, 3, 4))
    yield case("Flatten", real(2, 3, 4), axis=-1)
    yield case("Flatten", real(2, 3), axis=0)
    yield case("Flatten", real(2, 3), axis=2)
    yield case("Transpose", real(2, 3, 4))
    yield case("Transpose", real(2, 3, 4), perm=[1, 2, 0])
    yield case("Squeeze", real(1, 3, 1))
    yield case("Squeeze", real(1, 3, 1), [-1])
    yield case("Unsqueeze", real(2, 3), [0, -1])
    yield case("Unsqueeze", real(), [0])
    yield case("Expand", real(3, 1), [2, 3, 4])
    yield case("Expand", real(2, 3), [3])
    yield case("Expand", real(), [2])
    yield case("Tile", real(2, 3), [1, 2])
    yield case("Tile", real(2, 3), [3, 2])
    yield case("Concat", real(2, 3), real(2, 1), axis=1)
    yield case("Concat", real(2, 3), real(2, 3), real(1, 3), axis=-2)
    yield case("Split", real(2, 5), [2, 3], outputs=2, axis=1)
    yield case("Split", real(4, 3), outputs=2)
    yield case("Split", real(5, 2), outputs=3, num_outputs=3, since=18)
    yield case("Slice", real(4, 5), [1], [3])
    yield case("Slice", real(4, 5), [1, -4], [4, 2**31 - 1], [0, -1])
    yield case("Slice", real(4, 7), [0, 1], [4, 6], [0, 1], [2, 2])
    yield case("Slice", real(4, 7), [-1, 5], [-(2**31), 0], [0, 1], [-1, -3])
    yield case("Slice", real(4, 7), [3], [4], [1], [5])
    yield case("Slice", real(4, 7), [100], [-100], [1], [-2])
    yield case("Slice", real(4), [0], [-1], [0], [1])
    yield case("Pad", real(2, 3), [0, 1, 2, 0])
    yield case("Pad", real(2, 3), [1, -1, 0, 2], np.array(0.5))
    yield case("Pad", real(2, 3), [1, 2, 0, 1], real())
    yield case("Pad", real(2, 3, 4), [1, 2], None, [-1])
    for mode in ("reflect", "edge"):
        yield case("Pad", real(3, 4), [2, 1, 1, 3], mode=mode)
    yield case("Pad", real(3, 4), [0, 1, 0, 3], mode="wrap", since=19)
    yield case("Trilu", real(3, 4))
    yield case("Trilu", real(2, 3, 3), np.array(1), upper=1)
    yield case("Trilu", real(4, 3), np.array(-1), upper=0)
    yield case("Shape", real(2, 3, 4))
    yield case("Shape", real(2, 3, 4), start=1, end=-1)
    yield case("Size", real(2, 3))
    yield case("ConstantOfShape", [2, 3])
    yield case("ConstantOfShape", [2], value=np.array([7], np.int32))
    yield case("Range", np.array(1), np.array(8), np.array(3))
    yield case("Range", np.array(5, np.int32), np.array(0, np.int32), np.array(-2, np.int32))


def _resize() -> Iterator[Case]:
    both, one = np.array([1, 1, 2, 1.5], np.float32), np.array([2, 0.6], np.float32)
    for mode in ("nearest", "linear", "cubic"):
        for convention in ("half_pixel", "align_corners", "asymmetric"):
            yield case("Resize", real(1, 2, 3, 4), None, both, mode=mode, coordinate_transformation_mode=convention)
        yield case("Resize", real(1, 1, 4, 5), None, None, [1, 1, 3, 8], mode=mode)
        yield case("Resize", real(1, 1, 3, 5), None, one, axes=[2, 3], mode=mode, since=18)
    yield case("Resize", real(1, 1, 4, 4), None, both, mode="nearest", nearest_mode="ceil",
               coordinate_transformation_mode="asymmetric")  # fmt: skip
    yield case("Resize", real(1, 1, 4, 4), None, both, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
    copies: dict[str, Any] = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    yield case("Resize", real(1, 2, 3, 2), None, np.array([1, 1, 2, 3], np.float32), **copies)
    yield case("Resize", real(2, 1, 3, 2), None, None, [3, 6], axes=[2, 3], since=18, **copies)
    small = np.array([1, 1, 0.5, 0.6], np.float32)
    yield case("Resize", real(1, 1, 6, 5), None, small, mode="linear", antialias=1, since=18)


def _convolutions() -> Iterator[Case]:
    """ONNX's reference evaluator is wrong in ConvTranspose with groups: reference_convolution.py takes its place."""
    for op_type, swap in (("Conv", False), ("ConvTranspose", True)):
        for x, w, attributes in CONVOLUTIONS:
            group = attributes.get("group", 1)
            weight = (w[1] * group, w[0] // group, *w[2:]) if swap else w
            yield case(op_type, real(*x), real(*weight), real(w[0]), **attributes)
        yield case(op_type, real(2, 2, 3), real(2, 2, 2))
    yield case("ConvTranspose", real(2, 2, 3), real(2, 3, 2), strides=[2], output_padding=[1])
    yield case("ConvTranspose", real(1, 2, 2, 3), real(2, 2, 2, 3), strides=[3, 2], output_padding=[2, 1], group=2)
    yield case("ConvTranspose", real(1, 1, 3, 2), real(1, 2, 3, 2), real(2), strides=[2, 3], output_padding=[1, 0],
               pads=[1, 0, 0, 2], dilations=[2, 1])  # fmt: skip
    yield case("ConvTranspose", real(2, 1, 3), real(1, 2, 1), strides=[3], output_padding=[2])


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 2, 5), (3, 2, 2), {}),
    ((2, 1, 4), (2, 1, 3), {"pads": [2, 0]}),
    ((2, 2, 7), (2, 2, 3), {"strides": [2], "dilations": [2], "pads": [1, 2]}),
    ((2, 3, 4), (2, 3, 1), {}),
    ((2, 2, 7), (3, 2, 1), {"strides": [3], "pads": [1, 0]}),
    ((3, 2, 5), (4, 1, 2), {"group": 2}),
    ((1, 2, 3), (2, 2, 1), {"strides": [7], "pads": [4, 0]}),
    ((2, 2, 4, 3), (3, 2, 3, 2), {"pads": [1, 0, 1, 1]}),
    ((1, 3, 5, 6), (2, 3, 3, 3), {"strides": [2, 3], "pads": [1, 1, 1, 0]}),
    ((1, 2, 6, 5), (2, 2, 2, 3), {"dilations": [3, 2], "pads": [2, 1, 0, 1]}),
    ((2, 2, 7, 6), (2, 2, 3, 2), {"strides": [2, 1], "dilations": [1, 2]}),
    ((1, 2, 8, 5), (1, 2, 2, 2), {"strides": [3, 2]}),
    ((2, 4, 3, 4), (6, 2, 2, 3), {"group": 2, "pads": [0, 1, 1, 1]}),
    ((1, 4, 5, 4), (4, 2, 3, 1), {"group": 2, "strides": [2, 2], "pads": [1, 0, 1, 0]}),
    ((2, 3, 4, 3), (3, 1, 3, 3), {"group": 3, "pads": [1, 1, 1, 1]}),
    ((1, 2, 5, 6), (4, 1, 2, 3), {"group": 2, "strides": [2, 2], "dilations": [2, 1], "pads": [0, 1, 1, 0]}),
    ((2, 3, 3, 2), (4, 3, 1, 1), {}),
    ((2, 4, 3, 5), (6, 2, 1, 1), {"group": 2, "strides": [1, 2]}),
    ((1, 2, 3, 4, 3), (2, 2, 2, 3, 2), {"pads": [0, 1, 1, 1, 1, 0]}),
    ((1, 1, 5, 4, 3), (2, 1, 2, 2, 2), {"strides": [2, 1, 2], "dilations": [1, 2, 1], "pads": [1, 0, 0, 0, 1, 1]}),
    ((1, 2, 2, 3, 2), (2, 1, 2, 2, 1), {"group": 2}),
    ((1, 3, 2, 2, 2), (2, 3, 1, 1, 1), {"strides": [1, 2, 1]}),
]
"""Input, weight of a Conv, attributes: strides that leave elements unread, padding that is wider on one side, a window
that reads nothing but padding, …"""


def _pools() -> Iterator[Case]:
    """Distinct elements: at ties a maximum has no slope. Ties, and ceil_mode, are compared with PyTorch."""
    for axes in (1, 2, 3):
        x, sizes = real(2, 2, *(4, 5, 3)[:axes]), {"kernel_shape": [3, 2, 2][:axes], "strides": [2, 1, 3][:axes]}
        pads = [1, 0, 1][:axes] + [0, 1, 1][:axes]
        for op_type in ("MaxPool", "AveragePool"):
            yield case(op_type, x, kernel_shape=[2] * axes)
            yield case(op_type, x, **sizes, pads=pads)
        yield case("AveragePool", x, **sizes, pads=pads, count_include_pad=1)
    yield case("MaxPool", real(1, 2, 5, 7), kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 1, 0, 2])
    yield case("MaxPool", real(1, 1, 7, 7), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield case("MaxPool", real(1, 1, 9), kernel_shape=[2], strides=[3])
    yield case("AveragePool", real(1, 1, 9), kernel_shape=[2], strides=[3], pads=[1, 1])


def _indexing() -> Iterator[Case]:
    yield case("Gather", real(4, 3), [2, 0, 2, -1])
    yield case("Gather", real(4, 3), ints([2, 0], [2, -1]))
    yield case("Gather", real(2, 4, 2), ints(1, 1, -4, dtype="int32"), axis=1)
    yield case("Gather", real(2, 4, 2), ints([1, 1]), axis=-1)
    yield case("Gather", real(3, 4), np.array(-1), axis=1)
    yield case("Gather", real(3, 4), [1], axis=0)
    yield case("Gather", real(300, 2), [2, 0, 2, -1, 299])
    yield case("GatherElements", real(3, 2), ints([0, 2], [0, -1]))
    yield case("GatherElements", real(2, 3), ints([0, 0], [1, -1]), axis=1)
    yield case("GatherND", real(3, 2, 2), ints([0, 1], [2, 0], [0, -1]))
    yield case("GatherND", real(3, 2, 2), ints([0], [2], [0]))
    yield case("GatherND", real(2, 3, 2), ints([1], [1]), batch_dims=1)
    yield case("GatherND", real(2, 3, 2), ints([[1, 1], [1, 1]], [[0, 0], [2, 1]]), batch_dims=1)
    yield case("ScatterElements", real(3, 3), ints([0, 2, 1], [1, 0, -1]), real(2, 3))
    yield case("ScatterElements", real(2, 4), ints([0, 2], [1, -1]), real(2, 2), axis=1)
    yield case("ScatterElements", real(2, 4), ints([0, 0], [1, 1]), real(2, 2), axis=1, reduction="add")
    yield case("ScatterND", real(4, 2), ints([0], [-1]), real(2, 2))
    yield case("ScatterND", real(3, 2), ints([0, 1], [2, 0]), real(2))
    yield case("ScatterND", real(4, 2), ints([0], [2]), real(2, 2), reduction="add")
    yield case("OneHot", ints(0, 2, 1), np.array(3), real(2))
    yield case("OneHot", ints([0, -1]), np.array(3), real(2), axis=0)
    yield case("OneHot", ints([0, -1]), np.array(3), real(2), axis=1)


def _normalization() -> Iterator[Case]:
    yield case("LayerNormalization", real(3, 4), real(4), real(4))
    yield case("LayerNormalization", real(2, 3, 4), real(3, 4), axis=1, epsilon=0.1)
    yield case("LayerNormalization", real(2, 3, 4), real(4), real(4), outputs=3)
    yield case("LayerNormalization", real(2, 3, 4), real(4), axis=-2, outputs=3)
    statistics = real(3), real(3), real(3, low=-0.5, high=0.5), real(3, low=0.5, high=2)
    yield case("BatchNormalization", real(2, 3, 2, 2), *statistics)
    yield case("BatchNormalization", real(4, 3), *statistics, epsilon=0.1)
    yield case("BatchNormalization", real(2, 3, 2, 2), *statistics, outputs=3, training_mode=1, momentum=0.0)
    yield case("BatchNormalization", real(5, 3), *statistics, outputs=3, training_mode=1, epsilon=0.1)
    yield case("InstanceNormalization", real(2, 3, 4), real(3), real(3))
    yield case("InstanceNormalization", real(2, 2, 3, 2), real(2), real(2), epsilon=0.1)
    yield case("Dropout", real(3, 4))
    yield case("Dropout", real(3, 4), np.array(0.3), np.array(False), outputs=2)


def _recurrent() -> Iterator[Case]:
    yield case("ReverseSequence", real(4, 3, 2), [4, 1, 2], time_axis=0, batch_axis=1)
    yield case("ReverseSequence", real(3, 4), [3, 1, 4], time_axis=1, batch_axis=0)
    for activation in ("Tanh", "Relu"):
        for backwards in (False, True):
            body = RnnStep(activation)
            directions = {"scan_input_directions": [1], "scan_output_directions": [1]} if backwards else {}
            operands = real(2, 3), real(4, 2, 3, low=1, high=2), real(2, 2)
            yield case("Scan", *operands, outputs=2, body=body, num_scan_inputs=1, **directions)
    for op_type, gates, states in (("RNN", 1, 1), ("GRU", 3, 1), ("LSTM", 4, 2)):
        for directions, direction in ((1, "forward"), (2, "bidirectional")):
            wide, start = gates * 2, (real(directions, 3, 2),) * states
            weights = real(4, 3, 5), real(directions, wide, 5), real(directions, wide, 2)
            bias, lengths = real(directions, 2 * wide), ints(4, 1, 2, dtype="int32")
            options = {"hidden_size": 2, "direction": direction} | ({"linear_before_reset": 1} if gates == 3 else {})
            yield case(op_type, *weights, outputs=1 + states, **options)
            yield case(op_type, *weights, bias, lengths, *start, outputs=1 + states, **options)
    yield case("RNN", real(4, 3, 5), real(1, 2, 5), real(1, 2, 2), outputs=2, hidden_size=2, activations=["Relu"])
    yield case("GRU", real(4, 3, 5), real(1, 6, 5), real(1, 6, 2), real(1, 12), outputs=2, hidden_size=2)


def _quantization() -> Iterator[Case]:
    bytes = ints([0, 7, 255], [3, 128, 90], dtype="uint8")
    weights = ints([-127, 5, 0, 90], [3, -8, 127, 1], [0, 1, -2, 3], dtype="int8")
    yield case("QuantizeLinear", real(2, 3), np.float32(0.02), np.uint8(100))
    # ONNX's reference evaluator has the older forms of DequantizeLinear from 19 on.
    yield case("DequantizeLinear", bytes, np.float32(0.02), np.uint8(100), since=19)
    yield case("DequantizeLinear", bytes, np.array([0.1, 0.5], np.float32), axis=0, since=19)
    yield case("DynamicQuantizeLinear", real(2, 3), outputs=3)
    yield case("MatMulInteger", bytes, weights, np.uint8(100))
    yield case("MatMulInteger", bytes[None], weights)


FAMILIES = (
    *(_elementwise, _tests_and_bits, _linear, _reductions, _shapes, _resize, _convolutions, _pools, _indexing),
    *(_normalization, _recurrent, _quantization, _attention),
)
CASES: tuple[Case, ...] = tuple(row for family in FAMILIES for row in family())


def names(cases: tuple[Case, ...] = CASES) -> list[str]:
    """A unique id for each row."""
    counts: dict[str, int] = {}
    result = []
    for row in cases:
        counts[row.op_type] = counts.get(row.op_type, 0) + 1
        result.append(f"{row.op_type}-{counts[row.op_type]}")
    return result
