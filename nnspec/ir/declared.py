"""What a file states about inputs: types, dimensions, their order; and the kinds of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from nnspec.diagnostics.errors import Fault
from nnspec.ir import limits
from nnspec.ir.arithmetic import describe, is_number
from nnspec.ir.dims import Dim, Size, exact_quotient, symbols
from nnspec.ir.expressions import Expressions, blamed, shown
from nnspec.ir.records import POISON, Environment, Poison, Tensor
from nnspec.ir.types import DTYPES, TensorType
from nnspec.ir.wording import suggestion
from nnspec.language import syntax
from nnspec.language.spelling import spelled

BEFORE_INPUTS = (syntax.Input, syntax.Let, syntax.LayerInstance, syntax.Broken)
SIZE = "a size"
FOREIGN_DTYPES = {
    **dict.fromkeys(("float", "f32", "float32", "single"), "float32"),
    **dict.fromkeys(("double", "f64", "float64"), "float64"),
    **dict.fromkeys(("half", "f16", "fp16", "float16"), "float16"),
    **dict.fromkeys(("bf16", "bfloat16"), "bfloat16"),
    **dict.fromkeys(("int", "long", "i64", "int64", "integer"), "int64"),
    **dict.fromkeys(("i32", "int32"), "int32"),
    **dict.fromkeys(("byte", "u8", "uint8"), "uint8"),
    **dict.fromkeys(("boolean", "bool", "bool_"), "bool"),
    **dict.fromkeys(("str", "string", "text", "object"), "string"),
}
"""Names of other languages, in small letters."""
NO_DIMENSIONS = ("None", "none", "null", "-1")
"""What other frameworks write for a size that is free."""


class Declared:
    """Reads the types that `input` and `target` lines state."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.record = expressions.record

    def split(self, body: Sequence[syntax.Statement]) -> tuple[list[syntax.Statement], list[syntax.Statement]]:
        """The statements down to the last input, and those below; reports an input below what makes values."""
        last = max((index for index, s in enumerate(body) if isinstance(s, syntax.Input)), default=-1)
        top: list[syntax.Statement] = [s for s in body[: last + 1] if isinstance(s, BEFORE_INPUTS)]
        rest: list[syntax.Statement] = [s for s in body[: last + 1] if not isinstance(s, BEFORE_INPUTS)]
        if rest:
            late = body[last]
            assert isinstance(late, syntax.Input)
            self.record.report(Fault("E220", "an input stands above the statements that make values"), late.name.span)
            rest.insert(0, syntax.Broken((), late.span))  # which value is current at first, is not known then
        return top, [*rest, *body[last + 1 :]]

    def type(self, env: Environment, declared: syntax.TypeExpr, *, label: bool = False) -> TensorType | Poison:
        """The type that an `input` line or a target states; unknown names are symbolic dimensions."""
        dtype = declared.dtype.name if declared.dtype else ""
        if dtype == "label" and label:
            dtype = "int64"
        if dtype not in DTYPES:
            place = declared.dtype.span if declared.dtype else declared.span
            found = f"{dtype} is no dtype" if dtype else "a dtype is missing"
            other = FOREIGN_DTYPES.get(dtype.rpartition(".")[2].lower())
            help = f"did you mean {other}?" if other else suggestion(dtype, DTYPES, "dtypes are")
            return self.record.report(Fault("E215", found, help=help), place)
        env.symbolic = True
        try:
            dims = [self._dim(env, dim, declared) for dim in declared.dims or []]
        finally:
            env.symbolic = False
        return POISON if POISON in dims else TensorType(dtype, tuple(dims))  # type: ignore[arg-type]

    def _dim(self, env: Environment, expr: syntax.Expr, declared: syntax.TypeExpr) -> Any:
        if spelled(expr) in NO_DIMENSIONS:
            fault = Fault(
                "E205",
                f"a dimension is a whole number of at least 1 or a name, got {spelled(expr)}",
                help=f"a size that is free has a name, as the number of rows has: {_named(declared)}",
            )
            return self.record.report(fault, expr.span)
        value = self.expressions.evaluate(env, expr)
        whole = _whole(value)
        if isinstance(value, (Poison, Size)) or (whole and 0 < value <= limits.MAX_VALUE):
            return value
        if whole and value > 0:
            fault = Fault("E222", f"a dimension is at most 2^53, got {describe(value)}")
        else:
            fault = Fault("E205", f"a dimension is a whole number of at least 1 or a name, got {shown(value)}")
        return self.record.report(fault, blamed(expr))

    def bind_symbols(self, env: Environment, type: TensorType) -> None:
        """Make the symbolic sizes of a model's input known as names."""
        for name in {name for dim in type.shape for name in symbols(dim)}:
            if name not in env.values:
                env.values[name] = Size({(name,): 1})
                env.fixed[name] = SIZE

    # Inputs of a block

    def match(self, env: Environment, name: str, declared: syntax.TypeExpr, value: Tensor) -> None:
        """Hold what an input of a block states against the value that it gets. Raises E203, E208, E214 or E215."""
        if declared.dtype and declared.dtype.name != value.type.dtype:
            wanted = f"{name} is declared {declared.dtype.name}"
            raise Fault("E215", f"{wanted}, and gets {value.type}", help=f'cast("{declared.dtype.name}") converts')
        if declared.dims is None:
            return
        if len(declared.dims) != value.type.rank:
            wanted = f"[{', '.join(map(spelled, declared.dims))}]"
            raise Fault("E203", f"{name} is declared {wanted}, {len(declared.dims)} dimensions, and gets {value.type}")
        for pattern, actual in zip(declared.dims, value.type.shape, strict=True):
            self._match_dim(env, name, pattern, actual, value)

    def _match_dim(self, env: Environment, name: str, pattern: syntax.Expr, actual: Dim, value: Tensor) -> None:
        """Bind a size to its name (`C`, or H in `8 * H`), or hold it against what is known."""
        if isinstance(pattern, syntax.Name) and pattern.name not in env.values:
            _bind_size(env, pattern.name, actual)
            return
        factor, size = self._multiple(env, pattern)
        if size is not None and isinstance(factor, int) and factor > 0:
            try:
                _bind_size(env, size, exact_quotient(actual, factor))
            except Fault:
                raise _mismatch(name, f"{spelled(pattern)}, a multiple of {factor}", actual, value) from None
            return
        wanted = self.expressions.evaluate(env, pattern)
        if wanted is not POISON and wanted != actual:
            text = spelled(pattern)
            text = text if text == str(wanted) else f"{text} = {wanted}"
            raise _mismatch(name, text, actual if isinstance(actual, Size) else wanted, value, actual)

    def _multiple(self, env: Environment, pattern: syntax.Expr) -> tuple[Any, str | None]:
        """Factor and new name of `8 * H` or `H * 8`."""
        match pattern:
            case syntax.Binary(operator="*", left=factor, right=syntax.Name(name=size)) if size not in env.values:
                return self.expressions.evaluate(env, factor), size
            case syntax.Binary(operator="*", left=syntax.Name(name=size), right=factor) if size not in env.values:
                return self.expressions.evaluate(env, factor), size
        return None, None


