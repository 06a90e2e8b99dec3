"""Shapes of arrays held against declared types; symbolic dimensions are bound to one size each."""

from __future__ import annotations

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
        mismatch = f"{name} takes {wanted}, {found} gives {list(shape)}"
        if type.rank == 0:
            raise Fault("E607", f"{name} takes {wanted}, which has no first dimension for the rows of {found}")
        if type.rank != len(shape):
            raise Fault("E607", f"{mismatch}: {type.rank} dimensions against {len(shape)}", help=help)
        for dim, size in zip(type.shape[1:], shape[1:], strict=True):
            self._fit_dim(dim, size, name, mismatch, help)

    def _fit_dim(self, dim: Dim, size: int, name: str, mismatch: str, help: str) -> None:
        known = substitute(dim, self.sizes)
        if isinstance(known, int):
            if known != size:
                because = self._because(dim)
                raise Fault("E607", f"{mismatch}: {known} against {size}{because}", help=help)
            return
        solution = _solved(known, size)
        if solution is None:
            return
        symbol, value = solution
        if value < 1:
            raise Fault("E607", f"{mismatch}: {size} is not of the form {dim}", help=help)
        self.sizes[symbol], self._origin[symbol] = value, name

    def _because(self, dim: Dim) -> str:
        said = [f"{symbol} is {self.sizes[symbol]} in {self._origin[symbol]}" for symbol in sorted(symbols(dim))]
        return f", since {' and '.join(said)}" if said else ""


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
