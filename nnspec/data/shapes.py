"""Shapes of arrays held against declared types; symbolic dimensions are bound to one size each."""

from __future__ import annotations

from math import prod

from nnspec.diagnostics.errors import Fault
from nnspec.ir.dims import Dim, Size, substitute, symbols
from nnspec.ir.types import TensorType


class Bindings:
    """The sizes of symbols that a set of arrays has agreed on, and who said so."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._origin: dict[str, str] = {}

    def fit(
        self, name: str, type: TensorType, wanted: str, shape: tuple[int, ...], *, found: str, help: str = ""
    ) -> None:
        """Raise E607 unless `shape` fits `type`; the first axis counts rows and fits anything.

        `wanted` is the type as messages say it, `found` where the array is from: `data/digits.npz`.
        """
        problem = self._problem(name, type, shape)
        if problem and type.rank == 0:
            raise Fault("E607", f"{name} takes {wanted}, which has no first dimension for the rows of {found}")
        if problem:
            help = help or meant(type, shape, label=wanted.startswith("label"))
            raise Fault("E607", f"{name} takes {wanted}, {found} gives {list(shape)}: {problem}", help=help)

    def _problem(self, name: str, type: TensorType, shape: tuple[int, ...]) -> str:
        """Why `shape` does not fit; an empty text where it does."""
        if type.rank == 0 or type.rank != len(shape):
            return f"{type.rank} dimensions against {len(shape)}"
        dims = zip(type.shape[1:], shape[1:], strict=True)
        return next((problem for dim, size in dims if (problem := self._problem_of(dim, size, name))), "")

    def _problem_of(self, dim: Dim, size: int, name: str) -> str:
        known = substitute(dim, self.sizes)
        if isinstance(known, int):
            return "" if known == size else f"{known} against {size}{self._because(dim)}"
        solution = _solved(known, size)
        if solution is None:
            return ""
        symbol, value = solution
        if value < 1:
            return f"{size} is not of the form {dim}"
        self.sizes[symbol], self._origin[symbol] = value, name
        return ""

    def _because(self, dim: Dim) -> str:
        said = [f"{symbol} is {self.sizes[symbol]} in {self._origin[symbol]}" for symbol in sorted(symbols(dim))]
        return f", since {' and '.join(said)}" if said else ""


def meant(type: TensorType, shape: tuple[int, ...], *, label: bool = False) -> str:
    """The help for an array that holds what `type` is of, in another form; an empty text where nothing is likely."""
    wanted, given = type.shape[1:], shape[1:]
    found = type.with_shape(type.shape[0], *given)
    if label:
        if len(given) == len(wanted) + 1 and given[-1] == 1:
            return "an axis of size 1 is left over: array.squeeze(-1)"
        one_hot = len(given) == len(wanted) + 1 and given[-1] > 1
        return "a label is the number or the name of a class; of one-hot rows it is array.argmax(-1)" if one_hot else ""
    if len(wanted) == len(given) > 1 and wanted == (given[-1], *given[:-1]):
        back = ", ".join(str(axis) for axis in (0, len(given), *range(1, len(given))))
        return f"its channels are last: declare {found}, and transpose({back}) in the model"
    if len(wanted) == len(given) > 1 and wanted == (*given[1:], given[0]):
        return f"channels come first: declare {found}"
    if len(given) > 1 and wanted in ((*given, 1), (1, *given)):
        return f"declare {found}, and unsqueeze(1) in the model, which makes one channel of it"
    if len(wanted) == 1 and len(given) > 1 and wanted[0] == prod(given):
        return f"declare {found}, and flatten in the model"
    if len(wanted) == len(given) == 3 and wanted[0] == given[0]:
        return f"declare {found}, and resize in the model"
    return ""


def _solved(dim: Size, size: int) -> tuple[str, int] | None:
    """The symbol and its value where `dim` is a*symbol + b; 0 where no whole value fits, None for any other form."""
    linear = {monomial: factor for monomial, factor in dim.terms.items() if monomial}
    if len(linear) != 1:
        return None
    ((monomial, factor),) = linear.items()
    if len(monomial) != 1 or not isinstance(monomial[0], str):
        return None
    rest = size - dim.terms.get((), 0)
    return monomial[0], 0 if rest % factor else rest // factor