def _bind_size(env: Environment, name: str, size: Dim) -> None:
    env.values[name] = size
    env.fixed[name] = SIZE


def _mismatch(name: str, wanted: str, deciding: Any, value: Tensor, actual: Dim | None = None) -> Fault:
    """The error for a size that is not as declared; a symbolic one among the two is merely not proved to be."""
    found = deciding if actual is None else actual
    if isinstance(deciding, Size):
        return Fault(
            "E214",
            f"{name} is declared with a size of {wanted}, and {found} in {value.type} is not provably that",
            help="give both dimensions the same name, or the same number",
        )
    return Fault("E208", f"{name} is declared with a size of {wanted}, and gets {found} in {value.type}")


def dimension_names(declared: syntax.TypeExpr | None) -> set[str]:
    """The names in the dimensions of a declared type."""
    waiting = list(declared.dims or []) if declared else []
    found = set()
    while waiting:
        match waiting.pop():
            case syntax.Name(name=name):
                found.add(name)
            case syntax.Binary(left=left, right=right):
                waiting += [left, right]
    return found


def check_kind(name: str, value: Any, default: Any) -> None:
    """Raise E205 unless a parameter keeps the kind of its default; a list may stand for a number: a size per axis."""
    wanted, found = _kind(default), _kind(value)
    fits = not wanted or not found or wanted == found or (wanted, found) == ("a number", "a list")
    if fits and not (_whole(default) and isinstance(value, (float, Fraction))):
        return
    wanted = "a whole number" if _whole(default) else wanted
    raise Fault("E205", f"{name} is {wanted} (its default is {describe(default)}), got {shown(value)}")


def _kind(value: Any) -> str:
    """Number, boolean, string or list; an empty text for what may stand for any of them."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, tuple):
        return "a list"
    return "a number" if is_number(value) else ""


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _named(declared: syntax.TypeExpr) -> str:
    """The type with names in the place of None: N for the rows, other letters behind them."""
    sizes = [spelled(dim) for dim in declared.dims or []]
    letters = iter([letter for letter in ("T", *"ABCDEFGHIJKLMOPQRSUVWXYZ") if letter not in sizes])
    for at, size in enumerate(sizes):
        if size in NO_DIMENSIONS:
            sizes[at] = "N" if at == 0 and "N" not in sizes else next(letters, "S")
    return f"{declared.dtype.name if declared.dtype else ''}[{', '.join(sizes)}]"
