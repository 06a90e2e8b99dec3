"""Shapes of a request held against what a model declares; a symbol has one size in all inputs."""

from __future__ import annotations

from functools import lru_cache

from nnspec.ir.dims import Dim, substitute, symbols
from nnspec.ir.types import TensorType
from nnspec.serving.refusal import bad


class Fitting:
    """The sizes that the inputs of a request have agreed on."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def fit(self, name: str, type: TensorType, shape: tuple[int, ...], field: str) -> None:
        """Raise a Refusal unless `shape` fits `type`."""
        if len(shape) != type.rank:
            raise bad(field, f"{name} is {type}, found {len(shape)} dimensions")
        for axis, (dim, size) in enumerate(zip(type.shape, shape, strict=True)):
            known = self._known(dim, size, name)
            if isinstance(known, int) and known != size:
                said = [f"{symbol} is {self.sizes[symbol]} in {self._said[symbol]}" for symbol in sorted(symbols(dim))]
                since = f", since {' and '.join(said)}" if said else ""
                raise bad(f"{field}[{axis}]", f"{name} is {type}, so {known} is wanted{since}, found {size}")

    def _known(self, dim: Dim, size: int, name: str) -> Dim:
        """The size that is wanted; a symbol that stands alone and is new takes the one that is given."""
        if isinstance(dim, int):
            return dim
        symbol = _alone(dim)
        if symbol is None:
            return substitute(dim, self.sizes)
        if symbol not in self.sizes:
            self.sizes[symbol], self._said[symbol] = size, name
        return self.sizes[symbol]


@lru_cache(1024)
def _alone(dim: Dim) -> str | None:
    """The symbol that a size consists of; None for any other."""
    return str(dim) if symbols(dim) == {str(dim)} else None
