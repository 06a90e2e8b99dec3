"""Arithmetic between values. The language spells these with symbols; broadcasting is ONNX's (NumPy's)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nnspec.diagnostics.errors import Fault
from nnspec.ir.components import Example, Operator, require_dtype
from nnspec.ir.dims import Dim, Shape, Size, product
from nnspec.ir.types import DTYPES, FLOATS, DType, TensorType, broadcast
from nnspec.layers.registry import OPERATORS, define

if TYPE_CHECKING:
    from nnspec.graph.graph import Graph, Value

SIGNED = (*FLOATS, "int64", "int32")
ORDERED = (*SIGNED, "uint8")
RANGES = {"uint8": (0, 2**8 - 1), "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


class Elementwise(Operator):
    """Base of the operators that one ONNX operator computes element by element."""

    kind = "operator"
    operator: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]]
    gives_bool: ClassVar[bool] = False

    def infer(self, *inputs: TensorType) -> TensorType:
        for x in inputs:
            require_dtype(self.name, x, self.dtypes)
        dtype = _common_dtype(self.name, *inputs)
        shape = inputs[0].shape if len(inputs) == 1 else _broadcast_rows(*inputs)
        return TensorType("bool" if self.gives_bool else dtype, shape)

    def lower(self, g: Graph, *inputs: Value) -> Value:
        return g.op(self.operator, *inputs)


def elementwise(
    name: str,
    operator: str,
    symbol: str,
    dtypes: tuple[str, ...],
    *,
    gives_bool: bool = False,
    inputs: int = 2,
    low: float = -2.0,
) -> None:
    """Register an operator; `symbol` is how the language writes it."""
    sample = "bool[N, 3]" if dtypes == ("bool",) else "float32[N, 3]"
    shapes = "[*], [*] -> [*]" if inputs == 2 else "[*] -> [*]"
    doc = f"`{symbol}`.    {shapes}{', bool' if gives_bool else ''}    ONNX: {operator}."
    examples = tuple(Example(name, (sample, other)[:inputs], low, 2.0) for other in (sample, sample.replace("N, ", "")))
    define(
        OPERATORS,
        name,
        Elementwise,
        doc=doc,
        examples=examples,
        arity=(inputs, inputs),
        operator=operator,
        dtypes=dtypes,
        gives_bool=gives_bool,
    )


elementwise("add", "Add", "a + b", SIGNED)
elementwise("subtract", "Sub", "a - b", SIGNED)
elementwise("multiply", "Mul", "a * b", SIGNED)
elementwise("divide", "Div", "a / b", FLOATS, low=0.5)
elementwise("negate", "Neg", "-a", SIGNED, inputs=1)
elementwise("equal", "Equal", "a == b", DTYPES, gives_bool=True)
elementwise("less", "Less", "a < b", ORDERED, gives_bool=True)
elementwise("less_equal", "LessOrEqual", "a <= b", ORDERED, gives_bool=True)
elementwise("greater", "Greater", "a > b", ORDERED, gives_bool=True)
elementwise("greater_equal", "GreaterOrEqual", "a >= b", ORDERED, gives_bool=True)


@OPERATORS("not_equal")
class NotEqual(Elementwise):
    """`a != b`.    [*], [*] -> [*], bool    ONNX: Equal and Not."""

    arity = (2, 2)
    dtypes = DTYPES
    gives_bool = True
    examples = (
        Example("not_equal", ("int64[N, 3]", "int64[N, 3]"), 0, 3),
        Example("not_equal", ("int64[N, 3]", "int64[]"), 0, 3),
    )

    def lower(self, g: Graph, *inputs: Value) -> Value:
        return g.op("Not", g.op("Equal", *inputs))


@OPERATORS("matmul")
class Matmul(Operator):
    """`a @ b`: matrices in the last two axes, the axes before them broadcast.

    [*, A, B], [*, B, C] -> [*, A, C]    ONNX: MatMul.
    """

    kind = "operator"
    arity = (2, 2)
    examples = (
        Example("matmul", ("float32[N, 3, 4]", "float32[N, 4, 2]")),
        Example("matmul", ("float32[N, 2, 3, 4]", "float32[4, 5]")),
    )

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        for x in (a, b):
            require_dtype(self.name, x, FLOATS)
            if x.rank < 2:
                raise Fault(
                    "E203", f"`@` needs matrices in the last two axes, got {a} @ {b}", help="unsqueeze adds an axis"
                )
        dtype = _common_dtype(self.name, a, b)
        if a.shape[-1] != b.shape[-2]:
            self._mismatch(a, b)
        return TensorType(dtype, (*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))

    def macs(self, a: TensorType, b: TensorType) -> Dim:
        return product(self.infer(a, b).shape) * a.shape[-1]

    def lower(self, g: Graph, a: Value, b: Value) -> Value:
        return g.op("MatMul", a, b)

    def _mismatch(self, a: TensorType, b: TensorType) -> None:
        inner = f"{a.shape[-1]} columns against {b.shape[-2]} rows"
        if isinstance(a.shape[-1], Size) or isinstance(b.shape[-2], Size):
            raise Fault(
                "E214",
                f"{a} @ {b} does not provably fit: {inner}",
                help="give both dimensions the same name, or the same number",
            )
        swapped = b.rank > 1 and a.shape[-1] == b.shape[-1]
        raise Fault(
            "E208", f"{a} @ {b} does not fit: {inner}", help="transpose swaps the last two axes" if swapped else ""
        )


@OPERATORS("constant")
class Constant(Operator):
    """A number among values; it takes the dtype of the value beside it.    -> []"""

    kind = "operator"
    arity = (0, 0)
    examples = (
        Example('constant(0.5, "float32")', ()),
        Example('constant(value = 3, dtype = "int64")', ()),
        Example('constant(true, "bool")', ()),
    )

    value: bool | int | float
    """The number."""
    dtype: DType
    """Of the result; the number must fit."""

    def infer(self) -> TensorType:
        if not self._fits():
            shown = str(self.value).lower() if isinstance(self.value, bool) else self.value
            raise Fault(
                "E215", f"the number {shown} does not fit {self.dtype}", help="cast converts the value beside it"
            )
        return TensorType(self.dtype, ())

    def lower(self, g: Graph) -> Value:
        return g.constant(self.value, self.dtype)

    def _fits(self) -> bool:
        if self.dtype == "bool" or isinstance(self.value, bool):
            return self.dtype == "bool" and isinstance(self.value, bool)
        if self.dtype in RANGES:
            low, high = RANGES[self.dtype]
            return isinstance(self.value, int) and low <= self.value <= high
        return self.dtype in FLOATS


def _common_dtype(name: str, *inputs: TensorType) -> DType:
    first = inputs[0]
    for other in inputs[1:]:
        if other.dtype != first.dtype:
            raise Fault(
                "E215",
                f"{name} needs values of one dtype, got {first} and {other}",
                help=f'cast("{first.dtype}") converts',
            )
    return first.dtype


def _broadcast_rows(a: TensorType, b: TensorType) -> Shape:
    """The broadcast shape. Raises E208 where rows would run along another axis of the other value: [N] and [N, 1]."""
    shape = broadcast(a.shape, b.shape)
    short, long = sorted((a, b), key=lambda x: x.rank)
    if 0 < short.rank < long.rank and isinstance(short.shape[0], Size) and short.shape[0] == long.shape[0]:
        grown = TensorType(short.dtype, (*short.shape, *(1 for _ in range(long.rank - short.rank))))
        pairs = f"{short} and {long} would broadcast to {TensorType(a.dtype, shape)}"
        raise Fault(
            "E208",
            f"{pairs}: every row of one with every row of the other",
            help=f"unsqueeze(-1) until {short} is {grown}",
        )
    return shape
