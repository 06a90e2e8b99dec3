"""The type of a value: dtype and shape."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Shape, symbols

DType = Literal["float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool", "string"]
DTYPES: tuple[str, ...] = get_args(DType)
FLOATS = ("float32", "float16", "bfloat16", "float64")
INTEGERS = ("int64", "int32", "uint8")
NUMBERS = FLOATS + INTEGERS


class TensorType(NamedTuple):
    """`float32[N, 3]`: a dtype and a shape of numbers and symbolic dimensions."""

    dtype: DType
    shape: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    def with_shape(self, *shape: Dim) -> TensorType:
        return TensorType(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> TensorType:
        return TensorType(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}{shape_text(self.shape)}"


def shape_text(shape: Shape) -> str:
    """`[N, 3]`."""
    return f"[{', '.join(str(dim) for dim in shape)}]"


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of an elementwise result, by ONNX's (NumPy's) multidirectional broadcasting. Raises E208."""
    rank = max(len(a), len(b))
    padded = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    try:
        return tuple(_broadcast_dim(x, y, a, b) for x, y in padded)
    except Fault as fault:
        fault.help = _from_the_first(a, b) or fault.help or _made_equal(a, b)
        raise


def _from_the_first(a: Shape, b: Shape) -> str:
    """The help where [N, C, H, W] meets [N, C], which would fit if sizes were compared from the first."""
    longer, shorter = sorted((a, b), key=len, reverse=True)
    if not 1 < len(shorter) < len(longer) or shorter != longer[: len(shorter)]:
        return ""
    fitting = (*shorter, *(1 for _ in longer[len(shorter) :]))
    written = ", ".join(str(dim) for dim in fitting[1:])
    return f"sizes are compared from the last: reshape({written}) makes {shape_text(fitting)} of {shape_text(shorter)}"


def _made_equal(a: Shape, b: Shape) -> str:
    """The help for a residual connection whose two ways have other channels, or other heights and widths."""
    differ = [axis for axis, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
    if len(a) != len(b) or 0 in differ:
        return ""
    if len(a) == 2:
        return f"dense({b[1]}) gives the first as many features, dense({a[1]}) the second"
    if differ == [1] and len(a) in (3, 4, 5):
        return f"conv{len(a) - 2}d({b[1]}, 1) gives the first as many channels"
    if len(a) in (3, 4, 5) and 1 not in differ and all(isinstance(size, int) for size in (*a[2:], *b[2:])):
        return 'padding = "same" keeps sizes, and a stride on one way needs the same stride on the other'
    large, small = a, b
    for shape, other in ((a, b), (b, a)):
        if len(shape) in (3, 4, 5) and isinstance(shape[2], int) and isinstance(other[2], int) and shape[2] > other[2]:
            large, small = shape, other
            if 1 in differ and shape[2] % other[2] == 0:
                stride = shape[2] // other[2]
                return f"conv{len(a) - 2}d({small[1]}, 1, stride = {stride}) brings {shape_text(large)} to it"
    return ""


def _broadcast_dim(x: Dim, y: Dim, a: Shape, b: Shape) -> Dim:
    if y in (x, 1):
        return x
    if x == 1:
        return y
    if isinstance(x, int) and isinstance(y, int):
        raise Fault("E208", f"shapes {shape_text(a)} and {shape_text(b)} do not fit: {x} against {y}")
    raise Fault(
        "E214",
        f"shapes {shape_text(a)} and {shape_text(b)} do not provably fit: {x} against {y}",
        help=_same_size(x, y),
    )


def _same_size(x: Dim, y: Dim) -> str:
    """The help for two sizes that are not known to be equal."""
    if shared := symbols(x) & symbols(y):
        name = sorted(shared)[0]
        return f"an input declared with 2 * {name} or 4 * {name} keeps sizes exact when they are halved"
    return "give both dimensions the same name, or the same number"


def axis_of(type: TensorType, axis: int) -> int:
    """`axis` counted from the front. Raises E207 where the value has no such axis."""
    if not -type.rank <= axis < type.rank:
        raise Fault("E207", f"axis {axis} is outside {type}, whose axes are 0 to {type.rank - 1}")
    return axis % type.rank
